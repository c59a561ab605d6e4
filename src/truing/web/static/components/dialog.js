// A modal dialog: the browser's own, so that focus and Escape are right.

import { html, useEffect, useRef } from "#/html.js";

/** @param {{title: string, onClose: () => void, wide?: boolean, children?: any, actions?: any}} props */
export function Dialog({ title, onClose, wide = false, children, actions }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} aria-label=${title} onClose=${onClose}
      onClick=${(event) => event.target === box.current && box.current.close()}>
    <div class="dialog-box">
      <header class="row between">
        <h2>${title}</h2>
        <button class="icon" aria-label="Close" onClick=${() => box.current.close()}>×</button>
      </header>
      <div class="dialog-body">${children}</div>
      ${actions && html`<footer class="row end">${actions}</footer>`}
    </div>
  </dialog>`;
}
