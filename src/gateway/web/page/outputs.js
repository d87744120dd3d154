// Shows a run's outputs: single numbers in large type, lists and tables as pictures with their numbers beside them,
// everything else as JSON.
import { chart } from './chart.js';
import { folded, foreign, h, longText, named, quietButton, save } from './dom.js';
import { cell, exact, isNumber, pretty } from './format.js';
import { axisOf, isNumeric, isObject, isScalar, pictureOf, tableOf } from './shape.js';
import { dataTable } from './table.js';

const MAX_CARDS = 100;
const DEEPEST = 3;
const SHADES = 8; // of the cells of a matrix; style.css has a class for each
// A number is never broken: a long one is set in smaller type, and what is too long even then scrolls in its line.
const LONG = 13; // characters
const SCROLLS = 24; // characters from which a phone may have to scroll

// Classes that shade the cells of a matrix from its lowest to its highest number.
export function shadeOf(columns) {
  const all = columns.flatMap(({ values }) => values.filter(isNumber).map(Number));
  const [low, high] = all.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const step = (high - low) / SHADES;
  if (!(step > 0 && Number.isFinite(step))) return () => null;
  return (value) => (isNumber(value) ? `shade-${Math.min(SHADES - 1, Math.floor((Number(value) - low) / step))}` : null);
}

function tableBlock(title, table, isFolded) {
  const { columns, all, count, isMatrix } = table;
  const shade = isMatrix ? shadeOf(columns) : null;
  const shown = columns.map(({ name, values }) => ({ name, values, numeric: isNumeric(values), shade: shade && ((i) => shade(values[i])) }));
  // The column that names the rows comes first, wherever it stands: JSON objects arrive in the order of their names.
  const { at } = axisOf(columns);
  shown.unshift(...(at < 0 ? [{ name: '#', values: Array.from({ length: count }, (unused, i) => i), numeric: true }] : shown.splice(at, 1)));
  const build = () => h('div', { class: 'long' }, dataTable({ caption: `${title} as a table`, name: title, columns: shown }),
    all > columns.length && h('p', { class: 'hint' }, `${all - columns.length} more columns are in the JSON only.`));
  return isFolded ? folded(`Table, ${count.toLocaleString('en')} rows`, build) : build();
}

const heading = (depth, name) => h(`h${Math.min(6, depth + 3)}`, { class: 'name' }, named(name));

function record(value, depth) {
  const plain = Object.entries(value).filter(([, each]) => isScalar(each));
  const rest = Object.entries(value).filter(([, each]) => !isScalar(each));
  const fact = (name, each) => {
    if (typeof each === 'string' && each.length > 200) return h('dd', {}, longText(each, name));
    return h('dd', { class: isNumber(each) ? 'number' : null }, foreign(cell(each)));
  };
  return h('div', { class: 'record' },
    plain.length ? h('dl', { class: 'facts' }, plain.slice(0, MAX_CARDS).map(([name, each]) => h('div', {}, h('dt', {}, named(name)), fact(name, each)))) : null,
    rest.slice(0, MAX_CARDS).map(([name, each]) => h('section', { class: 'inner' }, heading(depth + 1, name), body(name, each, depth + 1))));
}

function number(name, value) {
  const text = exact(value);
  const reachable = text.length > SCROLLS ? { tabindex: 0, role: 'region', 'aria-label': name } : {};
  return h('p', { class: text.length > LONG ? 'big long number' : 'big number', ...reachable }, text);
}

function body(name, value, depth) {
  if (isNumber(value)) return number(name, value);
  if (typeof value === 'string') return value.length <= 60 && !/[\r\n]/.test(value) ? h('p', { class: 'word' }, foreign(value)) : longText(value, name);
  if (isScalar(value)) return h('p', { class: 'word' }, String(value));
  const table = tableOf(value);
  if (table) {
    const picture = pictureOf(name, table);
    return h('div', { class: 'long' }, picture && chart(name, picture),
      picture?.left > 0 && h('p', { class: 'hint' }, `${picture.left} more columns are in the table only.`), tableBlock(name, table, picture !== null && table.count > 12));
  }
  if (isObject(value) && depth < DEEPEST && Object.keys(value).length && Object.keys(value).length <= MAX_CARDS) return record(value, depth);
  return longText(pretty(value), name);
}

const isSmall = (value) => isScalar(value) && !(typeof value === 'string' && (value.length > 60 || /[\r\n]/.test(value)));

// Shows all outputs. `file`: the name, without its extension, of the file that the download button saves.
export function outputsBlock(outputs, file) {
  const entries = Object.entries(outputs);
  if (!entries.length) return h('p', { class: 'hint' }, 'The run left no outputs.');
  // Single values come first, side by side, then the outputs that take the whole width.
  const ordered = [...entries.filter(([, value]) => isSmall(value)), ...entries.filter(([, value]) => !isSmall(value))];
  const cards = ordered.slice(0, MAX_CARDS).map(([name, value]) => h('section', { class: isSmall(value) ? 'card small' : 'card' }, heading(0, name), body(name, value, 0)));
  const text = () => pretty(outputs);
  return h('div', {}, h('div', { class: 'cards' }, cards),
    entries.length > MAX_CARDS && h('p', { class: 'hint' }, `${entries.length - MAX_CARDS} more outputs are in the JSON.`),
    h('div', { class: 'card' }, folded('All outputs as JSON', () => longText(text(), 'All outputs as JSON')),
      h('p', {}, quietButton('Download JSON', () => save(`${file}.json`, [text()], 'application/json')))));
}
