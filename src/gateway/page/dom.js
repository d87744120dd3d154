// Builds elements. Text only ever becomes text nodes: nothing in this page parses HTML.
import { visible } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const SHOWN = 20000; // characters of a long text before its reader asks for the rest

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

// What a model or a repository has written: its direction must not turn the text around it.
export const foreign = (text) => h('bdi', {}, visible(text));

// Sets a text only when it is another one, so that a screen reader is not told twice.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let last = 0;
export const freshId = (name) => `${name}-${++last}`;

export function announce(text) {
  setText(document.getElementById('live'), text);
}

// A text of any length. `label` names it for those who do not see it.
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

// Hands the browser a file under a name of ours; a link could not send the token.
export function save(name, parts, type = 'application/octet-stream') {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// A table of rows that are arrays of texts; long ones are shown piece by piece.
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
