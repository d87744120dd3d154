// Shows a run's outputs: single numbers in large type, lists of numbers and tables as line charts, everything else as
// JSON.
import { lineChart, MAX_SERIES } from './chart.js';
import { dataTable, foreign, h, longText, save } from './dom.js';
import { cell, exact, isNumber, pretty } from './format.js';

const MAX_CARDS = 100;
const MAX_COLUMNS = 50;
const DEEPEST = 3;
const LARGEST = 1e300; // not drawn beyond it: the difference of two such numbers may be infinite
const AXIS = /^(x|t|i|n|index|time|date|day|week|month|quarter|year|period|step|epoch)s?$/i;

const isScalar = (value) => value === null || typeof value !== 'object';
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isNumeric = (values) => values.every((value) => value === null || value === undefined || isNumber(value)) && values.some(isNumber);

// Returns {columns: [{name, values}], all, count}, where `all` is the number of columns before they were limited and
// `count` the number of rows; or null if the value is no table. The columns are limited before they are filled,
// because a few thousand rows that each have a column name of their own would otherwise make a table with millions of
// cells.
export function tableOf(value) {
  let columns = null;
  let all = 0;
  if (Array.isArray(value) && value.length && value.every((row) => isObject(row) && Object.values(row).every(isScalar))) {
    const names = [...new Set(value.flatMap((row) => Object.keys(row)))];
    all = names.length;
    columns = names.slice(0, MAX_COLUMNS).map((name) => ({ name, values: value.map((row) => (Object.hasOwn(row, name) ? row[name] : null)) }));
  } else if (Array.isArray(value) && value.length > 1 && isNumeric(value)) {
    columns = [{ name: 'value', values: value }];
  } else if (isObject(value)) {
    const lists = Object.entries(value);
    const length = lists[0]?.[1]?.length;
    const even = length > 0 && lists.every(([, list]) => Array.isArray(list) && list.length === length && list.every(isScalar));
    if (even) columns = lists.slice(0, MAX_COLUMNS).map(([name, values]) => ({ name, values }));
    all = lists.length;
  }
  return columns?.length ? { columns, all: Math.max(all, columns.length), count: columns[0].values.length } : null;
}

// The index of the column that labels the rows: one of rising numbers with a name such as "year", or else one of
// words; -1 if there is none.
function axisOf(columns) {
  const words = columns.findIndex(({ values }) => !isNumeric(values) && values.some((value) => value !== null));
  const rises = ({ values }) => values.every((value, i) => isNumber(value) && (i === 0 || value > values[i - 1]));
  const named = columns.findIndex((column) => AXIS.test(column.name) && isNumeric(column.values) && rises(column));
  const found = named >= 0 ? named : words;
  return columns.length > 1 ? found : -1;
}

function chartOf(title, { columns, count }) {
  const axis = axisOf(columns);
  const drawable = (value) => !isNumber(value) || Math.abs(Number(value)) < LARGEST;
  const numeric = columns.filter(({ values }, i) => i !== axis && isNumeric(values) && values.every(drawable));
  if (count < 2 || !numeric.length) return null;
  const series = numeric.slice(0, MAX_SERIES).map(({ name, values }) => ({
    name, values: values.map((value) => (isNumber(value) ? Number(value) : null)),
  }));
  const labels = axis < 0 ? null : columns[axis].values.map((value) => (isNumber(value) ? String(value) : cell(value)));
  const chart = lineChart({ title, series, labels, axis: axis < 0 ? 'Index' : columns[axis].name });
  const left = numeric.length - series.length;
  return h('div', {}, chart, left > 0 && h('p', { class: 'hint' }, `${left} more columns are in the table only.`));
}

function tableBlock(title, table, hasChart) {
  const { columns, all, count } = table;
  const hasAxis = axisOf(columns) === 0;
  const names = hasAxis ? columns.map(({ name }) => name) : ['#', ...columns.map(({ name }) => name)];
  const row = (i) => [...(hasAxis ? [] : [String(i)]), ...columns.map(({ values }) => cell(values[i]))];
  const numeric = (i) => (hasAxis ? isNumeric(columns[i].values) : i === 0 || isNumeric(columns[i - 1].values));
  const build = () => h('div', {}, dataTable(`${title} as a table`, names, count, row, numeric),
    all > columns.length && h('p', { class: 'hint' }, `${all - columns.length} more columns are in the JSON only.`));
  if (!hasChart) return build();
  return folded(`Table, ${count.toLocaleString('en')} rows`, build);
}

// A folded block whose content is built when it is first opened, so that tables nobody looks at cost nothing.
export function folded(summary, build) {
  const details = h('details', {}, h('summary', {}, summary));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(build());
  });
  return details;
}

const heading = (depth, name) => h(`h${Math.min(6, depth + 3)}`, { class: 'name' }, foreign(name));

function record(value, depth) {
  const plain = Object.entries(value).filter(([, each]) => isScalar(each));
  const rest = Object.entries(value).filter(([, each]) => !isScalar(each));
  const facts = plain.slice(0, MAX_CARDS).map(([name, each]) => h('div', {}, h('dt', {}, foreign(name)),
    h('dd', {}, typeof each === 'string' && each.length > 200 ? longText(each, name) : foreign(cell(each)))));
  return h('div', { class: 'record' }, facts.length ? h('dl', { class: 'facts' }, facts) : null,
    rest.slice(0, MAX_CARDS).map(([name, each]) => h('section', { class: 'inner' }, heading(depth + 1, name), body(name, each, depth + 1))));
}

function body(name, value, depth) {
  if (isNumber(value)) return h('p', { class: exact(value).length > 13 ? 'big long' : 'big' }, exact(value));
  if (typeof value === 'string') return value.length <= 60 && !/[\r\n]/.test(value) ? h('p', { class: 'word' }, foreign(value)) : longText(value, name);
  if (isScalar(value)) return h('p', { class: 'word' }, String(value));
  const table = tableOf(value);
  if (table) {
    const chart = chartOf(name, table);
    return h('div', {}, chart, tableBlock(name, table, chart !== null));
  }
  if (isObject(value) && depth < DEEPEST && Object.keys(value).length && Object.keys(value).length <= MAX_CARDS) return record(value, depth);
  return longText(pretty(value), name);
}

const isSmall = (value) => isScalar(value) && !(typeof value === 'string' && (value.length > 60 || /[\r\n]/.test(value)));

// Shows all outputs. `file`: the name of the file that the download button saves.
export function outputsBlock(outputs, file) {
  const entries = Object.entries(outputs);
  if (!entries.length) return h('p', { class: 'hint' }, 'The run left no outputs.');
  // Single values come first, side by side, then the outputs that take the whole width.
  const ordered = [...entries.filter(([, value]) => isSmall(value)), ...entries.filter(([, value]) => !isSmall(value))];
  const cards = ordered.slice(0, MAX_CARDS).map(([name, value]) => h('section', { class: isSmall(value) ? 'card small' : 'card' },
    heading(0, name), body(name, value, 0)));
  const text = () => pretty(outputs);
  return h('div', {}, h('div', { class: 'cards' }, cards),
    entries.length > MAX_CARDS && h('p', { class: 'hint' }, `${entries.length - MAX_CARDS} more outputs are in the JSON.`),
    h('div', { class: 'card' }, folded('All outputs as JSON', () => longText(text(), 'All outputs as JSON')),
      h('p', {}, h('button', { type: 'button', class: 'quiet', onclick: () => save(file, [text()], 'application/json') }, 'Download JSON'))));
}
