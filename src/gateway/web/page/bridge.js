// Why two runs differ: the button that asks for it, how far the runs in between are, and for each number a picture of
// what each cause adds, with its numbers as a table beside it.
import { post, Problem } from './api.js';
import { chart, dropCharts } from './chart.js';
import { complaint, field, foreign, h, setText } from './dom.js';
import { isFinal, visible } from './format.js';
import { card, runLink } from './run_parts.js';
import { column, dataTable } from './table.js';

const MOST = 100; // bridges, the API's most
const WAIT = 3; // seconds for which one request waits for the runs in between
const AGAIN = 2000; // milliseconds until a request is repeated that may succeed later

const valuesOf = (bridge) => [bridge.from, ...bridge.steps.map(({ value }) => value)];
// The gateway cannot be reached, is busy, or has too many requests of this caller.
const mayPass = (status) => status === 0 || status === 429 || status === 503;

// A bar for each cause, from the value before it to its own, between the base and the other run.
function waterfall(bridge) {
  const values = valuesOf(bridge).map(Number);
  const added = bridge.steps.map(({ contribution }) => Number(contribution));
  const steps = (fits) => [null, ...added.map((each, i) => (fits(each) ? [values[i], values[i + 1]] : null)), null];
  const marks = steps((each) => each === 0);
  marks[0] = [values[0], values[0]];
  marks[marks.length - 1] = [values.at(-1), values.at(-1)];
  const sign = (each) => (each > 0 ? '+ ' : each < 0 ? '\u2212 ' : '');
  return {
    series: [{ name: 'value', values: marks }, { name: 'takes away', values: steps((each) => each < 0) }, { name: 'adds', values: steps((each) => each > 0) }],
    left: 0, labels: ['base', ...bridge.steps.map(({ cause }, i) => `${sign(added[i])}${cause}`), 'other run'], axis: 'cause', ordered: false, together: true, words: bridge.summary,
  };
}

function numbers(bridge, explained) {
  const { steps } = bridge;
  return dataTable({
    caption: visible(`Why ${bridge.path} differs, as a table`),
    name: `bridge-${explained.other_run_id.slice(0, 8)}`,
    columns: [column('cause', ['(base)', ...steps.map(({ cause }) => cause)]), column('contribution', [null, ...steps.map(({ contribution }) => contribution)]),
      column('value', valuesOf(bridge)),
      column('run', [explained.base_run_id, ...explained.steps.map((step) => step.run_id)].map((id) => id.slice(0, 8)))],
  });
}

// The element of an explanation, in which one bridge is chosen.
function shownExplanation(explained) {
  const { bridges } = explained;
  const drawn = h('div', { class: 'long' });
  const draw = (bridge) => {
    dropCharts(drawn);
    const title = `Why ${bridge.path} differs`;
    const isDrawn = valuesOf(bridge).every((value) => value !== null && Number.isFinite(Number(value)));
    drawn.replaceChildren(h('p', {}, foreign(bridge.summary)), ...[bridge.rounded && h('p', { class: 'hint' }, 'The values are rounded, and then add up.'),
      isDrawn && chart(title, waterfall(bridge)), numbers(bridge, explained)].filter(Boolean));
  };
  const select = h('select', {}, bridges.map(({ path }, i) => h('option', { value: String(i) }, visible(path))));
  select.addEventListener('change', () => draw(bridges[Number(select.value)]));
  if (bridges.length) draw(bridges[0]);
  const without = explained.not_explained.length;
  const between = explained.steps.slice(0, -1);
  return h('div', { class: 'long' },
    !bridges.length && h('p', {}, explained.summary),
    bridges.length > 1 && h('div', { class: 'tools' }, field('Number', select)), drawn,
    explained.truncated && h('p', { class: 'hint' }, `${explained.numbers_changed.toLocaleString('en')} numbers differ; the first ${bridges.length.toLocaleString('en')} are explained.`),
    without > 0 && h('p', { class: 'hint' }, `${without.toLocaleString('en')} cannot be explained, since a run in between has no number there.`),
    between.length > 0 && h('p', { class: 'hint' }, 'Runs in between: ', between.map((step, i) => [i ? ', ' : '', foreign(step.cause), ' ', runLink(step.run_id)]), '.'));
}

// {element, stop}: the card that explains why the run `other` differs from `base`.
export function explanation(base, other) {
  let stopped = false;
  let timer;
  const [wrong, complain] = complaint();
  const button = h('button', { type: 'button' }, 'Explain');
  const actions = h('div', { class: 'actions' }, button);
  const bar = h('progress', { 'aria-label': 'Runs in between that have ended' });
  const told = h('p', { class: 'told', role: 'status' });
  const progress = h('div', { class: 'long', hidden: true }, bar, told);
  const content = h('div', { class: 'long', hidden: true });
  const hint = h('p', { class: 'hint' }, 'What went in is changed one cause at a time, each a run, which shows what each cause adds. What was executed before is not executed again.');

  const end = () => {
    progress.hidden = true;
    button.disabled = false;
  };
  const showProgress = ({ steps }) => {
    const between = steps.slice(0, -1);
    const ended = between.filter(({ status }) => isFinal(status)).length;
    bar.max = Math.max(1, between.length);
    bar.value = ended;
    setText(told, `${ended} of ${between.length} runs in between have ended`);
  };
  const ask = async () => {
    try {
      const explained = await post('v1/explanations', JSON.stringify({ base_run_id: base, other_run_id: other, limit: MOST, wait_seconds: WAIT }));
      if (stopped) return;
      complain('');
      if (explained.status === 'running') {
        showProgress(explained);
        timer = setTimeout(ask, 0);
        return;
      }
      end();
      if (explained.status === 'failed') {
        complain(visible(explained.message));
        return;
      }
      actions.hidden = true;
      hint.hidden = true;
      content.replaceChildren(shownExplanation(explained));
      content.hidden = false;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (stopped) return;
      complain(error.message);
      if (mayPass(error.status)) timer = setTimeout(ask, AGAIN);
      else end();
    }
  };
  button.addEventListener('click', () => {
    button.disabled = true;
    progress.hidden = false;
    bar.removeAttribute('value');
    setText(told, 'The runs in between are being started');
    complain('');
    ask();
  });
  return {
    element: card('Why they differ', hint, actions, wrong, progress, content),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
