// The view of one sweep: how far it is, pictures of its outputs and the table of its points. While it goes on, they are
// of the points that have ended.
import { getJson, getText, parse, post, Problem, query, sweep as sweepPath } from './api.js';
import { badge, setBadge } from './badge.js';
import { dropCharts } from './chart.js';
import { announce, complaint, field, foreign, h, named, quietButton, save, setText } from './dom.js';
import { duration, elapsed, isFinal, STATUSES, time, titleOf, upper } from './format.js';
import { card, facts } from './run_parts.js';
import { pictures, pointsTable, summaryTable } from './sweep_parts.js';
import { numberOf } from './sweep_shape.js';

const AGAIN = 2000; // milliseconds between two requests while the sweep is not over
// The rows so far are read again when there are so many times as many as at the last time. All readings together are then a few times the table.
const GROWTH = 1.2;

const rowsOf = (text) => text.split('\n').filter(Boolean).map(parse);

// `app`: see app.js.
export function sweepView(app, id) {
  let timer;
  let stopped = false;
  let isShown = false;
  let endedShown = 0; // points that had ended when the rows so far were read
  let chosen = null; // the output whose pictures are shown
  const title = h('h1', {}, '\u2026');
  const state = badge('pending');
  const message = h('p', { class: 'hint' });
  const cancel = h('button', { type: 'button', class: 'danger', hidden: true }, 'Cancel the sweep');
  const [wrong, complain] = complaint();
  const bar = h('progress', { 'aria-label': 'Points that have ended' });
  const told = h('p', { class: 'told', role: 'status' });
  const progress = h('div', { class: 'card progress', hidden: true }, bar, told);
  const summary = h('div', { class: 'summary' });
  const results = h('div', { class: 'left' });
  const back = h('a', { href: '#/sweeps' }, '\u2190 Sweeps');
  const element = h('div', {}, h('p', { class: 'back' }, back),
    h('div', { class: 'head' }, h('div', { class: 'titled' }, title, state), h('div', { class: 'buttons' }, cancel)), message, wrong, summary, progress, results);

  const showState = (sweep) => {
    title.replaceChildren(named(`Sweep of ${titleOf(sweep)}`));
    document.title = `Sweep of ${titleOf(sweep)} \u00b7 ModelRun`;
    back.href = query('#/sweeps', { project: sweep.project_name });
    setBadge(state, sweep.status);
    setText(message, isFinal(sweep.status) ? '' : upper(sweep.waiting_for || ''));
    cancel.hidden = isFinal(sweep.status);
    announce(`Sweep of ${titleOf(sweep)}: ${STATUSES[sweep.status]}`);
    const took = sweep.started_at ? duration(elapsed(sweep.started_at, sweep.finished_at)) : null;
    const failed = sweep.points_failed ? `, ${sweep.points_failed.toLocaleString('en')} failed` : '';
    summary.replaceChildren(facts([['Created', time(sweep.created_at)], ['Duration', took],
      ['Points', sweep.points_total ? `${sweep.points_succeeded.toLocaleString('en')} of ${sweep.points_total.toLocaleString('en')}${failed}` : null],
      ['Commit', sweep.commit_sha && sweep.commit_sha.slice(0, 12), 'mono'], ['Branch', sweep.branch], ['Warning', sweep.warning]]));
    const ended = sweep.points_succeeded + sweep.points_failed;
    progress.hidden = isFinal(sweep.status);
    bar.max = Math.max(1, sweep.points_total);
    bar.value = ended;
    setText(told, sweep.points_total ? `${ended.toLocaleString('en')} of ${sweep.points_total.toLocaleString('en')} points have ended, ${sweep.points_running.toLocaleString('en')} run` : 'The points are being counted');
  };

  const downloadAll = quietButton('Download CSV with all digits', async () => {
    try {
      save(`sweep-${id.slice(0, 8)}.csv`, [await getText(sweepPath(id, '/table?format=csv'))], 'text/csv;charset=utf-8');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(error.message);
    }
  });

  const failureOf = (sweep) => sweep.error_message && h('div', { class: 'note bad' }, h('p', {}, foreign(sweep.error_message)));

  // `sweep`: with the names of the columns. `outputs`: those that have pictures.
  const showRows = (sweep, rows, outputs, download) => {
    const drawn = h('div', { class: 'left' });
    const draw = (output) => {
      chosen = output;
      dropCharts();
      drawn.replaceChildren(...pictures(sweep, rows, output));
    };
    const select = h('select', {}, outputs.map((name) => h('option', { value: name, selected: name === chosen }, name)));
    select.addEventListener('change', () => draw(select.value));
    results.replaceChildren(...[failureOf(sweep), outputs.length > 1 && h('div', { class: 'tools' }, field('Output', select)), drawn, summaryTable(sweep), pointsTable(sweep, rows, download)].filter(Boolean));
    if (outputs.length) draw(outputs.includes(chosen) ? chosen : outputs[0]);
  };

  const showResults = async () => {
    if (isShown) return;
    isShown = true;
    // The names of the columns come with rows.
    const sweep = await getJson(sweepPath(id, '?limit=1'));
    if (!sweep.total_rows) {
      results.replaceChildren(...[failureOf(sweep), card('Points', h('p', { class: 'hint' }, 'The sweep has no table.'))].filter(Boolean));
      return;
    }
    const rows = rowsOf(await getText(sweepPath(id, '/table?format=jsonl')));
    if (!stopped) showRows(sweep, rows, sweep.summary.map((each) => each.output), downloadAll);
  };

  const showSoFar = async (ended) => {
    if (ended < Math.max(1, endedShown * GROWTH)) return;
    const sweep = await getJson(sweepPath(id, '?limit=1'));
    // If it is over by now, the next look shows its table.
    if (stopped || isFinal(sweep.status) || !sweep.rows.length) return;
    const rows = rowsOf(await getText(sweepPath(id, '/table?format=jsonl&partial=true')));
    if (stopped) return;
    endedShown = ended;
    showRows(sweep, rows, sweep.output_names.filter((name) => rows.some((row) => numberOf(row, name) !== null)), null);
  };

  const look = async () => {
    clearTimeout(timer);
    try {
      const about = await getJson(sweepPath(id, '?limit=0'));
      if (stopped) return;
      complain('');
      showState(about);
      if (isFinal(about.status)) {
        await showResults();
        return;
      }
      await showSoFar(about.points_succeeded + about.points_failed);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (stopped) return;
      isShown = false;
      complain(error.message);
      if (error.status === 404 || error.status === 422) {
        title.textContent = 'No such sweep';
        state.hidden = true;
        return;
      }
    }
    timer = setTimeout(look, AGAIN);
  };

  cancel.addEventListener('click', async () => {
    cancel.disabled = true;
    try {
      await post(sweepPath(id, '/cancel'));
      if (!stopped) look();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      cancel.disabled = false;
      complain(error.message);
    }
  });
  look();
  return {
    element,
    title: 'Sweep',
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      dropCharts();
    },
  };
}
