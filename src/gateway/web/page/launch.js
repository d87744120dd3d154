// The dialog that starts a run.
import { post, Problem } from './api.js';
import { freshId, h, setText } from './dom.js';
import { pretty } from './format.js';

// A new idempotency key: pressing the button again, or after a lost answer, does not start a second run.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function field(label, control, hint) {
  control.id = freshId('field');
  const note = hint && h('p', { class: 'hint', id: `${control.id}-hint` }, hint);
  if (hint) control.setAttribute('aria-describedby', note.id);
  return h('div', { class: 'field' }, h('label', { for: control.id }, label), control, note);
}

// Says what is wrong with the text of the parameters; '' if nothing is.
function parameterMistake(text) {
  if (!text.trim()) return '';
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? '' : 'Parameters are a JSON object, such as {"growth": 0.1}.';
  } catch (error) {
    return `Parameters are not JSON: ${error.message}.`;
  }
}

// The body of the request. The parameters are inserted as the user typed them, so that numbers keep all their digits.
function bodyOf({ project, model, branch, parameters }) {
  const fields = {
    mode: 'async', scope: model ? 'model' : 'project', project_name: project, ...(model && { model_name: model }), ...(branch && { branch }),
  };
  const text = JSON.stringify(fields);
  return parameters.trim() ? `${text.slice(0, -1)},"parameters":${parameters}}` : text;
}

// Opens the dialog. `projects`: as the API lists them. `given`: values to fill in at the beginning. `onStarted` is
// called with the id of the run that was started.
export function openLauncher(projects, given, onStarted) {
  const key = newKey();
  const names = projects.map((each) => each.project_name);
  const project = names.length
    ? h('select', { required: true }, names.map((name) => h('option', { value: name, selected: name === given.project_name }, name)))
    : h('input', { type: 'text', required: true, autocomplete: 'off', spellcheck: 'false', value: given.project_name || '' });
  const text = (value, placeholder) => h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', value: value || '', placeholder });
  const model = text(given.model_name, 'all of the project');
  const branch = text(given.branch, '');
  const hintBranch = () => {
    const known = projects.find((each) => each.project_name === project.value)?.default_branch;
    branch.setAttribute('placeholder', known ? `${known} (default)` : 'the default branch');
  };
  hintBranch();
  project.addEventListener('change', hintBranch);
  const parameters = h('textarea', { rows: 6, spellcheck: 'false', class: 'mono', placeholder: '{"growth": 0.1}' });
  parameters.value = given.parameters ? pretty(given.parameters) : '';
  const wrong = h('p', { class: 'note bad', role: 'alert', hidden: true });
  const send = h('button', { type: 'submit' }, 'Start');
  const title = h('h2', { id: freshId('title') }, 'Start a run');
  const cancel = h('button', { type: 'button', class: 'quiet' }, 'Close');

  const complain = (message) => {
    wrong.hidden = !message;
    setText(wrong, message);
  };
  const form = h('form', { method: 'dialog' }, title,
    field('Project', project), field('Model', model, 'The model\u2019s file without .py. Empty: run.py and the models it lists.'),
    field('Branch', branch), field('Parameters', parameters, 'A JSON object; the code finds it at /inputs/parameters.json. Empty: none.'),
    wrong, h('div', { class: 'buttons' }, cancel, send));
  const dialog = h('dialog', { 'aria-labelledby': title.id }, form);
  cancel.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const mistake = parameterMistake(parameters.value);
    parameters.setAttribute('aria-invalid', mistake ? 'true' : 'false');
    complain(mistake);
    if (mistake) {
      parameters.focus();
      return;
    }
    send.disabled = true;
    setText(send, 'Starting\u2026');
    const wanted = { project: project.value.trim(), model: model.value.trim(), branch: branch.value.trim(), parameters: parameters.value };
    const body = bodyOf(wanted);
    try {
      const run = await post('v1/runs', body, { 'Idempotency-Key': `page-${key}-${digest(body)}` });
      dialog.close();
      onStarted(run.run_id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(error.message);
      if (error.status === 401) dialog.close();
    } finally {
      send.disabled = false;
      setText(send, 'Start');
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

// A hash of the request's body, which becomes part of the idempotency key: a request that the user has corrected is
// another request, and needs another key.
function digest(text) {
  let sum = 2166136261;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 16777619) >>> 0;
  return sum.toString(16);
}
