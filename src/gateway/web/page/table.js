// A table of scalars that can be sorted, copied and saved. It is shown step by step, however long it is.
import { copyButton, foreign, h, named, quietButton, save, setText } from './dom.js';
import { cell, isNumber } from './format.js';
import { csv, tabbed } from './csv.js';
import { isNumeric } from './shape.js';

const STEP = 200; // rows

// Numbers by their size, other values as texts, and what is not there last, whatever the direction.
function compare(a, b, direction) {
  const gone = (value) => value === null || value === undefined;
  if (gone(a) || gone(b)) return gone(a) - gone(b);
  if (isNumber(a) && isNumber(b)) return (a < b ? -1 : a > b ? 1 : 0) * direction;
  return String(a).localeCompare(String(b), 'en', { numeric: true }) * direction;
}

export const column = (name, values) => ({ name, values, numeric: isNumeric(values) });

// `columns`: [{name, values, numeric, shade}], all of the same length. The first column names the rows. `shade(i)`, if
// a column has it, is a class for the cell in row i. `name`: of the file, without its extension.
export function dataTable({ caption, name, columns }) {
  const count = columns[0].values.length;
  const order = Array.from({ length: count }, (unused, i) => i);
  const body = h('tbody');
  const more = quietButton('', () => grow());
  let shown = 0;
  let sorted = null; // {column, direction}

  const row = (i) => h('tr', {}, columns.map(({ values, numeric, shade }, column) => {
    const style = [numeric && 'number', shade && shade(i)].filter(Boolean).join(' ') || null;
    return column === 0 ? h('th', { scope: 'row', class: style }, foreign(cell(values[i]))) : h('td', { class: style }, foreign(cell(values[i])));
  }));
  const grow = () => {
    const end = Math.min(count, shown + STEP);
    body.append(...order.slice(shown, end).map(row));
    shown = end;
    more.hidden = shown >= count;
    setText(more, `Show ${Math.min(STEP, count - shown)} more of ${count.toLocaleString('en')} rows`);
  };
  const sort = (column) => {
    const direction = sorted?.column === column ? -sorted.direction : 1;
    sorted = { column, direction };
    const { values } = columns[column];
    order.sort((a, b) => compare(values[a], values[b], direction) || a - b);
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    shown = 0;
    body.replaceChildren();
    grow();
  };
  const heads = columns.map(({ name: title, numeric }, column) => h('th', { scope: 'col', class: numeric ? 'number' : null },
    h('button', { type: 'button', class: 'sort', onclick: () => sort(column) }, named(title))));
  grow();
  const names = columns.map((each) => each.name);
  const rows = () => order.map((i) => columns.map(({ values }) => values[i]));
  return h('div', { class: 'long' },
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
      h('table', { class: 'data' }, h('caption', { class: 'unseen' }, caption), h('thead', {}, h('tr', {}, heads)), body)),
    h('div', { class: 'actions' }, more, quietButton('Download CSV', () => save(`${name}.csv`, [csv(names, rows())], 'text/csv;charset=utf-8'), { 'aria-label': `Download CSV: ${caption}` }),
      copyButton(`${caption}, for a spreadsheet`, () => tabbed(names, rows()))));
}
