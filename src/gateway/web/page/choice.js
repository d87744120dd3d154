// A list of choices, the last of which lead to a field for what is not in the list.
import { field, h } from './dom.js';
import { visible } from './format.js';

// `others`: [[key, label, placeholder]], such as ['branch', 'Another branch…', '']. Returns
//   element   the labelled control
//   set       set(options, chosen): the choices, [[value, text]]; `chosen` is added if it is none of them
//   read      {key, value}: what is chosen; key is null for one of the options, else that of the entry of `others`
export function choice(label, hint, others, onChange = () => {}) {
  const select = h('select');
  const input = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', 'aria-label': `${label}: another`, hidden: true });
  const keyOf = () => select.selectedOptions[0]?.dataset.other ?? null;
  const showInput = () => {
    const other = others.find(([key]) => key === keyOf());
    input.hidden = !other;
    input.required = Boolean(other);
    input.placeholder = other?.[2] ?? '';
    return other;
  };
  select.addEventListener('change', () => {
    if (showInput()) input.focus();
    onChange();
  });
  input.addEventListener('change', onChange);
  const element = field(label, select, hint);
  select.after(input);
  return {
    element,
    set: (options, chosen) => {
      const all = options.some(([value]) => value === chosen) || chosen === undefined ? options : [[chosen, chosen], ...options];
      select.replaceChildren(...all.map(([value, text]) => h('option', { value }, visible(text))),
        ...others.map(([key, text]) => h('option', { value: `other:${key}`, 'data-other': key }, text)));
      if (chosen !== undefined) select.value = chosen;
      showInput();
    },
    read: () => ({ key: keyOf(), value: keyOf() ? input.value.trim() : select.value }),
  };
}
