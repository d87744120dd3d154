// The view of one run: its state, its log or results, and its parameters, files, timeline and provenance.
import { getJson, post, Problem, run as runPath } from './api.js';
import { badge, setBadge } from './badge.js';
import { dropCharts } from './chart.js';
import { announce, complaint, h, longText, named, setText } from './dom.js';
import { duration, elapsed, isFinal, pretty, STATUSES, time, titleOf, upper } from './format.js';
import { openCompare } from './compare.js';
import { openLauncher } from './launch.js';
import { liveLog } from './log.js';
import { openVary } from './vary.js';
import { artifacts, card, facts, failure, provenance, results, timeline } from './run_parts.js';

const AGAIN = 3000; // milliseconds between two requests while the run is not over

// `app`: see app.js.
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
  const vary = h('button', { type: 'button', class: 'quiet', hidden: true }, 'Vary\u2026');
  const compare = h('button', { type: 'button', class: 'quiet', hidden: true }, 'Compare\u2026');
  const [wrong, complain] = complaint();
  const summary = h('div', { class: 'summary' });
  const left = h('div', { class: 'left' });
  const right = h('div', { class: 'right' });
  const element = h('div', {}, h('p', { class: 'back' }, h('a', { href: app.listAddress() }, '\u2190 Runs')),
    h('div', { class: 'head' }, h('div', { class: 'titled' }, title, state), h('div', { class: 'buttons' }, compare, vary, again, cancel)),
    message, wrong, summary, h('div', { class: 'columns' }, left, right));

  const showState = () => {
    title.replaceChildren(named(titleOf(run)));
    document.title = `${titleOf(run)} \u00b7 ModelRun`;
    setBadge(state, run.status);
    setText(message, isFinal(run.status) ? '' : run.cancelling ? 'It is being cancelled; what it has printed and written is kept.' : upper(run.message || ''));
    cancel.hidden = isFinal(run.status) || !run.may_cancel;
    compare.hidden = !isFinal(run.status);
    cancel.disabled = run.cancelling;
    announce(`${titleOf(run)}: ${STATUSES[run.status]}`);
    const took = run.started_at ? duration(elapsed(run.started_at, run.finished_at)) : null;
    summary.replaceChildren(facts([['Created', time(run.created_at)], ['Duration', took], ['Exit code', run.exit_code === null ? null : String(run.exit_code)],
      ['Commit', run.commit_sha && run.commit_sha.slice(0, 12), 'mono'], ['Branch', run.branch], ['Warning', run.warning]]));
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
  compare.addEventListener('click', async () => {
    try {
      await openCompare(app, run);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(error.message);
    }
  });
  const offerAgain = async () => {
    await first;
    if (!run || stopped) return;
    const { projects, may_run: mayRun } = await app.projects(run.namespace);
    again.hidden = !mayRun;
    vary.hidden = !mayRun;
    vary.onclick = () => openVary(run, (next) => app.go(`#/sweeps/${next}`));
    again.onclick = () => openLauncher(app, projects, run, (next) => app.go(`#/runs/${next}`));
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
      dropCharts();
    },
  };
}
