// The controls above the list of runs: which runs, and in which order.
import { Problem } from './api.js';
import { field, h } from './dom.js';
import { STATUSES } from './format.js';

const TYPED = 300; // milliseconds after the last key until a search begins
const SORTS = [['', 'Newest first'], ['created', 'Oldest first'], ['-duration', 'Longest first'], ['duration', 'Shortest first'],
  ['name', 'By project and model'], ['-name', 'By project and model, backwards'], ['status', 'By status'], ['-status', 'By status, backwards']];

function statusFilter(chosen, onChange) {
  const choices = [['', 'All'], ...Object.entries(STATUSES)].map(([word, label]) => {
    const input = h('input', { type: 'radio', name: 'status', value: word, checked: word === chosen });
    input.addEventListener('change', () => onChange(word));
    return h('label', { class: 'chip' }, input, h('span', {}, label));
  });
  return h('fieldset', { class: 'chips' }, h('legend', { class: 'unseen' }, 'Status'), choices);
}

function searchField(chosen, onChange) {
  const input = h('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', maxlength: 100, placeholder: 'Model, branch, commit, #12\u2026' });
  input.value = chosen;
  let timer;
  const search = () => {
    clearTimeout(timer);
    onChange(input.value.trim());
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(search, TYPED);
  });
  input.addEventListener('change', search);
  return { input, stop: () => clearTimeout(timer) };
}

// A list of the namespaces in which the caller sees projects. If there are too many for the gateway to list, it is a
// field in which one is typed.
function namespaceControl(app, chosen, onChange) {
  const select = h('select', { id: 'namespace' }, h('option', { value: chosen }, chosen || 'Your own'));
  const place = field('Namespace', select);
  const typed = () => {
    const input = h('input', { type: 'text', id: 'namespace', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none', value: chosen, placeholder: 'your own' });
    input.addEventListener('change', () => onChange(input.value.trim()));
    return input;
  };
  select.addEventListener('change', () => {
    if (select.value !== '*') {
      onChange(select.value);
      return;
    }
    const input = typed();
    select.replaceWith(input);
    input.focus();
  });
  const show = async (own) => {
    try {
      const names = new Set(await app.namespaces());
      if (chosen) names.add(chosen);
      names.delete(own);
      select.replaceChildren(h('option', { value: '' }, own || 'Your own'), ...[...names].sort().map((name) => h('option', { value: name }, name)), h('option', { value: '*' }, 'Another\u2026'));
      select.value = chosen;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      select.replaceWith(typed());
    }
  };
  return { element: place, show };
}

function projectControl(chosen, onChange) {
  const select = h('select', { id: 'project' }, h('option', { value: '' }, 'All projects'));
  select.addEventListener('change', () => onChange(select.value));
  const show = (projects, more) => {
    const names = projects.map((each) => each.project_name);
    if (chosen && !names.includes(chosen)) names.push(chosen);
    select.append(...names.map((name) => h('option', { value: name }, name)));
    if (more) select.append(h('option', { disabled: true }, 'There are more; search finds their runs'));
    select.value = chosen;
  };
  return { element: field('Project', select), show };
}

function sortControl(chosen, onChange) {
  const select = h('select', { id: 'sort' }, SORTS.map(([value, label]) => h('option', { value }, label)));
  select.value = chosen;
  select.addEventListener('change', () => onChange(select.value));
  return { element: field('Order', select), set: (value) => { select.value = value; } };
}

// `values`: see listView(). `change` is called with what the user has changed of them. Returns the element;
// show(listed, own), which fills in the choices from the API's list of projects and the caller's own namespace; and
// setSort(), for an order that was chosen elsewhere.
export function filters(app, values, change) {
  const project = projectControl(values.project || '', (name) => change({ project: name }));
  const namespace = namespaceControl(app, values.namespace || '', (name) => change({ namespace: name, project: '' }));
  const sort = sortControl(values.sort || '', (word) => change({ sort: word }));
  const search = searchField(values.search || '', (text) => change({ search: text }));
  const element = h('div', { class: 'tools', role: 'search', 'aria-label': 'Runs' },
    project.element, namespace.element, field('Search', search.input), sort.element,
    statusFilter(values.status || '', (status) => change({ status })));
  return {
    element,
    show: ({ projects, more }, own) => {
      project.show(projects, more);
      return namespace.show(own);
    },
    setSort: sort.set,
    stop: search.stop,
  };
}
