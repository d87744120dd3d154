// The mark of a run's status.
import { h, setText } from './dom.js';
import { STATUSES } from './format.js';

export function setBadge(element, status) {
  element.className = `badge ${status}`;
  setText(element, STATUSES[status] || status);
}

export function badge(status) {
  const element = h('span');
  setBadge(element, status);
  return element;
}
