// A control with its name and a line of help: tied together, so that the help is no part of the name.

import { html, useState } from "#/html.js";

let last = 0;

/** @param {{label: string, help?: any, children: (own: object) => any}} props `children` spreads `own` on its control */
export function Field({ label, help, children }) {
  const [id] = useState(() => `field-${++last}`);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": help ? `${id}-help` : undefined })}
    ${help && html`<span class="help" id="${id}-help">${help}</span>`}
  </div>`;
}
