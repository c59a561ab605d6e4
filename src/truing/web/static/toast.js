// Short messages at the edge of the page, with an undo where there is one.

import { html, signal } from "#/html.js";

const SECONDS = 7;

/** @type {import("@preact/signals").Signal<{id: number, text: string, kind: string, undo?: () => void}[]>} */
const toasts = signal([]);
let last = 0;

/**
 * Shows a message; `undo` adds a button.
 * @param {string} text
 * @param {{kind?: "info"|"good"|"bad", undo?: () => void, seconds?: number}} options
 */
export function toast(text, { kind = "info", undo, seconds = SECONDS } = {}) {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind, undo }];
  setTimeout(() => dismiss(id), seconds * 1000);
  return id;
}

/** Shows what went wrong, in the server's words. */
export function toastError(error) {
  return toast(error.hint ? `${error.message}: ${error.hint}` : error.message, { kind: "bad", seconds: 10 });
}

/** Takes a message away. */
export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Undoes what the newest message offers; false when none does. */
export function undoNewest() {
  const one = toasts.value.findLast((each) => each.undo);
  if (!one) return false;
  dismiss(one.id);
  one.undo();
  return true;
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(
      (one) => html`<div class="toast" data-kind=${one.kind} key=${one.id}>
        <span>${one.text}</span>
        ${one.undo && html`<button class="link" onClick=${() => { dismiss(one.id); one.undo(); }}>Undo</button>`}
        <button class="icon small" aria-label="Dismiss" onClick=${() => dismiss(one.id)}>×</button>
      </div>`,
    )}
  </div>`;
}
