// An icon of the sheet `icons.svg`, by name.

import { html } from "#/html.js";

export function Icon({ name, label }) {
  return html`<svg class="icon-art" aria-hidden=${label ? undefined : "true"} role=${label ? "img" : undefined} aria-label=${label}>
    <use href="/static/icons.svg#${name}" />
  </svg>`;
}
