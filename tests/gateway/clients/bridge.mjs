// One of the TypeScript clients, for a test in another language: a JSON request a line on stdin, JSON answers on stdout.
//
// usage: node bridge.mjs MODULES client|sdk URL TOKEN MODE
//   MODULES the node_modules that hold the client
//   client  @modelcontextprotocol/client; MODE is legacy, auto or a version that it must speak
//   sdk     @modelcontextprotocol/sdk, which speaks the older era only; MODE is legacy
// in:  {"id": 1, "list": true} | {"id": 2, "name": TOOL, "arguments": {...}, "progress": true}
// out: {"id": 2, "progress": {...}}, then {"id": 2, "result": {...}} or {"id": 2, "failure": "..."}

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [, , modules, library, url, token, mode] = process.argv;
// By import, modules would be looked for beside this file only.
const load = createRequire(`${modules}/`);

async function connected() {
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  const name = { name: 'gateway-test', version: '0' };
  if (library === 'sdk') {
    const { Client } = load('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = load('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const client = new Client(name);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = load('@modelcontextprotocol/client');
  const versionNegotiation = { mode: mode === 'legacy' || mode === 'auto' ? mode : { pin: mode } };
  const client = new Client(name, { versionNegotiation });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
}

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function serve(client, { id, list, name, arguments: given, progress }) {
  try {
    if (list) return say({ id, result: await client.listTools() });
    // Without both of these the client gives up after its 60 seconds.
    const options = progress ? { onprogress: (step) => say({ id, progress: step }), resetTimeoutOnProgress: true } : {};
    const call = { name, arguments: given };
    say({ id, result: await (library === 'sdk' ? client.callTool(call, undefined, options) : client.callTool(call, options)) });
  } catch (error) {
    say({ id, failure: `${error.name}: ${error.message}` });
  }
}

const client = await connected();
for await (const line of createInterface({ input: process.stdin })) await serve(client, JSON.parse(line));
await client.close();
