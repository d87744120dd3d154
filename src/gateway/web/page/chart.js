// Draws series with Chart.js: lines over numbers and dates, bars for categories, and one picture for each scale. The
// library draws on a canvas, so each picture has a description in words; the table beside it has the numbers.
import './chart.umd.min.js';
import { h } from './dom.js';
import { exact, isNumber, tick, visible } from './format.js';
import { byScale } from './shape.js';

const { Chart } = globalThis;
const HEIGHT = 260; // CSS pixels
const BAR = 22; // height of a bar
const MARKED = 60; // lines with at most this many points also show each point as a dot
const MAX_BARS = 40; // rows that are drawn as bars
const DASHES = [[], [7, 4], [2, 4], [10, 4, 2, 4]];
const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}\u2026` : text);
const labelOf = (label, i) => (label === null || label === undefined ? `#${i}` : visible(isNumber(label) ? exact(label) : label));

Chart.defaults.animation = false;
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Gives the chart the colours of the present colour scheme.
function paint(chart) {
  for (const set of chart.data.datasets) {
    set.borderColor = colour(`--s${set.number}`);
    set.backgroundColor = set.borderColor;
  }
  for (const scale of Object.values(chart.config.options.scales)) {
    scale.ticks.color = colour('--muted');
    scale.title.color = scale.ticks.color;
    scale.grid.color = colour('--line');
    scale.border.color = colour('--strong-line');
  }
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of Object.values(Chart.instances)) {
    paint(chart);
    chart.update();
  }
});

// Frees the charts within an element; without one all, as when the view that has them is left.
export function dropCharts(within = null) {
  for (const chart of Object.values(Chart.instances)) {
    if (!within || within.contains(chart.canvas)) chart.destroy();
  }
}

// The ends of a value: bars may reach from one number to another, a list of two.
const ends = (value) => (Array.isArray(value) ? value : [value]);
const newAxis = (more) => ({ ticks: {}, title: { display: false }, grid: {}, border: {}, ...more });
const spread = (marks) => (marks.length > 1 ? Math.abs(marks[1].value - marks[0].value) : 1);

function valueAxis(series, more) {
  const known = series.flatMap(({ values }) => values.flatMap(ends).filter((value) => value !== null));
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const isWhole = known.every(Number.isInteger);
  // If all values are on one side of zero and close to it, the axis begins there.
  const isNear = (low >= 0 && low < (high - low) * 2) || (high <= 0 && -high < (high - low) * 2);
  return newAxis({ ticks: { callback: (value, i, marks) => tick(value, spread(marks)), precision: isWhole ? 0 : undefined }, grace: '4%', beginAtZero: isNear, ...more });
}

// Whether no line leads to or from the point.
const isAlone = (values, i) => (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;

// Numbers stand where they are; other labels stand side by side.
function lines({ labels, axis: name }, series) {
  const count = series[0].values.length;
  const isNumbered = !labels || labels.every(isNumber);
  const places = Array.from({ length: count }, (unused, i) => (labels && isNumbered ? Number(labels[i]) : i));
  const mark = (place, i, marks) => {
    if (isNumbered) return tick(place, spread(marks));
    return labels[place] === undefined ? '' : short(labelOf(labels[place], place), 14);
  };
  const isWhole = series.every(({ values }) => !values.includes(null));
  return {
    type: 'line',
    data: {
      datasets: series.map(({ name, values, number }) => ({
        label: visible(name), number, data: values.map((value, i) => ({ x: places[i], y: value })), borderWidth: count > 400 ? 1 : 2, borderDash: DASHES[number % DASHES.length],
        pointRadius: ({ dataIndex: i }) => (count <= MARKED || isAlone(values, i) ? 3 : 0), pointHoverRadius: 4, spanGaps: false, clip: 6,
      })),
    },
    options: {
      parsing: false,
      normalized: true,
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      plugins: { decimation: { enabled: isWhole && count > MARKED * 10, algorithm: 'min-max' } },
      scales: {
        x: newAxis({
          type: 'linear', min: places[0], max: places.at(-1),
          title: { display: true, text: visible(name) },
          ticks: { maxRotation: 0, includeBounds: false, autoSkipPadding: 12, precision: places.every(Number.isInteger) ? 0 : undefined, callback: mark },
        }),
        y: valueAxis(series, {}),
      },
    },
    titleOf: ({ raw }) => (isNumbered ? exact(raw.x) : labelOf(labels[raw.x], raw.x)),
  };
}

function bars({ labels, together }, series) {
  const isRange = series.some(({ values }) => values.some(Array.isArray));
  const rows = labels.slice(0, MAX_BARS).map(labelOf);
  return {
    type: 'bar',
    data: { labels: rows, datasets: series.map(({ name, values, number }) => ({ label: visible(name), number, data: values.slice(0, MAX_BARS), maxBarThickness: BAR, grouped: !together, minBarLength: isRange ? 3 : 0 })) },
    options: {
      indexAxis: 'y',
      interaction: { mode: 'index', axis: 'y', intersect: false },
      scales: {
        x: valueAxis(series, isRange ? { beginAtZero: false } : { beginAtZero: true }),
        y: newAxis({ ticks: { autoSkip: false, callback: (unused, i) => short(rows[i], 22) } }),
      },
    },
    height: 50 + rows.length * Math.max(BAR + 6, (together ? 1 : series.length) * 12 + 6),
    titleOf: ({ dataIndex }) => rows[dataIndex],
  };
}

// As exact as one can see in a picture.
const roughly = (value) => exact(Number(value.toPrecision(6)));

// What a screen reader reads of the series of a picture that has no words of its own.
function extents(series) {
  const parts = series.map(({ name, values }) => {
    const known = values.flatMap(ends).filter((value) => value !== null);
    const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return `${short(visible(name), 80)}: from ${roughly(known[0])} to ${roughly(known.at(-1))}, lowest ${roughly(low)}, highest ${roughly(high)}`;
  });
  return `${parts.join('. ')}.`;
}

// The description that a screen reader reads for a picture.
function described(title, kind, series, words) {
  const count = series[0].values.length.toLocaleString('en');
  return `${visible(title)}. ${kind === 'bar' ? 'Bar' : 'Line'} chart, ${count} points. ${words ? visible(words) : extents(series)} The same numbers are in the table below.`;
}

function legend(series, isLine) {
  return h('ul', { class: 'legend' }, series.map(({ name, number }) => h('li', {},
    h('span', { class: `sample s${number}${isLine ? ' line' : ''}`, 'aria-hidden': 'true' }), h('bdi', {}, visible(name)))));
}

function panel(title, picture, series, isNamed) {
  const plan = picture.ordered ? lines(picture, series) : bars(picture, series);
  const { type, data, options, titleOf, height = HEIGHT } = plan;
  const canvas = h('canvas', { role: 'img', 'aria-label': described(title, type, series, picture.words) });
  const frame = h('div', { class: 'frame' }, canvas);
  frame.style.height = `${height}px`;
  const chart = new Chart(canvas, {
    type,
    data,
    options: {
      ...options,
      responsive: true,
      maintainAspectRatio: false,
      plugins: {
        ...options.plugins,
        legend: { display: false },
        tooltip: { filter: ({ raw }) => raw !== null, callbacks: { title: ([item]) => item && titleOf(item), label: ({ dataset, raw }) => `${series.length > 1 ? `${short(dataset.label, 40)}: ` : ''}${ends(raw?.y ?? raw).map(exact).join(' to ')}` } },
      },
    },
  });
  paint(chart);
  chart.update();
  return h('div', { class: 'panel' }, isNamed && legend(series, type === 'line'), frame);
}

// `picture`: see pictureOf() in shape.js. With `together` the series share a scale, and of each row of bars only one
// series has a value; `words` describe the picture to who does not see it. Returns an element with one picture for each
// scale.
export function chart(title, picture) {
  const series = picture.series.map((each, number) => ({ ...each, number }));
  const groups = picture.together ? [series] : byScale(series);
  const left = picture.ordered ? 0 : picture.labels.length - MAX_BARS;
  return h('div', { class: 'chart' },
    groups.map((group) => panel(title, picture, group, series.length > 1)),
    groups.length > 1 && h('p', { class: 'hint' }, 'Series of different size have an axis of their own.'),
    left > 0 && h('p', { class: 'hint' }, `${left.toLocaleString('en')} more rows are in the table only.`));
}
