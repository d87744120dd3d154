// The parts of the view of one sweep: pictures of an output, each with its numbers as a table beside it, and the table
// of all points.
import { chart } from './chart.js';
import { h } from './dom.js';
import { exact } from './format.js';
import { shadeOf } from './outputs.js';
import { card, facts } from './run_parts.js';
import { along, bins, numberOf, over, rounded, shown, strongest, widest } from './sweep_shape.js';
import { column, dataTable } from './table.js';

// A picture and its numbers.
const block = (title, picture, columns) => card(title, picture, dataTable({ caption: `${title} as a table`, name: title, columns }));

function line(rows, name, output) {
  const picture = along(rows, name, output);
  if (!picture) return null;
  const title = `${output} along ${name}`;
  return block(title, chart(title, picture), [column(name, picture.labels.map(shown)), column(output, picture.series[0].values)]);
}

// The heat map is a table that is shaded: its numbers stand in it.
function heatMap(rows, names, output) {
  const { rows: down, columns: across, values } = over(rows, names, output);
  const title = `${output} over ${names[0]} and ${names[1]}`;
  const cells = across.map((at, i) => ({ ...column(String(shown(at)), values[i]), numeric: true }));
  const shade = shadeOf(cells);
  for (const each of cells) each.shade = (i) => shade(each.values[i]);
  return card(title, h('p', { class: 'hint' }, `Down: ${names[0]}. Across: ${names[1]}. The darker, the higher.`),
    dataTable({ caption: title, name: title, columns: [column(names[0], down.map(shown)), ...cells] }));
}

// From the lowest to the highest value of the output for each parameter, the widest on top.
function tornado(sweep, output) {
  const ranges = widest(sweep.sensitivity, output);
  if (!ranges.length) return null;
  const isMean = ranges[0].measure === 'RangeOfMeans';
  const title = `How far ${output} moves`;
  const picture = { series: [{ name: output, values: ranges.map(({ low, high }) => [low, high]) }], left: 0, labels: ranges.map(({ parameter }) => parameter), axis: 'parameter', ordered: false };
  return card(title, h('p', { class: 'hint' }, isMean ? 'Along each parameter: from the lowest to the highest mean of all points with one value.' : 'Along each parameter alone, the others as in the base.'),
    chart(title, picture),
    dataTable({ caption: `${title} as a table`, name: title, columns: [column('parameter', ranges.map(({ parameter }) => parameter)), column('lowest', ranges.map(({ low }) => low)), column('lowest at', ranges.map((each) => shown(each.low_at))),
      column('highest', ranges.map(({ high }) => high)), column('highest at', ranges.map((each) => shown(each.high_at))), column('range', ranges.map(({ low, high }) => rounded(high - low)))] }));
}

function histogram(sweep, rows, output) {
  const found = bins(rows.map((row) => numberOf(row, output)));
  if (!found.length) return null;
  const title = `Distribution of ${output}`;
  const labels = found.map(({ from, to }) => `${exact(rounded(from))} to ${exact(rounded(to))}`);
  const counts = found.map(({ count }) => count);
  // There is none while the sweep goes on.
  const summary = sweep.summary.find((each) => each.output === output);
  const marks = summary ? [['p5', summary.p5], ['p50', summary.p50], ['p95', summary.p95], ['Mean', summary.mean], ['Standard deviation', summary.stddev]] : [];
  return card(title, h('div', { class: 'record' }, facts(marks.map(([name, value]) => [name, value === null ? null : exact(rounded(value))]))),
    chart(title, { series: [{ name: 'points', values: counts }], left: 0, labels, axis: output, ordered: false }),
    dataTable({ caption: `${title} as a table`, name: title, columns: [column('from', found.map(({ from }) => rounded(from))), column('to', found.map(({ to }) => rounded(to))), column('points', counts)] }));
}

function correlations(sweep, output) {
  const known = strongest(sweep.sensitivity, output);
  if (!known.length) return null;
  const title = `What ${output} follows`;
  const values = known.map(({ correlation }) => rounded(correlation));
  return card(title, h('p', { class: 'hint' }, 'Rank correlation with each parameter, from \u22121 to 1.'),
    chart(title, { series: [{ name: 'correlation', values }], left: 0, labels: known.map(({ parameter }) => parameter), axis: 'parameter', ordered: false }),
    dataTable({ caption: `${title} as a table`, name: title, columns: [column('parameter', known.map(({ parameter }) => parameter)), column('correlation', values)] }));
}

// The pictures of one output that suit the sweep's space. `rows`: those of its table; one that failed is a gap.
export function pictures(sweep, rows, output) {
  const names = sweep.parameter_names;
  if (sweep.space === 'sample') return [histogram(sweep, rows, output), correlations(sweep, output), tornado(sweep, output)].filter(Boolean);
  if (sweep.space === 'one_at_a_time') return [tornado(sweep, output)].filter(Boolean);
  if (names.length === 1) return [line(rows, names[0], output)].filter(Boolean);
  if (sweep.space === 'grid' && names.length === 2) return [heatMap(rows, names, output), tornado(sweep, output)].filter(Boolean);
  return [tornado(sweep, output)].filter(Boolean);
}

export function summaryTable(sweep) {
  const known = sweep.summary;
  if (!known.length) return null;
  const of = (name) => column(name, known.map((each) => (typeof each[name] === 'number' ? rounded(each[name]) : each[name])));
  return card('Summary', dataTable({ caption: 'Summary of each output', name: 'summary', columns: ['output', 'count', 'mean', 'stddev', 'min', 'p5', 'p50', 'p95', 'max'].map(of) }));
}

// The points that have a row. `rows`: lines of the table's JSON Lines. `download`: a button below them, or null.
export function pointsTable(sweep, rows, download) {
  const of = (kind) => (name) => column(name, rows.map((row) => shown(row[kind][name] ?? null)));
  const error = (row) => (row.reason ? `${row.reason}${row.message ? `: ${row.message}` : ''}` : null);
  const columns = [column('#', rows.map((row) => row.index)), ...sweep.parameter_names.map(of('parameters')), ...sweep.output_names.map(of('outputs')),
    column('status', rows.map((row) => row.phase)), column('seconds', rows.map((row) => row.durationSeconds ?? null))];
  if (rows.some((row) => row.reason)) columns.push(column('error', rows.map(error)));
  return card('Points', dataTable({ caption: download ? 'All points' : 'The points that have ended', name: `sweep-${sweep.sweep_id.slice(0, 8)}`, columns }), download && h('p', {}, download));
}
