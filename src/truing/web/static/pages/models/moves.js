// Moves of the champion: what took over from what, when, and on what ground.

import { html } from "#/html.js";
import { instant } from "#/format.js";
import { ModelName, audienceName } from "#/pages/models/names.js";

const REASONS = { gate: "proven better by the gate", rollback: "put back", fallback: "took over when the one before failed" };

/** Why a model came into use, in words. */
export const reasonOf = (move) => REASONS[move.reason] ?? `by hand: “${move.reason}”`;

/** @param {{moves: any[]}} props newest first */
export function MoveList({ moves }) {
  return html`<ol class="moves small">${moves.map((move) => html`<li key=${move.id}>
    <span class="quiet number">${instant(move.at)}</span>
    <span>${move.model ? html`<${ModelName} name=${move.model} />` : "none"} for ${audienceName(move.audience)}${move.previous ? html`, after <${ModelName} name=${move.previous} />` : ""}</span>
    <span class="quiet">${reasonOf(move)} · ${move.actor}</span>
  </li>`)}</ol>`;
}
