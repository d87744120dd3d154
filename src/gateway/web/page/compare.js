// The view that compares two runs, and the dialog that asks for the other one.
import { getJson, Problem, query } from './api.js';
import { explanation } from './bridge.js';
import { chart, dropCharts } from './chart.js';
import { choice } from './choice.js';
import { openDialog } from './dialog.js';
import { complaint, h } from './dom.js';
import { ago } from './format.js';
import { card, runLink } from './run_parts.js';
import { rounded, shown } from './sweep_shape.js';
import { column, dataTable } from './table.js';

const OFFERED = 50; // runs in the dialog
const MOST = 500; // differences, the API's most


function inputs(compared) {
  if (!compared.inputs.length) return card('What went in', h('p', { class: 'hint' }, 'The same commit, data, image and parameters.'));
  const of = (name) => compared.inputs.map((each) => each[name]);
  return card('What went in', dataTable({ caption: 'What went in', name: 'inputs', columns: [column('input', of('name')), column('base', of('base')), column('other', of('other'))] }));
}

function changes(compared) {
  const known = compared.diff.filter((each) => each.percent !== null);
  if (known.length < 2) return null;
  const title = 'Changes in percent';
  return chart(title, { series: [{ name: 'percent', values: known.map(({ percent }) => rounded(Number(percent))) }], left: 0, labels: known.map(({ path }) => path), axis: 'output', ordered: false });
}

function outputs(compared) {
  const { diff, summary } = compared;
  if (!diff.length) return card('What came out', h('p', {}, summary.text));
  const of = (name) => diff.map((each) => shown(each[name]));
  const columns = [column('output', of('path')), column('base', of('base')), column('other', of('other')), column('change', of('change')),
    column('percent', diff.map(({ percent }) => (percent === null ? null : rounded(Number(percent))))), column('significant', diff.map(({ significant }) => (significant ? 'yes' : 'no')))];
  return card('What came out', h('p', {}, summary.text), summary.truncated && h('p', { class: 'hint' }, `The first ${diff.length.toLocaleString('en')} are shown.`), changes(compared),
    dataTable({ caption: 'What came out', name: 'differences', columns }));
}

export function compareView(app, base, other) {
  let stopped = false;
  const [wrong, complain] = complaint();
  const content = h('div', { class: 'left' });
  const why = explanation(base, other);
  const look = async () => {
    try {
      const compared = await getJson(query('v1/comparisons', { base_run_id: base, other_run_id: other, limit: MOST }));
      if (stopped) return;
      content.replaceChildren(...[compared.warning && h('p', { class: 'note' }, compared.warning), inputs(compared), outputs(compared), compared.diff.some(({ kind }) => kind === 'number') && why.element].filter(Boolean));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!stopped) complain(error.message);
    }
  };
  look();
  return {
    element: h('div', {}, h('p', { class: 'back' }, h('a', { href: app.listAddress() }, '\u2190 Runs')), h('div', { class: 'head' }, h('h1', {}, 'Two runs')),
      h('p', { class: 'summary' }, 'Base: ', runLink(base), '. Other: ', runLink(other), '.'), wrong, content),
    title: 'Two runs',
    stop: () => {
      stopped = true;
      why.stop();
      dropCharts();
    },
  };
}

// Asks which run `run` is compared with: it is the other one, and what is chosen is the base.
export async function openCompare(app, run) {
  const page = await getJson(query('v1/runs', { project_name: run.project_name, status: 'success', limit: OFFERED }));
  const base = choice('Base', 'The run that this one is compared with.', [['id', 'Another\u2026', 'its run ID, or the first eight or more digits']]);
  const label = (each) => `${each.run_number ? `#${each.run_number}` : each.run_id.slice(0, 8)} ${each.model_name ?? ''} ${each.branch ?? ''} ${ago(each.created_at)}`;
  const others = page.runs.filter((each) => each.run_id !== run.run_id);
  base.set(others.map((each) => [each.run_id, label(each)]), others.find((each) => each.model_name === run.model_name)?.run_id);
  const read = () => base.read().value;
  openDialog({
    title: 'Compare with another run',
    elements: [base.element],
    button: 'Compare',
    busy: 'Comparing\u2026',
    mistake: () => (/^[0-9a-fA-F-]{8,36}$/.test(read()) ? '' : 'Give a run ID, or the first eight or more digits of it.'),
    submit: () => Promise.resolve(() => app.go(`#/compare/${read()}/${run.run_id}`)),
  });
}
