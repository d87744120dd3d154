// Finds out how a sweep is drawn: what an output does along one parameter, over two, or in a sample. Pure.
import { cell, isNumber } from './format.js';

const MOST_BINS = 20;

// A value of a parameter as what it is compared by: equal texts are equal values.
const keyOf = (value) => JSON.stringify(isNumber(value) ? Number(value) : value ?? null);

const unique = (values) => [...new Map(values.map((value) => [keyOf(value), value])).values()];

// The value of an output in a row as a double; null if it is no number and no boolean.
export function numberOf(row, output) {
  const value = row.outputs[output];
  if (typeof value === 'boolean') return value ? 1 : 0;
  return isNumber(value) ? Number(value) : null;
}

// Along one parameter: a picture for chart(). The rows stand in the order of its values if these are numbers.
export function along(rows, name, output) {
  const points = rows.filter((row) => Object.hasOwn(row.parameters, name)).map((row) => ({ at: row.parameters[name], value: numberOf(row, output) }));
  const ordered = points.length > 0 && points.every(({ at }) => isNumber(at));
  if (ordered) points.sort((a, b) => Number(a.at) - Number(b.at));
  if (!points.some(({ value }) => value !== null)) return null;
  return { series: [{ name: output, values: points.map(({ value }) => value) }], left: 0, labels: points.map(({ at }) => at), axis: name, ordered };
}

// Over two parameters: {rows, columns, values}: values[column][row], null where there is none.
export function over(rows, [first, second], output) {
  const down = unique(rows.map((row) => row.parameters[first]));
  const across = unique(rows.map((row) => row.parameters[second]));
  const place = new Map(rows.map((row) => [`${keyOf(row.parameters[first])} ${keyOf(row.parameters[second])}`, numberOf(row, output)]));
  return { rows: down, columns: across, values: across.map((b) => down.map((a) => place.get(`${keyOf(a)} ${keyOf(b)}`) ?? null)) };
}

// How far the output moves with each parameter, the widest first: the entries of `sensitivity` that have a range.
export function widest(sensitivity, output) {
  const known = sensitivity.filter((each) => each.output === output && each.low !== null && each.high !== null);
  return known.sort((a, b) => (b.high - b.low) - (a.high - a.low));
}

// How the output follows each parameter in a sample, the strongest first.
export function strongest(sensitivity, output) {
  const known = sensitivity.filter((each) => each.output === output && each.correlation !== null);
  return known.sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
}

// [{from, to, count}]: bins of one width from the lowest value to the highest. None for fewer than two different values.
export function bins(values) {
  const known = values.filter((value) => value !== null);
  const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const width = (high - low) / Math.min(MOST_BINS, Math.max(2, Math.ceil(Math.sqrt(known.length))));
  if (!(width > 0 && Number.isFinite(width))) return [];
  const count = Math.round((high - low) / width);
  const made = Array.from({ length: count }, (unused, i) => ({ from: low + i * width, to: i === count - 1 ? high : low + (i + 1) * width, count: 0 }));
  for (const value of known) made[Math.min(count - 1, Math.floor((value - low) / width))].count += 1;
  return made;
}

// A number in a table that was computed, without the digits that a double has beyond what it means.
export const rounded = (value) => (value === null ? null : Number(value.toPrecision(6)));

// Names of parameters, as a sweep takes them: keys, and JSON pointers (RFC 6901) to numbers in nested objects.
export function numbersIn(parameters, path = []) {
  return Object.entries(parameters ?? {}).flatMap(([name, value]) => {
    const here = [...path, name];
    if (isNumber(value)) {
      const pointer = here.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
      return [{ name: path.length || name.startsWith('/') ? pointer : name, value }];
    }
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? numbersIn(value, here) : [];
  });
}

// A value of a table: scalars as they are, lists and objects as JSON.
export const shown = (value) => (value !== null && typeof value === 'object' ? JSON.stringify(value, (name, each) => (typeof each === 'bigint' ? cell(each) : each)) : value);
