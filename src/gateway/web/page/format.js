// Formats values for people. Pure.

// Characters that are not visible but change the text around them: control characters and those that set its
// direction.
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function picture(character) {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

// Replaces each hidden character by visible ones, and each end of a line by \n.
export function visible(text) {
  return String(text).replace(/\r\n?/g, '\n').replace(HIDDEN, picture);
}

const isScalar = (value) => value === null || typeof value !== 'object';

function scalars(texts, indent) {
  const lines = [''];
  for (const text of texts) {
    const line = lines.at(-1);
    if (line.length + text.length > 96 && line) lines.push(text);
    else lines[lines.length - 1] = line ? `${line}, ${text}` : text;
  }
  return lines.length === 1 ? `[${lines[0]}]` : `[\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}]`;
}

// Indented JSON, in which a list of plain values takes as few lines as possible.
export function pretty(value, indent = '') {
  if (typeof value === 'bigint') return String(value);
  if (isScalar(value)) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every(isScalar)) return scalars(value.map((each) => pretty(each)), indent);
    return `[\n${value.map((each) => deeper + pretty(each, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value);
  if (!members.length) return '{}';
  return `{\n${members.map(([name, each]) => `${deeper}${JSON.stringify(name)}: ${pretty(each, deeper)}`).join(',\n')}\n${indent}}`;
}

export const isNumber = (value) => typeof value === 'number' || typeof value === 'bigint';

// A number with all of its digits, from five before the point on in groups of three: what has four may be a year.
export function exact(value) {
  const text = String(value);
  if (text.includes('e')) return text;
  const [whole, rest] = text.split('.');
  const grouped = /\d{5}/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole;
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

// The text of a scalar in a table.
export function cell(value) {
  if (value === undefined || value === null) return '\u2013';
  return isNumber(value) ? exact(value) : String(value);
}

// The number beside a mark of an axis, whose marks are `step` apart.
export function tick(value, step) {
  const magnitude = Math.abs(value);
  if (magnitude >= 1e15 || (magnitude !== 0 && magnitude < 1e-5)) return value.toExponential(1);
  if (magnitude >= 1e5) {
    const unit = 1000 ** Math.min(4, Math.floor(Math.log10(magnitude) / 3)); // k, M, B or T
    const digits = Math.max(0, Math.ceil(Math.log10(unit / step) - 1e-9));
    if (digits <= 2) return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: digits }).format(value);
  }
  // As many digits as the step has, after which a double shows where it is not exact.
  const digits = String(Number(step.toPrecision(6))).split('.')[1]?.length ?? 0;
  return exact(Number(value.toFixed(Math.min(8, digits))));
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds === null || !(seconds >= 0)) return '\u2013';
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function elapsed(from, to, now = Date.now()) {
  return from ? Math.max(0, ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000) : null;
}

const moment = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const time = (text) => (text ? moment.format(new Date(text)) : '\u2013');

export function ago(text, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(text)) / 1000));
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return time(text);
}

export const commit = (text) => (text ? text.slice(0, 12) : '\u2013');

export const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const STATUSES = { pending: 'Pending', running: 'Running', success: 'Success', failed: 'Failed', timed_out: 'Timed out', cancelled: 'Cancelled' };
export const isFinal = (status) => status !== 'pending' && status !== 'running';

export function titleOf(run) {
  const what = run.model_name ? `${run.project_name} / ${run.model_name}` : run.project_name;
  return run.run_number ? `${what} #${run.run_number}` : what;
}
