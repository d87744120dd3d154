// Builds elements. Text always becomes text nodes; nothing in this page parses HTML.
import { visible } from './format.js';

const SHOWN = 20000; // characters of a long text that are shown until the user asks for the rest
const TOLD = 2000; // milliseconds for which a button says that its text was copied

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const quietButton = (text, onclick, more = {}) => h('button', { type: 'button', class: 'quiet', onclick, ...more }, text);

// A text that a model or a repository has written, isolated so that its writing direction does not affect its
// surroundings.
export const foreign = (text) => h('bdi', {}, visible(text));

// The same for a name: where it is too long for its line, it is broken after one of these signs.
export const named = (text) => h('bdi', {}, visible(text).split(/(?<=[_/.])/).flatMap((part, i) => (i ? [h('wbr'), part] : [part])));

// Sets the text only if it differs, so that a screen reader does not read the same text again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let last = 0;
export const freshId = (name) => `${name}-${++last}`;

export function announce(text) {
  setText(document.getElementById('live'), text);
}

// An alert, which is hidden while it has no text, and the function that gives it one.
export function complaint() {
  const element = h('p', { class: 'note bad', role: 'alert', hidden: true });
  const complain = (text) => {
    element.hidden = !text;
    setText(element, text);
  };
  return [element, complain];
}

// The clipboard is there for pages of https and of this machine only; elsewhere the old way has to do.
async function toClipboard(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true', tabindex: -1 });
  area.value = text;
  const focused = document.activeElement;
  (document.querySelector('dialog[open]') || document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focused?.focus();
  if (!done) throw new Error('not copied');
}

// A button that copies what text() returns. `what` completes its name for screen readers.
export function copyButton(what, text, more = {}) {
  const button = quietButton('Copy', null, { 'aria-label': `Copy ${visible(what)}`, ...more });
  let timer;
  button.addEventListener('click', async () => {
    let told = 'Copied';
    try {
      await toClipboard(text());
    } catch {
      told = 'Not copied: select the text instead';
    }
    setText(button, told);
    announce(told);
    clearTimeout(timer);
    timer = setTimeout(() => setText(button, 'Copy'), TOLD);
  });
  return button;
}

// Shows a text of any length. `label` is its name for screen readers.
export function longText(text, label) {
  const shown = visible(text);
  const pre = h('pre', { class: 'text', tabindex: 0, role: 'region', 'aria-label': label }, shown.slice(0, SHOWN));
  const all = shown.length > SHOWN && quietButton(`Show all ${shown.length.toLocaleString('en')} characters`, () => {
    pre.textContent = shown;
    all.remove();
    pre.focus();
  });
  return h('div', { class: 'long' }, pre, h('div', { class: 'actions' }, copyButton(label, () => text), all));
}

// Has the browser save `parts` as a file called `name`. A plain link would not do, because it cannot send the token.
export function save(name, parts, type = 'application/octet-stream') {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// A folded block whose content is built when it is first opened, so that tables nobody looks at cost nothing.
export function folded(summary, build) {
  const details = h('details', {}, h('summary', {}, summary));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(build());
  });
  return details;
}

// A control with its label and a hint.
export function field(label, control, hint) {
  control.id ||= freshId('field');
  const note = hint && h('p', { class: 'hint', id: `${control.id}-hint` }, hint);
  if (hint) control.setAttribute('aria-describedby', note.id);
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control, note);
}
