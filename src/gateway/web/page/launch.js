// The dialog that starts a run: project, model, version of the code, and parameters.
import { post, Problem } from './api.js';
import { choice } from './choice.js';
import { digest, newKey, openDialog } from './dialog.js';
import { field, h } from './dom.js';
import { commit as shortCommit, pretty } from './format.js';

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
function bodyOf({ project, model, branch, commit, parameters }) {
  const fields = {
    mode: 'async', scope: model ? 'model' : 'project', project_name: project, ...(model && { model_name: model }),
    ...(commit ? { commit_sha: commit } : branch && { branch }),
  };
  const text = JSON.stringify(fields);
  return parameters.trim() ? `${text.slice(0, -1)},"parameters":${parameters}}` : text;
}

// The choices of model and version, which are those of the chosen project. `given`: of the run to start again.
function codeChoices(app, given) {
  const model = choice('Model', 'Those of which a run has succeeded, and others by their file without .py.', [['model', 'Another model\u2026', 'its file without .py']]);
  const version = choice('Version', '', [['branch', 'Another branch\u2026', 'its name'], ['commit', 'Another commit\u2026', '40 or 64 hex digits']]);
  let asked = 0;
  const offer = (project, isGiven, { models = [], branches = [], default_branch: usual = null } = {}) => {
    const chosen = isGiven && given.model_name ? given.model_name : undefined;
    model.set([['', 'All of the project (run.py)'], ...models.map(({ model_name: name }) => [name, name])], chosen);
    const versions = [['branch:', usual ? `Newest of ${usual} (default)` : 'Newest of the default branch'],
      ...branches.filter((branch) => branch !== usual).map((branch) => [`branch:${branch}`, `Newest of ${branch}`])];
    if (isGiven && given.commit_sha) versions.unshift([`commit:${given.commit_sha}`, `Commit ${shortCommit(given.commit_sha)}, as the run before`]);
    version.set(versions, versions[0][0]);
  };
  return {
    elements: [model.element, version.element],
    // Offers what is known of the project at once, and the rest when the gateway has answered.
    show: async (project, known) => {
      asked += 1;
      const turn = asked;
      const isGiven = project === given.project_name;
      offer(project, isGiven, { default_branch: known?.default_branch });
      if (!project) return;
      const before = [model.read(), version.read()];
      const details = await app.project(project);
      // What the user has chosen meanwhile stays.
      const untouched = JSON.stringify(before) === JSON.stringify([model.read(), version.read()]);
      if (turn === asked && untouched && details) offer(project, isGiven, { ...details, models: details.models ?? [], branches: details.branches ?? [] });
    },
    read: () => {
      const { key, value } = version.read();
      const [kind, name] = key ? [key, value] : [value.slice(0, value.indexOf(':')), value.slice(value.indexOf(':') + 1)];
      return { model: model.read().value, branch: kind === 'branch' ? name : '', commit: kind === 'commit' ? name : '' };
    },
  };
}

function projectControl(projects, given) {
  const names = projects.map((each) => each.project_name);
  if (given.project_name && !names.includes(given.project_name)) names.unshift(given.project_name);
  if (!names.length) return h('input', { type: 'text', required: true, autocomplete: 'off', spellcheck: 'false' });
  return h('select', { required: true }, names.map((name) => h('option', { value: name, selected: name === given.project_name }, name)));
}

// Opens the dialog. `projects`: as the API lists them. `given`: values to fill in at the beginning. `onStarted` is
// called with the id of the run that was started. `app`: see app.js.
export function openLauncher(app, projects, given, onStarted) {
  const key = newKey();
  const project = projectControl(projects, given);
  const code = codeChoices(app, given);
  const showCode = () => code.show(project.value.trim(), projects.find((each) => each.project_name === project.value)).catch((error) => {
    if (!(error instanceof Problem)) throw error; // the choices are then those that are known already
  });
  project.addEventListener('change', showCode);
  const parameters = h('textarea', { rows: 6, spellcheck: 'false', class: 'mono', placeholder: '{"growth": 0.1}' });
  parameters.value = given.parameters ? pretty(given.parameters) : '';
  openDialog({
    title: 'Start a run',
    elements: [field('Project', project), code.elements, field('Parameters', parameters, 'A JSON object; the code finds it at /inputs/parameters.json. Empty: none.')],
    button: 'Start',
    busy: 'Starting\u2026',
    mistake: () => {
      const found = parameterMistake(parameters.value);
      parameters.setAttribute('aria-invalid', found ? 'true' : 'false');
      if (found) parameters.focus();
      return found;
    },
    submit: async () => {
      const body = bodyOf({ project: project.value.trim(), ...code.read(), parameters: parameters.value });
      const run = await post('v1/runs', body, { 'Idempotency-Key': `page-${key}-${digest(body)}` });
      return () => onStarted(run.run_id);
    },
  });
  showCode();
}
