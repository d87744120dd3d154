// Line charts in SVG: axes with round numbers, one line for each series, and a description in words for screen
// readers.
import { freshId, h, s, setText } from './dom.js';
import { exact, visible } from './format.js';

const HEIGHT = 260;
const EDGE = { top: 12, right: 14, bottom: 34, left: 62 };
const MARKED = 60; // lines with at most this many points also show each point as a dot
const DENSE = 400; // lines with more points than this are drawn thin
export const MAX_SERIES = 8;

// About `wanted` round numbers, evenly spaced, within [low, high].
export function ticks(low, high, wanted) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (unused, i) => (first + i) * step);
}

function tickText(value, step) {
  const size = Math.abs(value);
  if (size >= 1e15 || (size !== 0 && size < 1e-5)) return value.toExponential(1);
  if (size >= 1e5) return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 }).format(value);
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) + (/[^0]5/.test(step.toPrecision(3)) ? 1 : 0))));
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

function range(series) {
  let low = Infinity;
  let high = -Infinity;
  for (const { values } of series) {
    for (const value of values) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  // A line whose values are all the same is drawn between zero and twice its height. If all values are on one
  // side of zero and close to it, the axis includes zero.
  if (low === high) return low === 0 ? [-1, 1] : [Math.min(0, low * 2), Math.max(0, high * 2)];
  if (low > 0 && low < (high - low) * 2) low = 0;
  if (high < 0 && -high < (high - low) * 2) high = 0;
  const room = (high - low) * 0.04;
  return [low === 0 ? 0 : low - room, high === 0 ? 0 : high + room];
}

// The indexes of the points to draw. Of many points, only the lowest and the highest in each column of pixels are
// visible.
function thinned(values, columns) {
  const indexes = values.map((unused, i) => i);
  if (values.length <= columns * 2) return indexes;
  const kept = new Set([0, values.length - 1]);
  for (let column = 0; column < columns; column += 1) {
    const from = Math.floor((column * values.length) / columns);
    const to = Math.floor(((column + 1) * values.length) / columns);
    let low = -1;
    let high = -1;
    for (let i = from; i < to; i += 1) {
      if (values[i] === null) {
        kept.add(i);
        continue;
      }
      if (low < 0 || values[i] < values[low]) low = i;
      if (high < 0 || values[i] > values[high]) high = i;
    }
    if (low >= 0) kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b);
}

function path(values, x, y, columns) {
  let text = '';
  let pen = false;
  for (const i of thinned(values, columns)) {
    if (values[i] === null) {
      pen = false;
      continue;
    }
    text += `${pen ? 'L' : 'M'}${x(i).toFixed(1)} ${y(values[i]).toFixed(1)}`;
    pen = true;
  }
  return text;
}

function verticalAxis(low, high, y, width) {
  const marks = ticks(low, high, 5);
  const step = marks.length > 1 ? marks[1] - marks[0] : 1;
  return marks.flatMap((value) => [
    s('line', { class: value === 0 ? 'zero' : 'grid', x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
    s('text', { class: 'tick', x: EDGE.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, tickText(value, step)),
  ]);
}

function horizontalAxis(labels, count, x, width) {
  const longest = Math.min(12, Math.max(...(labels || [String(count)]).slice(0, 200).map((text) => text.length)));
  const wanted = Math.max(2, Math.min(12, Math.floor((width - EDGE.left) / (longest * 7.5 + 24))));
  const marks = count <= wanted ? Array.from({ length: count }, (unused, i) => i)
    : ticks(0, count - 1, wanted).filter(Number.isInteger);
  const short = (text) => (text.length > 14 ? `${text.slice(0, 13)}\u2026` : text);
  return marks.flatMap((i) => [
    s('line', { class: 'mark', x1: x(i), x2: x(i), y1: HEIGHT - EDGE.bottom, y2: HEIGHT - EDGE.bottom + 4 }),
    s('text', { class: 'tick', x: x(i), y: HEIGHT - EDGE.bottom + 18, 'text-anchor': 'middle' },
      labels ? short(visible(labels[i])) : tickText(i, 1)),
  ]);
}

// The description that a screen reader reads for the chart.
function described({ series, count }) {
  const parts = series.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return `${visible(name).slice(0, 80)}: from ${exact(known[0])} to ${exact(known.at(-1))}, lowest ${exact(low)}, highest ${exact(high)}`;
  });
  return `Line chart, ${count.toLocaleString('en')} points. ${parts.join('. ')}. The same numbers are in the table below.`;
}

function draw(data, width, id) {
  const { series, count, labels, title } = data;
  const [low, high] = range(series);
  const inner = width - EDGE.left - EDGE.right;
  const x = (i) => EDGE.left + (count > 1 ? (i / (count - 1)) * inner : inner / 2);
  const y = (value) => HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const lines = series.flatMap(({ values }, number) => [
    s('path', { class: count > DENSE ? `line dense s${number}` : `line s${number}`, d: path(values, x, y, Math.floor(inner)) }),
    ...(count <= MARKED ? values.flatMap((value, i) => (value === null ? []
      : [s('circle', { class: `point s${number}`, cx: x(i).toFixed(1), cy: y(value).toFixed(1), r: 3 })])) : []),
  ]);
  const picture = s('svg', { class: 'plot', width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-labelledby': `${id}-title ${id}-desc` },
    s('title', { id: `${id}-title` }, visible(title)), s('desc', { id: `${id}-desc` }, described(data)),
    verticalAxis(low, high, y, width), horizontalAxis(labels, count, x, width), lines,
    s('line', { class: 'cursor', y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: 'hidden' }));
  return { picture, x, at: (px) => Math.max(0, Math.min(count - 1, Math.round(((px - EDGE.left) / inner) * (count - 1)))) };
}

function legend({ series }) {
  if (series.length < 2) return null;
  const entries = series.map(({ name }, number) => h('li', {},
    s('svg', { class: 'sample', width: 26, height: 10, 'aria-hidden': 'true' }, s('path', { class: `line s${number}`, d: 'M1 5H25' })),
    h('bdi', {}, visible(name))));
  return h('ul', { class: 'legend' }, entries);
}

// Draws a chart. `given` has: title; series, a list of {name, values}, whose values are numbers or null; labels, the
// texts of the points, or null; axis, the name of the labels.
export function lineChart(given) {
  const data = { ...given, count: given.series[0].values.length };
  const id = freshId('chart');
  const readout = h('p', { class: 'readout', 'aria-hidden': 'true' });
  const frame = h('div', { class: 'frame' });
  let drawn;
  const tell = (i) => {
    const label = data.labels ? visible(data.labels[i]) : i.toLocaleString('en');
    setText(readout, `${visible(data.axis)} ${label}: ${data.series.map(({ name, values }) => `${data.series.length > 1 ? `${visible(name)} ` : ''}${values[i] === null ? '\u2013' : exact(values[i])}`).join(', ')}`);
    const cursor = drawn.picture.querySelector('.cursor');
    cursor.setAttribute('x1', drawn.x(i));
    cursor.setAttribute('x2', drawn.x(i));
    cursor.setAttribute('visibility', 'visible');
  };
  const untell = () => {
    setText(readout, data.labels ? visible(data.axis) : `${visible(data.axis)}, from 0`);
    drawn.picture.querySelector('.cursor').setAttribute('visibility', 'hidden');
  };
  const redraw = (width) => {
    drawn = draw(data, width, id);
    frame.replaceChildren(drawn.picture);
    untell();
  };
  frame.addEventListener('pointermove', (event) => tell(drawn.at(event.clientX - frame.getBoundingClientRect().left)));
  frame.addEventListener('pointerleave', untell);
  redraw(640);
  let width = 640;
  new ResizeObserver(([entry]) => {
    const now = Math.max(240, Math.floor(entry.contentRect.width));
    if (now !== width && entry.contentRect.width > 0) redraw(width = now);
  }).observe(frame);
  return h('div', { class: 'chart' }, legend(data), frame, readout);
}
