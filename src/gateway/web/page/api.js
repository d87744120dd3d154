// Calls the gateway's plain HTTP API. The token is kept in this module only, never in storage, a cookie or a URL.
let token = '';
let whenRefused = () => {};

export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status; // of HTTP; 0: there was no answer
  }
}

export function setToken(text) {
  token = text;
}

// Sets the function that is called, with a sentence for the user, when the gateway does not accept the token any more.
export function onRefused(handler) {
  whenRefused = handler;
}

// JSON.parse(), but integers that a double cannot hold become BigInts, if the browser passes their digits to the
// reviver.
export function parse(text) {
  return JSON.parse(text, (name, value, context) => (typeof value === 'number' && !Number.isSafeInteger(value)
    && context && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value));
}

async function problemOf(answer) {
  let detail = '';
  try {
    detail = JSON.parse(await answer.text()).detail;
  } catch { /* not JSON, such as a proxy's page: the status says enough */ }
  return new Problem(answer.status, detail || `The gateway answered ${answer.status}.`);
}

async function ask(path, { method = 'GET', body, signal, headers = {} } = {}) {
  const used = token;
  let answer;
  try {
    answer = await fetch(path, {
      method, body, signal, credentials: 'omit', cache: 'no-store', redirect: 'error',
      headers: used ? { ...headers, Authorization: `Bearer ${used}` } : headers,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'The gateway cannot be reached. The page goes on trying.');
  }
  if (answer.ok) return answer;
  const problem = await problemOf(answer);
  // If the token was replaced while the request was under way, the answer says nothing about the new token.
  if (problem.status === 401 && used === token) whenRefused(problem.message);
  throw problem;
}

export const getJson = async (path, options) => parse(await (await ask(path, options)).text());
export const getText = async (path) => (await ask(path)).text();
export const getBytes = async (path) => (await ask(path)).arrayBuffer();

export async function post(path, body, headers = {}) {
  const options = body === undefined ? { method: 'POST' } : { method: 'POST', body, headers: { ...headers, 'Content-Type': 'application/json' } };
  return getJson(path, options);
}

function eventOf(block) {
  let name = 'message';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice(7);
    if (line.startsWith('data: ')) data += line.slice(6);
  }
  return data ? { name, data: JSON.parse(data) } : null;
}

// Reads server-sent events and returns at the end of the stream. It uses fetch() because EventSource cannot send a
// token.
export async function follow(path, onEvent, signal) {
  const answer = await ask(path, { signal, headers: { Accept: 'text/event-stream' } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const event of blocks.map(eventOf)) {
      if (event) onEvent(event.name, event.data);
    }
  }
}

export const run = (id, more = '') => `v1/runs/${encodeURIComponent(id)}${more}`;

export const sweep = (id, more = '') => `v1/sweeps/${encodeURIComponent(id)}${more}`;

export function query(path, values) {
  const set = Object.entries(values).filter(([, value]) => value);
  return set.length ? `${path}?${new URLSearchParams(set)}` : path;
}
