// The view of one run: its state, its log or results, and its parameters, files, timeline and provenance.
import { getBytes, getJson, post, Problem, run as runPath } from './api.js';
import { announce, foreign, h, longText, save, setText } from './dom.js';
import { duration, elapsed, isFinal, pretty, size, STATUSES, time, titleOf, upper } from './format.js';
import { openLauncher } from './launch.js';
import { liveLog } from './log.js';
import { outputsBlock } from './outputs.js';

const AGAIN = 3000; // milliseconds between two requests while the run is not over
const STEPS = [['accepted', 'Accepted'], ['resolved', 'Commit pinned'], ['queued', 'Queued'], ['job_created', 'Job created'], ['adopted', 'Ready sandbox taken'],
  ['scheduled', 'Scheduled'], ['started', 'Model started'], ['finished', 'Model ended'], ['recorded', 'Result recorded']];
const RESUMED = ['resumed', 'Resumed']; // may come after any of the steps

export function setBadge(element, status) {
  element.className = `badge ${status}`;
  setText(element, STATUSES[status] || status);
}

export function badge(status) {
  const element = h('span');
  setBadge(element, status);
  return element;
}

const card = (title, ...content) => h('section', { class: 'card' }, h('h2', {}, title), ...content);

function facts(entries) {
  const known = entries.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h('dl', { class: 'facts' }, known.map(([name, value, mono]) => h('div', {}, h('dt', {}, name),
    h('dd', { class: mono ? 'mono' : null }, typeof value === 'string' ? foreign(value) : value))));
}

function timeline(run) {
  const known = STEPS.filter(([step]) => run.timeline[step]);
  const { resumed } = run.timeline;
  if (resumed) known.splice(known.filter(([step]) => run.timeline[step] <= resumed).length, 0, RESUMED);
  const first = known.length ? run.timeline[known[0][0]] : null;
  // Kubernetes gives some times in whole seconds, rounded down. A step that seems to be earlier than the step before
  // it is shown with the same time.
  let latest = 0;
  return h('ol', { class: 'timeline' }, known.map(([step, label]) => {
    latest = Math.max(latest, elapsed(first, run.timeline[step]));
    return h('li', {}, h('span', {}, label), h('time', { datetime: run.timeline[step], title: time(run.timeline[step]) }, `+${duration(latest)}`));
  }));
}

function provenance(run) {
  const { provenance: from } = run;
  return facts([['Commit', run.commit_sha, true], ['Branch', run.branch], ['Image', from.image, true], ['Image digest', from.image_id === from.image ? null : from.image_id, true],
    ['Source digest', from.source_digest, true], ['Parameters digest', from.parameters_digest, true], ['Outputs digest', from.outputs_digest, true],
    ['Data snapshot', from.data_snapshot_ref], ['Attempts', String(run.attempts)], ['Node', run.node_name], ['Started by', run.created_by],
    ['ModelRun', `${run.namespace}/${run.name}`, true], ['Run ID', run.run_id, true]]);
}

function artifacts(run, complain) {
  const row = (file) => {
    const base = file.name.split('/').at(-1);
    const get = h('button', { type: 'button', class: 'quiet', 'aria-label': `Download ${file.name}` }, 'Download');
    get.addEventListener('click', async () => {
      try {
        const path = file.name.split('/').map(encodeURIComponent).join('/');
        save(base, [await getBytes(runPath(run.run_id, `/artifacts/${path}`))]);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        complain(error.message);
      }
    });
    return h('li', {}, h('span', { class: 'file' }, foreign(file.name), h('span', { class: 'hint' }, `${size(file.size_bytes)}${file.media_type ? ` \u00b7 ${file.media_type}` : ''}`)),
      file.stored ? get : h('span', { class: 'hint' }, 'not kept: no room'));
  };
  return h('ul', { class: 'files' }, run.artifacts.map(row));
}

function stream(name, text, truncated) {
  if (!text) return null;
  return card(name, truncated && h('p', { class: 'hint' }, 'A part in the middle was not kept.'), longText(text, name));
}

function failure(run) {
  if (!isFinal(run.status) || run.status === 'success') return null;
  const reason = run.error ? run.error.reason : STATUSES[run.status];
  return h('div', { class: `note ${run.status === 'cancelled' ? '' : 'bad'}` }, h('strong', {}, reason), h('p', {}, foreign(upper(run.error ? run.error.message : run.message || ''))));
}

// What the run left. It is shown once, when the run is over.
function results(run) {
  const failed = run.status !== 'success';
  const streams = [stream('Standard output', run.stdout, run.stdout_truncated), stream('Standard error', run.stderr, run.stderr_truncated)];
  if (failed) streams.reverse();
  const outputs = h('section', { class: 'outputs', 'aria-label': 'Outputs' }, h('h2', {}, 'Outputs'),
    run.result_error && h('p', { class: 'note bad' }, run.result_error),
    outputsBlock(run.outputs, `outputs-${run.run_id.slice(0, 8)}.json`));
  const hasOutputs = Object.keys(run.outputs).length > 0;
  return failed && !hasOutputs ? streams : failed ? [...streams, outputs] : [outputs, ...streams];
}

// `app`: see listView() in list.js.
export function runView(app, id) {
  let run = null;
  let log = null;
  let timer;
  let stopped = false;
  let shownFinal = false;
  let shownRight = '';
  let looks = 0;

  const title = h('h1', {}, '\u2026');
  const state = badge('pending');
  const message = h('p', { class: 'hint' });
  const cancel = h('button', { type: 'button', class: 'danger', hidden: true }, 'Cancel the run');
  const again = h('button', { type: 'button', class: 'quiet', hidden: true }, 'Run again\u2026');
  const wrong = h('p', { class: 'note bad', role: 'alert', hidden: true });
  const summary = h('div', { class: 'summary' });
  const left = h('div', { class: 'left' });
  const right = h('div', { class: 'right' });
  const element = h('div', {}, h('p', { class: 'back' }, h('a', { href: '#/' }, '\u2190 Runs')),
    h('div', { class: 'head' }, h('div', { class: 'titled' }, title, state), h('div', { class: 'buttons' }, again, cancel)),
    message, wrong, summary, h('div', { class: 'columns' }, left, right));

  const complain = (text) => {
    wrong.hidden = !text;
    setText(wrong, text);
  };

  const showState = () => {
    title.replaceChildren(foreign(titleOf(run)));
    document.title = `${titleOf(run)} \u00b7 ModelRun`;
    setBadge(state, run.status);
    setText(message, isFinal(run.status) ? '' : run.cancelling ? 'It is being cancelled; what it has printed and written is kept.' : upper(run.message || ''));
    cancel.hidden = isFinal(run.status) || !run.may_cancel;
    cancel.disabled = run.cancelling;
    announce(`${titleOf(run)}: ${STATUSES[run.status]}`);
    const took = run.started_at ? duration(elapsed(run.started_at, run.finished_at)) : null;
    summary.replaceChildren(facts([['Created', time(run.created_at)], ['Duration', took], ['Exit code', run.exit_code === null ? null : String(run.exit_code)],
      ['Commit', run.commit_sha && run.commit_sha.slice(0, 12), true], ['Branch', run.branch], ['Warning', run.warning]]));
  };

  // Rebuilt only if something has changed, so that a user who selects or reads text here is not disturbed.
  const showRight = () => {
    const now = pretty([run.parameters, run.artifacts, run.timeline, run.provenance, run.attempts, run.node_name, run.commit_sha, run.branch]);
    if (now === shownRight) return;
    shownRight = now;
    right.replaceChildren(card('Parameters', run.parameters === null ? h('p', { class: 'hint' }, 'None were given.') : longText(pretty(run.parameters), 'Parameters')),
      ...(run.artifacts.length ? [card('Files', artifacts(run, complain))] : []),
      card('Timeline', timeline(run)), card('Provenance', provenance(run)));
  };

  const showFinal = () => {
    if (log) log.stop();
    log = null;
    if (shownFinal) return;
    shownFinal = true;
    left.replaceChildren(...[failure(run), ...results(run)].filter(Boolean));
  };

  const show = () => {
    showState();
    showRight();
    if (isFinal(run.status)) {
      showFinal();
    } else if (!log) {
      log = liveLog(id, { onStatus: soon, onEnd: soon });
      left.replaceChildren(log.element);
    }
  };

  const look = async () => {
    clearTimeout(timer);
    looks += 1;
    const turn = looks;
    const late = () => stopped || turn !== looks; // a newer request was sent meanwhile
    try {
      const now = await getJson(runPath(id, '/details'));
      if (late()) return;
      run = now;
      complain('');
      show();
      if (isFinal(run.status)) return;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (late()) return;
      complain(error.message);
      if (error.status === 404 || error.status === 422) {
        title.textContent = 'No such run';
        state.hidden = true;
        return;
      }
    }
    timer = setTimeout(look, AGAIN);
  };
  // Called when the stream says that something has changed; the details say what.
  function soon() {
    if (!stopped && !(run && isFinal(run.status))) look();
  }

  cancel.addEventListener('click', async () => {
    cancel.disabled = true;
    try {
      await post(runPath(id, '/cancel'));
      soon();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      cancel.disabled = false;
      complain(error.message);
    }
  });
  const offerAgain = async () => {
    await first;
    if (!run || stopped) return;
    const { projects, may_run: mayRun } = await app.projects(run.namespace);
    again.hidden = !mayRun;
    again.onclick = () => openLauncher(projects, run, (next) => app.go(`#/runs/${next}`));
    app.where(run.namespace);
  };
  const first = look();
  offerAgain().catch((error) => {
    if (!(error instanceof Problem)) throw error;
  });
  return {
    element,
    title: 'Run',
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      if (log) log.stop();
    },
  };
}
