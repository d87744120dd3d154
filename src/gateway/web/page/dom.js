// Builds elements. Text always becomes text nodes; nothing in this page parses HTML.
import { visible } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const SHOWN = 20000; // characters of a long text that are shown until the user asks for the rest

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// A text that a model or a repository has written, isolated so that its writing direction does not affect its
// surroundings.
export const foreign = (text) => h('bdi', {}, visible(text));

// Sets the text only if it differs, so that a screen reader does not read the same text again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let last = 0;
export const freshId = (name) => `${name}-${++last}`;

export function announce(text) {
  setText(document.getElementById('live'), text);
}

// Shows a text of any length. `label` is its name for screen readers.
export function longText(text, label) {
  const shown = visible(text);
  const pre = h('pre', { class: 'text', tabindex: 0, role: 'region', 'aria-label': label }, shown.slice(0, SHOWN));
  if (shown.length <= SHOWN) return pre;
  const all = h('button', { type: 'button', class: 'quiet' }, `Show all ${shown.length.toLocaleString('en')} characters`);
  all.addEventListener('click', () => {
    pre.textContent = shown;
    all.remove();
    pre.focus();
  });
  return h('div', {}, pre, all);
}

// Has the browser save `parts` as a file called `name`. A plain link would not do, because it cannot send the token.
export function save(name, parts, type = 'application/octet-stream') {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// A table with `count` rows; row(i) returns the texts of row i, and numeric(i) tells whether column i has numbers. A
// long table is shown step by step.
export function dataTable(caption, columns, count, row, numeric = () => false) {
  const step = 200;
  const body = h('tbody');
  const more = h('button', { type: 'button', class: 'quiet' });
  let shown = 0;
  const grow = () => {
    const end = Math.min(count, shown + step);
    for (; shown < end; shown += 1) {
      const cells = row(shown).map((text, i) => (i === 0
        ? h('th', { scope: 'row' }, foreign(text))
        : h('td', { class: numeric(i) ? 'number' : null }, foreign(text))));
      body.append(h('tr', {}, cells));
    }
    more.hidden = shown >= count;
    setText(more, `Show ${Math.min(step, count - shown)} more of ${count.toLocaleString('en')} rows`);
  };
  more.addEventListener('click', grow);
  grow();
  const head = columns.map((name, i) => h('th', { scope: 'col', class: i > 0 && numeric(i) ? 'number' : null }, foreign(name)));
  const table = h('table', { class: 'data' }, h('caption', { class: 'unseen' }, caption), h('thead', {}, h('tr', {}, head)), body);
  return h('div', {}, h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption }, table), more);
}
