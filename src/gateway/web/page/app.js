// Asks for the token, and shows the view that belongs to the page's address. Addresses are fragments (after the #) and
// never hold a token.
import { getJson, onRefused, Problem, query, setToken } from './api.js';
import { complaint, h, setText } from './dom.js';
import { upper } from './format.js';
import { compareView } from './compare.js';
import { listView } from './list.js';
import { runView } from './run.js';
import { sweepView } from './sweep.js';
import { sweepsView } from './sweeps.js';

const MAX_PAGES = 4; // of projects, each of the API's most
const REMEMBERED = 60000; // milliseconds for which the list of namespaces is good

const main = document.getElementById('main');
const forget = document.getElementById('forget');
let view = null;
let signedIn = false;
let listAddress = '#/'; // of the list as it was left
let namespaces = null; // {asked, names}: when they were asked for, and the promise of them

function leave() {
  if (view) view.stop();
  view = null;
}

function present(next) {
  leave();
  view = next;
  main.replaceChildren(next.element);
  document.title = `${next.title} \u00b7 ModelRun`;
}

// {projects, more, namespace, may_run, may_cancel}: what the API lists, `more` being whether there are still more.
async function allProjects(namespace) {
  const first = await getJson(query('v1/projects', { namespace }));
  let cursor = first.next_cursor;
  for (let page = 1; cursor && page < MAX_PAGES; page += 1) {
    const next = await getJson(query('v1/projects', { namespace, cursor }));
    first.projects.push(...next.projects);
    cursor = next.next_cursor;
  }
  return { ...first, more: Boolean(cursor) };
}

async function namespacesOfProjects() {
  const { projects } = await allProjects('*');
  return [...new Set(projects.map((each) => each.project_name.split('/')).filter((parts) => parts.length > 1).map(([name]) => name))];
}

// What the views share.
const app = {
  // Shows another view.
  go(hash) {
    if (location.hash === hash) route();
    else location.hash = hash;
  },
  // Says that the view that is shown has another address now.
  replaceAddress(hash) {
    history.replaceState(null, '', hash);
    listAddress = hash;
  },
  listAddress: () => listAddress,
  projects: allProjects,
  // One project with its models and branches.
  project: async (name) => (await getJson(query('v1/projects', { project_name: name }))).projects[0],
  // The namespaces besides the caller's own in which the caller sees projects.
  namespaces: () => {
    if (!namespaces || performance.now() - namespaces.asked > REMEMBERED) namespaces = { asked: performance.now(), names: namespacesOfProjects() };
    return namespaces.names;
  },
  // '' if the caller sees nothing there.
  ownNamespace: async () => {
    try {
      return (await getJson(query('v1/projects', { limit: 1 }))).namespace;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return '';
      throw error;
    }
  },
  // Shows the namespace in the header.
  where: (text) => setText(document.getElementById('where'), text),
};

function route() {
  if (!signedIn) return undefined;
  const address = location.hash.slice(1) || '/';
  const [path, search] = address.split('?');
  const values = Object.fromEntries(new URLSearchParams(search));
  const [, place, id, other] = /^\/(runs|sweeps|compare)(?:\/([0-9a-fA-F-]{8,36}))?(?:\/([0-9a-fA-F-]{8,36}))?$/.exec(path) ?? [];
  if (place === 'runs' && id && !other) return present(runView(app, id));
  if (place === 'sweeps' && !other) return present(id ? sweepView(app, id) : sweepsView(app, values));
  if (place === 'compare' && other) return present(compareView(app, id, other));
  listAddress = location.hash || '#/';
  return present(listView(app, values));
}

// Shows the form for the token. `reason`: why it is asked for again; empty or undefined the first time.
function askForToken(reason) {
  leave();
  signedIn = false;
  setToken('');
  namespaces = null;
  forget.hidden = true;
  app.where('');
  const input = h('input', {
    type: 'password', id: 'token', required: true, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', 'aria-describedby': 'token-hint token-wrong',
  });
  const [wrong, tell] = complaint();
  wrong.id = 'token-wrong';
  tell(reason);
  const send = h('button', { type: 'submit' }, 'Open');
  const form = h('form', { class: 'card sign' }, h('h1', {}, 'Your token'),
    h('p', { class: 'hint', id: 'token-hint' }, 'An API token (mrt_\u2026), a service account\u2019s token or one of your login. It stays in this window\u2019s memory and is gone when you close or reload it.'),
    h('div', { class: 'field' }, h('label', { for: 'token' }, 'Token'), input), wrong, h('div', { class: 'buttons' }, send),
    h('details', {}, h('summary', {}, 'How to get one'),
      h('p', {}, 'For some hours, as a service account of the cluster:'),
      h('pre', { class: 'text' }, 'kubectl create token NAME --namespace NAMESPACE --audience modelrun.dev/gateway'),
      h('p', {}, 'For longer, as a person or a program with a role of its own:'),
      h('pre', { class: 'text' }, 'kubectl modelrun token create NAME --namespace NAMESPACE --days 30')));
  const complain = (message) => {
    tell(message);
    input.focus();
    input.select();
  };
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const token = input.value.trim().replace(/^Bearer\s+/i, '');
    if (!/^[\x21-\x7e]+$/.test(token)) {
      complain('A token is one word of letters, digits and signs. Paste it again, without what stands around it.');
      return;
    }
    setToken(token);
    send.disabled = true;
    try {
      await app.ownNamespace();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      send.disabled = false;
      setToken('');
      complain(error.status === 401 ? `${upper(error.message)}. Check that it was made for this gateway, or get a new one as below.` : error.message);
      return;
    }
    enter();
  });
  main.replaceChildren(form);
  document.title = 'Your token \u00b7 ModelRun';
  input.focus();
}

function enter() {
  signedIn = true;
  forget.hidden = !settings.auth;
  route();
  main.focus({ preventScroll: true });
}

onRefused((message) => {
  if (signedIn) askForToken(`${upper(message)}. Paste a new one to go on where you were.`);
});
forget.addEventListener('click', () => askForToken(''));
// Fragments are this page's addresses, so the browser must not follow the skip link itself.
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', () => {
  route();
  main.focus({ preventScroll: true });
});

const settings = await getJson('page/settings.json');
if (settings.auth) askForToken('');
else enter();
