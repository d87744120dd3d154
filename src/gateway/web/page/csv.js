// Tables as text for other programs. Pure.

// Spreadsheets run a text that begins like this as a formula, and what a model has written must not become one.
const FORMULA = /^[=+\-@\t\r]/;

const plain = (value) => {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
};
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// CSV (RFC 4180) with a line of names. Numbers have all of their digits; a text that a spreadsheet would run gets an
// apostrophe before it. A text with other characters than ASCII begins with a byte order mark, without which Excel
// does not read UTF-8.
export function csv(names, rows) {
  const text = [names, ...rows].map((row) => row.map((value) => quoted(plain(value))).join(',')).join('\r\n');
  return `${/[^\u0000-\u007f]/.test(text) ? '\ufeff' : ''}${text}\r\n`;
}

// The same for the clipboard: what spreadsheets take apart when it is pasted.
export function tabbed(names, rows) {
  return [names, ...rows].map((row) => row.map((value) => plain(value).replace(/[\t\r\n]+/g, ' ')).join('\t')).join('\n');
}
