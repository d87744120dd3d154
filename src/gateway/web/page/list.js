// The view that lists the runs of a namespace or project, page by page, and keeps the page that it shows up to date.
import { getJson, Problem, query } from './api.js';
import { csv } from './csv.js';
import { complaint, h, quietButton, save, setText } from './dom.js';
import { elapsed, isFinal } from './format.js';
import { filters } from './filters.js';
import { openLauncher } from './launch.js';
import { runsTable } from './rows.js';

const BUSY = 2000; // milliseconds between two requests while a run in the list is not over
const QUIET = 4000; // and when all of them are
const LIMIT = 50; // runs of a page
const MOST_SAVED = 5000; // runs in a CSV
const SAVED = ['run_number', 'status', 'project_name', 'model_name', 'branch', 'commit_sha', 'created_at', 'started_at', 'finished_at'];

const runsAddress = (values, cursor) => {
  const scope = values.project ? { project_name: values.project } : { namespace: values.namespace };
  return query('v1/runs', { ...scope, status: values.status, search: values.search, sort: values.sort, limit: LIMIT, cursor });
};

// Asks for all runs that the filters let through, page by page. `tell` is called with the number that has come.
async function allRuns(values, tell) {
  const runs = [];
  let cursor = '';
  do {
    const page = await getJson(runsAddress(values, cursor));
    runs.push(...page.runs);
    cursor = page.next_cursor;
    tell(runs.length);
  } while (cursor && runs.length < MOST_SAVED);
  return { runs, isCut: Boolean(cursor) };
}

function csvOf(runs) {
  const row = (run) => [...SAVED.map((name) => run[name]), run.started_at && run.finished_at ? elapsed(run.started_at, run.finished_at) : null, run.run_id];
  return csv([...SAVED, 'duration_seconds', 'run_id'], runs.map(row));
}

// Where a page is: how many runs come before it. Addresses say so too, as a cursor alone does not tell.
const beforeOf = (values) => Math.max(0, Number.parseInt(values.from, 10) || 0);

// By the cursor of a page that was opened from the one before it, where that was. A page that was opened by its
// address has none.
const pageBefore = new Map();

// The line below the table: which of how many runs are shown, and the ways to the others.
function pager(go) {
  const told = h('p', { class: 'told', role: 'status' });
  const first = quietButton('First page', () => go({ cursor: '', from: '' }));
  const newer = quietButton('Previous page', null);
  const older = quietButton('Next page', null);
  const element = h('nav', { class: 'pager', 'aria-label': 'Pages', hidden: true }, told, h('div', { class: 'buttons' }, first, newer, older));
  return {
    element,
    show: (values, page) => {
      const before = beforeOf(values);
      const last = before + page.runs.length;
      element.hidden = !page.runs.length && !values.cursor;
      setText(told, page.runs.length ? `Runs ${(before + 1).toLocaleString('en')} to ${last.toLocaleString('en')} of ${page.total.toLocaleString('en')}` : 'No runs on this page any more');
      first.hidden = !values.cursor;
      newer.hidden = !pageBefore.has(values.cursor);
      newer.onclick = () => go(pageBefore.get(values.cursor));
      older.hidden = !page.next_cursor;
      older.onclick = () => {
        pageBefore.set(page.next_cursor, { cursor: values.cursor || '', from: values.from || '' });
        go({ cursor: page.next_cursor, from: String(last) });
      };
    },
  };
}

// `app`: see app.js. `values`: the parameters of the address: namespace, project, status, search, sort, cursor, from.
export function listView(app, values) {
  let timer;
  let stopped = false;
  let looks = 0;
  const empty = h('p', { class: 'empty', hidden: true });
  const note = h('p', { class: 'note', role: 'status', hidden: true });
  const [wrong, complain] = complaint();
  const start = h('button', { type: 'button', hidden: true }, 'Start a run');
  const sweeps = quietButton('Sweeps', () => app.go(query('#/sweeps', { namespace: values.namespace, project: values.project })));

  // What filters the runs changes this view; what leads to other runs opens another one.
  const address = () => query('#/', values);
  const filter = (changed) => {
    Object.assign(values, { cursor: '', from: '' }, changed);
    app.replaceAddress(address());
    showSort();
    look();
  };
  const open = (changed) => app.go(query('#/', { ...values, cursor: '', from: '', ...changed }));
  const change = (changed) => ('namespace' in changed || 'project' in changed ? open(changed) : filter(changed));
  const tools = filters(app, values, change);
  const table = runsTable((sort) => filter({ sort }));
  const pages = pager((changed) => app.go(query('#/', { ...values, ...changed })));
  const showSort = () => {
    tools.setSort(values.sort || '');
    table.setSort(values.sort || '');
  };

  const tell = (text) => {
    note.hidden = !text;
    setText(note, text);
  };
  const download = quietButton('Download CSV', async () => {
    download.disabled = true;
    try {
      const { runs, isCut } = await allRuns(values, (count) => setText(download, `${count.toLocaleString('en')} runs\u2026`));
      save('runs.csv', [csvOf(runs)], 'text/csv;charset=utf-8');
      tell(isCut ? `The file has the first ${runs.length.toLocaleString('en')} runs only; filters lead to the others.` : '');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      tell(`No file was saved: ${error.message}`);
    } finally {
      download.disabled = false;
      setText(download, 'Download CSV');
    }
  }, { hidden: true });

  const show = (page) => {
    const { runs } = page;
    table.show(runs);
    pages.show(values, page);
    download.hidden = !runs.length;
    empty.hidden = runs.length > 0 || Boolean(values.cursor);
    setText(empty, values.status || values.search ? 'No run fits these filters.' : 'There is no run here yet.');
  };

  const look = async () => {
    clearTimeout(timer);
    let wait = QUIET;
    looks += 1;
    const turn = looks;
    const late = () => stopped || turn !== looks; // a newer request was sent meanwhile
    try {
      const page = await getJson(runsAddress(values, values.cursor));
      if (late()) return;
      complain('');
      show(page);
      if (page.runs.some((run) => !isFinal(run.status))) wait = BUSY;
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

  const fill = async () => {
    const listed = await app.projects(values.namespace);
    if (stopped) return;
    app.where(listed.namespace);
    start.hidden = !listed.may_run;
    start.onclick = () => openLauncher(app, listed.projects, { project_name: values.project }, (id) => app.go(`#/runs/${id}`));
    await tools.show(listed, values.namespace ? await app.ownNamespace() : listed.namespace);
  };
  fill().catch((error) => {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  });
  showSort();
  look();
  return {
    element: h('div', {}, h('div', { class: 'head' }, h('h1', {}, 'Runs'), h('div', { class: 'buttons' }, download, sweeps, start)), tools.element, wrong, note, table.element, empty, pages.element),
    title: 'Runs',
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      tools.stop();
      document.removeEventListener('visibilitychange', onVisible);
    },
  };
}
