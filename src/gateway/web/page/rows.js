// The table of runs. In a narrow window each row becomes a block of lines (views.css), so the roles of the table are
// written out: a browser forgets them where CSS changes how an element is laid out.
import { announce, h, named, setText } from './dom.js';
import { ago, commit, duration, elapsed, STATUSES, time, titleOf } from './format.js';
import { badge, setBadge } from './badge.js';

// [title, class, the two orders that a press of it chooses in turn]
const COLUMNS = [['Status', '', ['status', '-status']], ['Run', ''], ['Project', '', ['name', '-name']], ['Model', ''], ['Commit', 'wide'], ['Started', '', ['', 'created']],
  ['Duration', 'number', ['-duration', 'duration']]];
const ORDERS = { '': 'descending', created: 'ascending', '-duration': 'descending', duration: 'ascending', name: 'ascending', '-name': 'descending', status: 'ascending', '-status': 'descending' };

function makeRow(run) {
  const row = {
    status: badge(run.status),
    link: h('a', { class: 'row', href: `#/runs/${run.run_id}` }),
    started: h('td', { class: 'started', role: 'cell' }),
    duration: h('td', { class: 'number took', role: 'cell' }),
    commit: h('td', { class: 'wide mono', role: 'cell' }),
  };
  const model = run.model_name ? named(run.model_name) : h('span', { class: 'hint' }, 'whole project');
  row.element = h('tr', { role: 'row' }, h('td', { class: 'state', role: 'cell' }, row.status), h('th', { scope: 'row', role: 'rowheader' }, row.link),
    h('td', { class: 'project', role: 'cell' }, named(run.project_name)), h('td', { class: 'model', role: 'cell' }, model), row.commit, row.started, row.duration);
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

// `onSort` is called with the word for the order that the user has chosen by the head of a column.
export function runsTable(onSort) {
  const rows = new Map();
  let sorted = '';
  const body = h('tbody', { role: 'rowgroup' });
  const heads = COLUMNS.map(([name, kind, orders]) => {
    const next = () => onSort(orders[0] === sorted ? orders[1] : orders[0]);
    return h('th', { scope: 'col', role: 'columnheader', class: kind || null }, orders ? h('button', { type: 'button', class: 'sort', onclick: next }, name) : name);
  });
  const element = h('table', { class: 'runs', role: 'table', hidden: true }, h('caption', { class: 'unseen' }, 'Runs'),
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads)), body);
  return {
    element,
    // Shows these runs in this order. Rows of runs that were there before stay what they are, so that nothing jumps.
    show: (runs) => {
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
      element.hidden = !runs.length;
    },
    // Says by which column the runs are sorted.
    setSort: (word) => {
      sorted = word;
      COLUMNS.forEach(([, , orders], i) => {
        if (orders?.includes(word)) heads[i].setAttribute('aria-sort', ORDERS[word]);
        else heads[i].removeAttribute('aria-sort');
      });
    },
  };
}
