// The view that lists the sweeps of a project, newest first.
import { getJson, Problem, query } from './api.js';
import { badge } from './badge.js';
import { complaint, field, h, named, quietButton } from './dom.js';
import { ago, commit, isFinal, time } from './format.js';

const BUSY = 2000; // milliseconds between two requests while a sweep in the list is not over
const QUIET = 10000;
const LIMIT = 50;

function row(sweep) {
  const ended = sweep.points_succeeded + sweep.points_failed;
  const points = sweep.points_total ? `${ended.toLocaleString('en')} of ${sweep.points_total.toLocaleString('en')}` : '\u2013';
  const link = h('a', { class: 'row', href: `#/sweeps/${sweep.sweep_id}` }, sweep.sweep_id.slice(0, 8));
  return h('tr', { role: 'row' }, h('td', { class: 'state', role: 'cell' }, badge(sweep.status)), h('th', { scope: 'row', role: 'rowheader' }, link),
    h('td', { class: 'model', role: 'cell' }, sweep.model_name ? named(sweep.model_name) : h('span', { class: 'hint' }, 'whole project')),
    h('td', { class: 'number', role: 'cell' }, points), h('td', { class: 'number', role: 'cell' }, String(sweep.points_failed)),
    h('td', { class: 'wide mono', role: 'cell' }, commit(sweep.commit_sha)), h('td', { class: 'started', role: 'cell', title: time(sweep.created_at) }, ago(sweep.created_at)));
}

// `values`: the parameters of the address: namespace, project, cursor.
export function sweepsView(app, values) {
  let timer;
  let stopped = false;
  const empty = h('p', { class: 'empty', hidden: true }, 'There is no sweep here yet. A run has a button that varies its parameters.');
  const [wrong, complain] = complaint();
  const body = h('tbody', { role: 'rowgroup' });
  const table = h('table', { class: 'runs', role: 'table', hidden: true }, h('caption', { class: 'unseen' }, 'Sweeps'),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ['Status', 'Sweep', 'Model', 'Points', 'Failed', 'Commit', 'Created'].map((name) => h('th', {
      scope: 'col', role: 'columnheader', class: { Commit: 'wide', Points: 'number', Failed: 'number' }[name],
    }, name)))), body);
  const project = h('select', { id: 'project' });
  project.addEventListener('change', () => app.go(query('#/sweeps', { namespace: values.namespace, project: project.value })));
  const older = quietButton('Next page', null, { hidden: true });

  const look = async () => {
    clearTimeout(timer);
    let wait = QUIET;
    try {
      const page = await getJson(query('v1/sweeps', { project_name: project.value, limit: LIMIT, cursor: values.cursor }));
      if (stopped) return;
      complain('');
      body.replaceChildren(...page.sweeps.map(row));
      table.hidden = !page.sweeps.length;
      empty.hidden = page.sweeps.length > 0;
      older.hidden = !page.next_cursor;
      older.onclick = () => app.go(query('#/sweeps', { ...values, project: project.value, cursor: page.next_cursor }));
      if (page.sweeps.some((sweep) => !isFinal(sweep.status))) wait = BUSY;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (stopped) return;
      complain(error.message);
    }
    timer = setTimeout(look, wait);
  };

  const fill = async () => {
    const { projects, namespace } = await app.projects(values.namespace);
    if (stopped) return;
    app.where(namespace);
    const names = projects.map((each) => each.project_name);
    if (values.project && !names.includes(values.project)) names.unshift(values.project);
    project.append(...names.map((name) => h('option', { value: name, selected: name === values.project }, name)));
    if (names.length) await look();
    else empty.hidden = false;
  };
  fill().catch((error) => {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  });
  return {
    element: h('div', {}, h('p', { class: 'back' }, h('a', { href: app.listAddress() }, '\u2190 Runs')), h('div', { class: 'head' }, h('h1', {}, 'Sweeps')),
      h('div', { class: 'tools' }, field('Project', project)), wrong, table, empty, h('nav', { class: 'pager', 'aria-label': 'Pages' }, h('div', { class: 'buttons' }, older))),
    title: 'Sweeps',
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
