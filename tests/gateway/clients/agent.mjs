// The same as agent.py for the frameworks of JavaScript.
//
// usage: node agent.mjs MODULES FRAMEWORK URL TOKEN      MODULES: the node_modules that hold them

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [, , modules, framework, url, token] = process.argv;
const resolve = createRequire(`${modules}/`);
// By its name alone, a module would be looked for beside this file only.
const load = (name) => import(pathToFileURL(resolve.resolve(name)));
const headers = { Authorization: `Bearer ${token}` };
const script = {};

function tell(text, failed) {
  script.told = { text, failed };
}

// The agent is shown the text again beside the fields of which it is made, all of it as one JSON object.
function fieldsOf(text) {
  try {
    const { structuredContent } = JSON.parse(text);
    return structuredContent ? JSON.stringify(structuredContent) : text;
  } catch {
    return text;
  }
}

async function langchain() {
  const { createAgent } = await load('langchain');
  const { MultiServerMCPClient } = await load('@langchain/mcp-adapters');
  const { BaseChatModel } = await load('@langchain/core/language_models/chat_models');
  const { AIMessage, ToolMessage } = await load('@langchain/core/messages');

  class Model extends BaseChatModel {
    _llmType() {
      return 'scripted';
    }
    bindTools(tools) {
      script.offered = tools.map((tool) => tool.name);
      return this;
    }
    async _generate(messages) {
      const last = messages.at(-1);
      let message = new AIMessage('done');
      if (ToolMessage.isInstance(last)) tell(fieldsOf(last.text), last.status === 'error');
      else if (script.name) message = new AIMessage({ content: '', tool_calls: [{ name: script.name, args: script.arguments, id: '1' }] });
      return { generations: [{ text: '', message }] };
    }
  }
  const client = new MultiServerMCPClient({ mcpServers: { modelrun: { transport: 'http', url, headers } } });
  const agent = createAgent({ model: new Model({}), tools: await client.getTools() });
  return { go: () => agent.invoke({ messages: [{ role: 'user', content: 'go' }] }), close: () => client.close() };
}

async function ai() {
  const { generateText, stepCountIs } = await load('ai');
  const { MockLanguageModelV4 } = await load('ai/test');
  const { createMCPClient } = await load('@ai-sdk/mcp');
  const client = await createMCPClient({ transport: { type: 'http', url, headers } });
  const tools = await client.tools();

  const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
  const turn = (part, unified) => ({ content: [part], finishReason: { unified, raw: unified }, usage, warnings: [] });
  const model = new MockLanguageModelV4({
    doGenerate: async ({ prompt, tools: offered }) => {
      script.offered = offered.map((tool) => tool.name);
      const last = prompt.at(-1);
      if (last.role === 'tool') {
        const { output } = last.content[0];
        tell(output.type === 'content' ? output.value.map((part) => part.text).join('') : String(output.value), output.type.startsWith('error'));
      } else if (script.name) {
        return turn({ type: 'tool-call', toolCallId: '1', toolName: script.name, input: JSON.stringify(script.arguments) }, 'tool-calls');
      }
      return turn({ type: 'text', text: 'done' }, 'stop');
    },
  });
  return { go: () => generateText({ model, tools, prompt: 'go', stopWhen: stepCountIs(3) }), close: () => client.close() };
}

const { go, close } = await { langchain, ai }[framework]();
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  Object.assign(script, { name: request.name, arguments: request.arguments, told: undefined });
  let answer;
  try {
    await go();
    answer = script.told ?? { tools: script.offered };
  } catch (error) {
    answer = { aborted: `${error.name}: ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await close();
