// What is known of a thing: a term and its value, one below the other.

import { html } from "#/html.js";

/** Rows of a `<dl>`, without those of which nothing is known. */
export const factRows = (rows) =>
  rows.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="number">${value}</dd></div>`);
