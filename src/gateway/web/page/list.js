// The view that lists the newest runs of a namespace or project and keeps the list up to date.
import { getJson, Problem, query } from './api.js';
import { announce, foreign, h, setText } from './dom.js';
import { ago, commit, duration, elapsed, isFinal, STATUSES, time, titleOf } from './format.js';
import { openLauncher } from './launch.js';
import { badge, setBadge } from './run.js';

const BUSY = 2000; // milliseconds between two requests while a run in the list is not over
const QUIET = 4000; // and when all of them are
const LIMIT = 50;

function makeRow(run) {
  const row = {
    status: badge(run.status),
    link: h('a', { class: 'row', href: `#/runs/${run.run_id}` }),
    started: h('td', { class: 'wide' }),
    duration: h('td', { class: 'number' }),
    commit: h('td', { class: 'wide mono' }),
  };
  const model = run.model_name ? foreign(run.model_name) : h('span', { class: 'hint' }, 'whole project');
  row.element = h('tr', {}, h('td', {}, row.status), h('th', { scope: 'row' }, row.link),
    h('td', {}, foreign(run.project_name), run.model_name && h('span', { class: 'narrow hint' }, foreign(run.model_name))), h('td', { class: 'wide' }, model), row.commit, row.started, row.duration);
  // Keyboards and screen readers use the link. A click anywhere in the row follows it, too, except when it ends a
  // selection of text.
  row.element.addEventListener('click', (event) => {
    if (!event.target.closest('a') && getSelection().isCollapsed) row.link.click();
  });
  return row;
}

function updateRow(row, run) {
  if (row.run && row.run.status !== run.status) announce(`${titleOf(run)}: ${STATUSES[run.status]}`);
  row.run = run;
  setBadge(row.status, run.status);
  setText(row.link, run.run_number ? `#${run.run_number}` : run.run_id.slice(0, 8));
  row.link.setAttribute('aria-label', `Run ${titleOf(run)}, ${STATUSES[run.status]}`);
  setText(row.commit, commit(run.commit_sha));
  setText(row.started, ago(run.started_at || run.created_at));
  row.started.title = time(run.started_at || run.created_at);
  setText(row.duration, run.started_at ? duration(elapsed(run.started_at, run.finished_at)) : '\u2013');
}

function statusFilter(chosen, onChange) {
  const choices = [['', 'All'], ...Object.entries(STATUSES)].map(([word, label]) => {
    const input = h('input', { type: 'radio', name: 'status', value: word, checked: word === chosen });
    input.addEventListener('change', () => onChange(word));
    return h('label', { class: 'chip' }, input, h('span', {}, label));
  });
  return h('fieldset', { class: 'chips' }, h('legend', { class: 'unseen' }, 'Status'), choices);
}

// `app` has projects(namespace), which asks the API; go(hash), which shows another view; and where(text), which shows
// the namespace in the header. `values`: the parameters of the address: namespace, project, status.
export function listView(app, values) {
  const rows = new Map();
  let timer;
  let stopped = false;
  let looks = 0;
  const body = h('tbody');
  const columns = [['Status'], ['Run'], ['Project'], ['Model', 'wide'], ['Commit', 'wide'], ['Started', 'wide'], ['Duration', 'number']];
  const table = h('table', { class: 'runs', hidden: true }, h('caption', { class: 'unseen' }, 'Runs, newest first'),
    h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', { scope: 'col', class: kind }, name)))), body);
  const empty = h('p', { class: 'empty', hidden: true });
  const wrong = h('p', { class: 'note bad', role: 'alert', hidden: true });
  const start = h('button', { type: 'button', hidden: true }, 'Start a run');
  const change = (more) => app.go(query('#/', { ...values, ...more }));

  const project = h('select', { id: 'project' }, h('option', { value: '' }, 'All projects'));
  project.addEventListener('change', () => change({ project: project.value }));
  const namespace = h('input', { id: 'namespace', type: 'text', autocomplete: 'off', spellcheck: 'false', value: values.namespace || '', size: 16 });
  namespace.addEventListener('change', () => change({ namespace: namespace.value.trim(), project: '' }));
  const tools = h('div', { class: 'tools' },
    h('div', { class: 'field' }, h('label', { for: 'project' }, 'Project'), project),
    h('div', { class: 'field' }, h('label', { for: 'namespace' }, 'Namespace'), namespace),
    statusFilter(values.status || '', (status) => change({ status })));
  const element = h('div', {}, h('div', { class: 'head' }, h('h1', {}, 'Runs'), start), tools, wrong, table, empty);

  const complain = (message) => {
    wrong.hidden = !message;
    setText(wrong, message);
  };

  const show = (runs) => {
    const seen = new Set(runs.map((run) => run.run_id));
    for (const [id, row] of rows) {
      if (seen.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    runs.forEach((run, i) => {
      if (!rows.has(run.run_id)) rows.set(run.run_id, makeRow(run));
      const row = rows.get(run.run_id);
      updateRow(row, run);
      if (body.children[i] !== row.element) body.insertBefore(row.element, body.children[i] || null);
    });
    table.hidden = !runs.length;
    empty.hidden = runs.length > 0;
    setText(empty, values.status ? `No run is ${STATUSES[values.status].toLowerCase()} here.` : 'There is no run here yet.');
  };

  const look = async () => {
    let wait = QUIET;
    looks += 1;
    const turn = looks;
    const late = () => stopped || turn !== looks; // a newer request was sent meanwhile
    try {
      const scope = values.project ? { project_name: values.project } : { namespace: values.namespace };
      const { runs } = await getJson(query('v1/runs', { ...scope, status: values.status, limit: LIMIT }));
      if (late()) return;
      complain('');
      show(runs);
      if (runs.some((run) => !isFinal(run.status))) wait = BUSY;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (late()) return;
      complain(error.message);
    }
    timer = setTimeout(look, wait);
  };
  // A page that is not visible sends no requests.
  const onVisible = () => {
    clearTimeout(timer);
    if (!document.hidden) look();
  };
  document.addEventListener('visibilitychange', onVisible);

  const fillProjects = async () => {
    const { projects, may_run: mayRun, namespace: named } = await app.projects(values.namespace);
    if (stopped) return;
    app.where(named);
    namespace.placeholder = named;
    project.append(...projects.map(({ project_name: name }) => h('option', { value: name }, name)));
    if (values.project && !projects.some((each) => each.project_name === values.project)) project.append(h('option', { value: values.project }, values.project));
    project.value = values.project || '';
    start.hidden = !mayRun;
    start.onclick = () => openLauncher(projects, { project_name: values.project }, (id) => app.go(`#/runs/${id}`));
  };
  fillProjects().catch((error) => {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  });
  look();
  return {
    element,
    title: 'Runs',
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
