// The parts of the view of one run: facts, timeline, provenance, files, and what the run left.
import { getBytes, Problem, run as runPath } from './api.js';
import { copyButton, foreign, h, longText, named, quietButton, save } from './dom.js';
import { duration, elapsed, isFinal, size, STATUSES, time, upper } from './format.js';
import { outputsBlock } from './outputs.js';

const STEPS = [['accepted', 'Accepted'], ['resolved', 'Commit pinned'], ['queued', 'Queued'], ['job_created', 'Job created'], ['job_resumed', 'Job resumed'],
  ['adopted', 'Ready sandbox taken'], ['scheduled', 'Scheduled'], ['started', 'Model started'], ['finished', 'Model ended'], ['recorded', 'Result recorded']];
const RESUMED = ['resumed', 'Resumed']; // may come after any of the steps

export const runLink = (id) => h('a', { href: `#/runs/${id}` }, id.slice(0, 8));

export const card = (title, ...content) => h('section', { class: 'card' }, h('h2', {}, title), ...content);

// `entries`: [[name, value, kind]]. `kind`: 'mono' for a value in the type of code, 'id' for one that can also be copied.
export function facts(entries) {
  const known = entries.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h('dl', { class: 'facts' }, known.map(([name, value, kind]) => h('div', {}, h('dt', {}, name),
    h('dd', { class: kind ? 'mono' : null }, typeof value === 'string' ? named(value) : value, kind === 'id' && ' ', kind === 'id' && copyButton(name, () => value, { class: 'quiet mini' })))));
}

// Who asked for the run, and by what. The gateway writes down its caller; whoever creates a ModelRun in Kubernetes may
// write what they like.
function startedBy(run) {
  if (!run.requested_by) return run.created_by;
  return run.created_by ? `${run.requested_by} (${run.created_by})` : run.requested_by;
}

function reusedFrom({ reused_from: from }) {
  return from && h('a', { href: `#/runs/${from.run_id}` }, from.run_number ? `run #${from.run_number}` : from.name);
}

export function timeline(run) {
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

export function provenance(run) {
  const { provenance: from } = run;
  return facts([['Commit', run.commit_sha, 'id'], ['Branch', run.branch], ['Image', from.image, 'id'], ['Image digest', from.image_id === from.image ? null : from.image_id, 'id'],
    ['Source digest', from.source_digest, 'id'], ['Parameters digest', from.parameters_digest, 'id'], ['Outputs digest', from.outputs_digest, 'id'],
    ['Data snapshot', from.data_snapshot_ref], ['Attempts', String(run.attempts)], ['Node', run.node_name], ['Started by', startedBy(run)], ['Result of', reusedFrom(run)],
    ['ModelRun', `${run.namespace}/${run.name}`, 'id'], ['Run ID', run.run_id, 'id']]);
}

// `complain` is called with a sentence if a file cannot be fetched.
export function artifacts(run, complain) {
  const row = (file) => {
    const base = file.name.split('/').at(-1);
    const get = quietButton('Download', async () => {
      try {
        const path = file.name.split('/').map(encodeURIComponent).join('/');
        save(base, [await getBytes(runPath(run.run_id, `/artifacts/${path}`))]);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        complain(error.message);
      }
    }, { 'aria-label': `Download ${file.name}` });
    return h('li', {}, h('span', { class: 'file' }, named(file.name), h('span', { class: 'hint' }, `${size(file.size_bytes)}${file.media_type ? ` \u00b7 ${file.media_type}` : ''}`)),
      file.stored ? get : h('span', { class: 'hint' }, 'not kept: no room'));
  };
  return h('ul', { class: 'files' }, run.artifacts.map(row));
}

function stream(name, text, truncated) {
  if (!text) return null;
  return card(name, truncated && h('p', { class: 'hint' }, 'A part in the middle was not kept.'), longText(text, name));
}

export function failure(run) {
  if (!isFinal(run.status) || run.status === 'success') return null;
  const reason = run.error ? run.error.reason : STATUSES[run.status];
  return h('div', { class: `note ${run.status === 'cancelled' ? '' : 'bad'}` }, h('strong', {}, reason), h('p', {}, foreign(upper(run.error ? run.error.message : run.message || ''))));
}

// What the run left. It is shown once, when the run is over.
export function results(run) {
  const failed = run.status !== 'success';
  const streams = [stream('Standard output', run.stdout, run.stdout_truncated), stream('Standard error', run.stderr, run.stderr_truncated)];
  if (failed) streams.reverse();
  const outputs = h('section', { class: 'outputs', 'aria-label': 'Outputs' }, h('h2', {}, 'Outputs'),
    run.result_error && h('p', { class: 'note bad' }, run.result_error),
    outputsBlock(run.outputs, `outputs-${run.run_id.slice(0, 8)}`));
  const hasOutputs = Object.keys(run.outputs).length > 0;
  return failed && !hasOutputs ? streams : failed ? [...streams, outputs] : [outputs, ...streams];
}
