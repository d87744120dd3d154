// Shows what a running model prints, while it prints. The page keeps only the end of it; what the run leaves is shown
// from the run's details when it is over.
import { follow, Problem, run } from './api.js';
import { h, setText } from './dom.js';
import { visible } from './format.js';

const KEPT = 300000; // characters that the page keeps
const AGAIN = 3000; // milliseconds until a stream that has ended early is requested again

// Makes the panel and opens its stream. `onStatus` is called with the status word at each change, and `onEnd` when
// the run is over. Returns the element, and stop(), which closes the stream.
export function liveLog(id, { onStatus, onEnd }) {
  const stop = new AbortController();
  const text = h('pre', { class: 'text log', tabindex: 0, role: 'log', 'aria-label': 'Live log', 'aria-live': 'off' });
  const note = h('p', { class: 'hint' }, 'Nothing has been printed yet.');
  let waiting = '';
  let length = 0;

  const flush = () => {
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    if (waiting.length > KEPT) waiting = waiting.slice(-KEPT);
    text.append(waiting);
    length += waiting.length;
    waiting = '';
    while (length > KEPT && text.childNodes.length > 1) {
      length -= text.firstChild.length;
      text.firstChild.remove();
      setText(note, 'The beginning has left this window; what was kept of it comes when the run is over.');
    }
    if (atEnd) text.scrollTop = text.scrollHeight;
  };
  const print = (piece) => {
    if (!waiting) requestAnimationFrame(flush);
    waiting += visible(piece);
    setText(note, 'Both streams, as they come.');
  };
  // Each stream begins with the first line of the log again.
  const clear = () => {
    text.replaceChildren();
    waiting = '';
    length = 0;
  };

  const listen = async () => {
    let over = false;
    let trouble = '';
    const hear = (name, data) => {
      if (name === 'log') print(data.text);
      if (name === 'status') onStatus(data.status);
      if (name === 'error') trouble = data.detail || data.title;
      if (name === 'end') over = true;
    };
    try {
      clear();
      await follow(run(id, '/logs'), hear, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) return;
      trouble = error instanceof Problem ? error.message : 'The stream broke off.';
      if (error.status === 401 || error.status === 404) return;
    }
    if (over) {
      onEnd();
      return;
    }
    if (trouble) setText(note, `${trouble} The log is asked for again.`);
    setTimeout(listen, AGAIN);
  };
  listen();
  return { element: h('section', { class: 'card' }, h('h2', {}, 'Log'), text, note), stop: () => stop.abort() };
}
