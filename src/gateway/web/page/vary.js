// The dialog that starts a sweep from a run: which of its parameters vary, and how.
import { post } from './api.js';
import { choice } from './choice.js';
import { digest, newKey, openDialog } from './dialog.js';
import { field, h, quietButton } from './dom.js';
import { exact, pretty } from './format.js';
import { numbersIn } from './sweep_shape.js';

const MOST_AXES = 4;
const KINDS = [['grid', 'All combinations'], ['one_at_a_time', 'Each parameter alone'], ['sample', 'Random points between the two']];
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/; // as JSON writes it

const numberInput = (value, label) => h('input', { type: 'text', required: true, inputmode: 'decimal', autocomplete: 'off', value, 'aria-label': label });

// One parameter: its name, from, to, and how many values.
function axisOf(known, i) {
  const name = choice(`Parameter ${i + 1}`, '', [['other', 'Another\u2026', 'a key, or a JSON pointer such as /market/growth']]);
  name.set(known.map((each) => [each.name, each.name]), known[i]?.name ?? known[0]?.name);
  const near = known[i] ? Number(known[i].value) : 0;
  const [low, high] = near === 0 ? [0, 1] : [near * 0.8, near * 1.2].map((value) => Number(value.toPrecision(6))).sort((a, b) => a - b);
  const from = numberInput(low, `From, parameter ${i + 1}`);
  const to = numberInput(high, `To, parameter ${i + 1}`);
  const count = h('input', { type: 'text', required: true, inputmode: 'numeric', value: 5, 'aria-label': `Values, parameter ${i + 1}` });
  const many = field('Values', count);
  return {
    element: h('div', { class: 'axis' }, name.element, field('From', from), field('To', to), many),
    showCount: (isShown) => { many.hidden = !isShown; count.required = isShown; },
    read: () => ({ name: name.read().value, from: from.value.trim(), to: to.value.trim(), count: count.value.trim() }),
  };
}

const axisText = (kind) => ({ name, from, to, count }) => (kind === 'sample' ? `{"name":${JSON.stringify(name)},"uniform":{"low":${from},"high":${to}}}`
  : `{"name":${JSON.stringify(name)},"from":${from},"to":${to},"count":${count}}`);

// The body of the request. Numbers are inserted as they were typed, so that they keep all their digits.
function bodyOf(run, kind, axes, count) {
  const fields = { project_name: run.project_name, wait_seconds: 0, ...(run.model_name && { model_name: run.model_name }), ...(run.commit_sha && { commit_sha: run.commit_sha }) };
  const list = `[${axes.map(axisText(kind)).join(',')}]`;
  const space = kind === 'sample' ? `"sample":{"count":${count},"axes":${list}}` : `"${kind}":${list}`;
  const parameters = run.parameters === null ? '' : `,"parameters":${pretty(run.parameters)}`;
  return `${JSON.stringify(fields).slice(0, -1)},${space}${parameters}}`;
}

function mistakeOf(axes, kind, count) {
  if (new Set(axes.map(({ name }) => name)).size < axes.length) return 'Each parameter once: put all of its values between one From and To.';
  for (const { name, from, to, count: values } of axes) {
    if (!name) return 'Name the parameter that varies.';
    if (!NUMBER.test(from) || !NUMBER.test(to)) return `${name}: From and To are numbers, such as 0.05.`;
    if (kind !== 'sample' && !/^[1-9]\d{0,4}$/.test(values)) return `${name}: how many values, a whole number from 2 on.`;
  }
  return kind === 'sample' && !/^[1-9]\d{0,4}$/.test(count) ? 'How many points, a whole number up to 10,000.' : '';
}

// `run`: as the details have it. `onStarted` is called with the id of the sweep.
export function openVary(run, onStarted) {
  const key = newKey();
  const known = numbersIn(run.parameters);
  const axes = [axisOf(known, 0)];
  const list = h('div', { class: 'axes' }, axes[0].element);
  const kind = h('select', {}, KINDS.map(([value, text]) => h('option', { value }, text)));
  const count = h('input', { type: 'text', inputmode: 'numeric', value: 200 });
  const points = field('Points', count);
  const showKind = () => {
    points.hidden = kind.value !== 'sample';
    for (const axis of axes) axis.showCount(kind.value !== 'sample');
  };
  const more = quietButton('Add a parameter', () => {
    axes.push(axisOf(known, axes.length));
    list.append(axes.at(-1).element);
    more.hidden = axes.length >= MOST_AXES;
    showKind();
  });
  kind.addEventListener('change', showKind);
  showKind();
  const read = () => axes.map((axis) => axis.read());
  const base = known.length ? `Now: ${known.slice(0, 6).map(({ name, value }) => `${name} ${exact(value)}`).join(', ')}${known.length > 6 ? '\u2026' : ''}.` : 'The run was given no numbers.';
  openDialog({
    title: 'Vary parameters',
    elements: [h('p', { class: 'hint' }, `Runs the same commit for each point; all else stays as in this run. ${base}`), field('Points', kind), points, list, h('div', { class: 'actions' }, more)],
    button: 'Start the sweep',
    busy: 'Starting\u2026',
    mistake: () => mistakeOf(read(), kind.value, count.value.trim()),
    submit: async () => {
      const body = bodyOf(run, kind.value, read(), count.value.trim());
      const sweep = await post('v1/sweeps', body, { 'Idempotency-Key': `page-${key}-${digest(body)}` });
      return () => onStarted(sweep.sweep_id);
    },
  });
}
