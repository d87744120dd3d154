// A dialog with a form that sends a request.
import { Problem } from './api.js';
import { complaint, freshId, h, quietButton, setText } from './dom.js';

// A new idempotency key: pressing the button again, or after a lost answer, does not start another run.
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// A hash of the request's body, which becomes part of the idempotency key: a request that the user has corrected is
// another request, and needs another key.
export function digest(text) {
  let sum = 2166136261;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 16777619) >>> 0;
  return sum.toString(16);
}

// Opens the dialog. `mistake` returns what is wrong with the fields, '' if nothing is, and may mark the field. `submit`
// sends the request; the dialog closes when it has come to an end. `busy`: the button's words meanwhile.
export function openDialog({ title, elements, button, busy, mistake = () => '', submit }) {
  const [wrong, complain] = complaint();
  const send = h('button', { type: 'submit' }, button);
  const heading = h('h2', { id: freshId('title') }, title);
  const form = h('form', { method: 'dialog' }, heading, elements, wrong, h('div', { class: 'buttons' }, quietButton('Close', () => dialog.close()), send));
  const dialog = h('dialog', { 'aria-labelledby': heading.id }, form);
  dialog.addEventListener('close', () => dialog.remove());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const found = mistake();
    complain(found);
    if (found) return;
    send.disabled = true;
    setText(send, busy);
    try {
      const done = await submit();
      dialog.close();
      done?.();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain(error.message);
      if (error.status === 401) dialog.close();
    } finally {
      send.disabled = false;
      setText(send, button);
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}
