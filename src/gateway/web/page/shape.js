// Finds out what an output is: a table, what its columns are, and how they can be drawn. Pure.
import { isNumber } from './format.js';

const MAX_COLUMNS = 50;
const MAX_SERIES = 8;
const LARGEST = 1e300; // not drawn beyond it: the difference of two such numbers may be infinite
const ONE_SCALE = 20; // two series share an axis if the larger one is at most so many times as large as the other
const FEWEST_CATEGORIES = 3; // an object with fewer numbers is no table, nor is one whose numbers differ by more than
const ONE_KIND = 100; // this factor

const AXIS = /^(x|t|i|n|index|time|date|day|week|month|quarter|year|period|step|epoch)s?$/i;
// Dates, months, quarters and times of one form sort as texts.
const DATE = /^\d{4}(-?(q[1-4]|w?\d{2}(-?\d{2})?))?([t ]\d{2}:?\d{2}.*)?$/i;

export const isScalar = (value) => value === null || typeof value !== 'object';
export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isGone = (value) => value === null || value === undefined;
export const isNumeric = (values) => values.every((value) => isGone(value) || isNumber(value)) && values.some(isNumber);
const isWhole = (value) => typeof value === 'bigint' || Number.isInteger(value);
const rises = (values) => values.every((value, i) => !isGone(value) && (i === 0 || value > values[i - 1]));

const isAxis = (name, values) => AXIS.test(name) && isNumeric(values) && rises(values);

// The step between whole numbers that rise evenly; 0 for other lists.
function stepOf(values) {
  if (values.length < 2 || !values.every((value) => isNumber(value) && isWhole(value))) return 0;
  const step = Number(values[1]) - Number(values[0]);
  return step > 0 && values.every((value, i) => i === 0 || Number(value) - Number(values[i - 1]) === step) ? step : 0;
}

const areYears = (values) => stepOf(values) > 0 && values[0] >= 1800 && values.at(-1) <= 2200;

// Whether the numbers of a list only say where something stands, as years and 1, 2, 3 do.
const isIndex = (name, values) => isAxis(name, values) || areYears(values) || stepOf(values) === 1;

const shared = (rows) => {
  const names = Object.keys(rows[0]);
  return rows.every((row) => Object.keys(row).length === names.length && names.every((name) => Object.hasOwn(row, name))) ? names : null;
};

// The column of an object's names.
const nameColumn = (names) => ({ name: 'name', values: names });

function ofRecords(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // The columns are limited before they are filled, because a few thousand rows that each have a column name of their
  // own would otherwise make a table with millions of cells.
  const columns = names.slice(0, MAX_COLUMNS).map((name) => ({ name, values: rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null)) }));
  return { columns, all: names.length };
}

function ofLists(lists, nameOf, isMatrix) {
  const columns = lists.slice(0, MAX_COLUMNS).map((values, i) => ({ name: nameOf(i), values }));
  return { columns, all: lists.length, isMatrix };
}

function ofMatrix(rows) {
  const width = rows[0].length;
  const numeric = rows.every((row) => row.every((value) => isGone(value) || isNumber(value)));
  const columns = Array.from({ length: Math.min(width, MAX_COLUMNS) }, (unused, i) => ({ name: String(i), values: rows.map((row) => row[i]) }));
  return { columns, all: width, isMatrix: numeric };
}

const isList = (value) => Array.isArray(value) && value.length > 0 && value.every(isScalar);
const isRecord = (value) => isObject(value) && Object.values(value).length > 0 && Object.values(value).every(isScalar);

function ofObject(value) {
  const names = Object.keys(value);
  const members = Object.values(value);
  if (!members.length) return null;
  if (members.every((each) => isList(each) && each.length === members[0].length)) return ofLists(members, (i) => names[i], false);
  if (members.length > 1 && members.every(isRecord) && shared(members)) {
    const { columns, all } = ofRecords(members);
    return { columns: [nameColumn(names), ...columns], all: all + 1 };
  }
  // One number for each of several names, if they are near enough to each other to be of one kind.
  if (members.length >= FEWEST_CATEGORIES && members.every((each) => isNumber(each) && drawable(each))) {
    const sizes = members.map((each) => Math.abs(Number(each))).filter((size) => size > 0);
    if (Math.max(...sizes) / Math.min(...sizes) > ONE_KIND) return null;
    return { columns: [nameColumn(names), { name: 'value', values: members }], all: 2 };
  }
  return null;
}

// {columns: [{name, values}], all, count, isMatrix}: `all` is the number of columns before they were limited, `count`
// that of the rows; isMatrix: every value is a number, and rows and columns have no names. Null if it is no table.
export function tableOf(value) {
  let table = null;
  if (Array.isArray(value) && value.length) {
    if (value.every(isRecord)) table = ofRecords(value);
    else if (value.every((row) => isList(row) && row.length === value[0].length)) table = ofMatrix(value);
    else if (value.length > 1 && isNumeric(value)) table = ofLists([value], () => 'value', false);
  } else if (isObject(value)) {
    table = ofObject(value);
  }
  return table && { isMatrix: false, ...table, count: table.columns[0].values.length };
}

// {at, ordered}: the index of the column that labels the rows, and whether its values follow each other, as numbers
// and dates do and categories do not; at is -1 if there is no such column.
export function axisOf(columns) {
  if (columns.length < 2) return { at: -1, ordered: true };
  const named = columns.findIndex(({ name, values }) => isAxis(name, values));
  if (named >= 0) return { at: named, ordered: true };
  const words = columns.findIndex(({ values }) => !isNumeric(values) && values.some((value) => !isGone(value)));
  if (words < 0) return { at: columns.findIndex(({ name, values }) => isIndex(name, values)), ordered: true };
  const { values } = columns[words];
  return { at: words, ordered: values.every((value) => typeof value === 'string' && DATE.test(value)) && rises(values) };
}

const drawable = (value) => !isNumber(value) || Math.abs(Number(value)) < LARGEST;

function largest({ values }) {
  return values.reduce((most, value) => Math.max(most, value === null ? 0 : Math.abs(value)), 0);
}

// The series in groups that are large alike, in their first order: each group gets an axis of its own.
export function byScale(series) {
  const groups = [];
  let top = Infinity;
  for (const each of [...series].sort((a, b) => largest(b) - largest(a))) {
    const size = largest(each);
    if (!groups.length || (size > 0 && top / size > ONE_SCALE)) {
      groups.push([]);
      top = size;
    }
    groups.at(-1).push(each);
  }
  return groups.map((group) => series.filter((each) => group.includes(each))).sort((a, b) => series.indexOf(a[0]) - series.indexOf(b[0]));
}

// How a table is drawn: {series: [{name, values}], left, labels, axis, ordered}, or null if there is nothing to draw.
// `left`: so many more columns could be drawn. `labels`: of the rows, or null if they have none. Values are doubles or
// null.
export function pictureOf(title, { columns, count, isMatrix }) {
  if (isMatrix || count < 2) return null;
  const { at, ordered } = axisOf(columns);
  const drawn = columns.filter(({ name, values }, i) => i !== at && isNumeric(values) && values.every(drawable)
    && !(columns.length === 1 ? isIndex(title, values) : isAxis(name, values) || areYears(values)));
  if (!drawn.length) return null;
  const series = drawn.slice(0, MAX_SERIES).map(({ name, values }) => ({ name, values: values.map((value) => (isNumber(value) ? Number(value) : null)) }));
  return { series, left: drawn.length - series.length, labels: at < 0 ? null : columns[at].values, axis: at < 0 ? 'Index' : columns[at].name, ordered };
}
