// The top of the page: how far the work is, what is filtered, where to jump, what to take along.

import { html, useState } from "#/html.js";
import { filterParams, FilterBar } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";
import { address } from "#/api.js";
import { count as figure, seconds } from "#/format.js";
import { keysOf } from "#/keymap.js";
import { route, setParams } from "#/router.js";
import { unsent } from "#/shell.js";
import { toast } from "#/toast.js";
import { sitting } from "#/pages/review/decisions.js";
import { counts } from "#/pages/review/queue.js";

export const JUMP = "review-jump";

export function Header({ filter, onFilter, onJump }) {
  return html`
    <header class="page-head review-head">
      <h1>Review</h1>
      <${Reviewed} />
      <div class="row nowrap">
        <${Jump} onJump=${onJump} />
        <a class="button icon" download aria-label="Export what the filter shows" title="Export as JSON lines, what the filter shows"
          href=${address("/api/export", { format: "jsonl", ...filterParams(filter) })}><${Icon} name="download" /></a>
      </div>
    </header>
    <${FilterBar} value=${filter} onChange=${onFilter} counts=${counts.value ?? undefined}>
      <${Order} />
    <//>`;
}

const ORDERS = {
  mixed: "Mixed order",
  informative: "Most informative first",
  uncertain: "Most doubted first",
  disagreement: "Disagreement first",
  diverse: "Most varied first",
  "least-confident": "Least confident first",
  findings: "With findings only",
  audit: "Drawn by chance only",
  newest: "Newest first",
  oldest: "Oldest first",
};

/** Which sample comes next; kept in the address. */
function Order() {
  const order = route.value.params.get("order") ?? "mixed";
  const choose = (event) => setParams({ order: event.target.value === "mixed" ? null : event.target.value });
  return html`<label class="review-order">
    <span class="visually-hidden">Order</span>
    <select value=${order} title="What comes next" onChange=${choose}>
      ${Object.entries(ORDERS).map(([name, label]) => html`<option key=${name} value=${name}>${label}</option>`)}
    </select>
  </label>`;
}

/** "60% (120/200 reviewed)", and what this sitting has brought. */
function Reviewed() {
  const held = counts.value;
  if (!held) return html`<div class="review-progress"></div>`;
  const share = held.total ? held.reviewed / held.total : 0;
  const { items, seconds: spent } = sitting.value;
  const label = `${Math.floor(share * 100)}% (${figure(held.reviewed)}/${figure(held.total)} reviewed)`;
  return html`<div class="review-progress">
    <progress max="1" value=${share} aria-label="Reviewed"></progress>
    <span class="number small">${label}</span>
    ${unsent.value > 0 && html`<span class="chip warn review-unsent">${unsent.value} unsent</span>`}
    ${items > 0 && html`<span class="quiet small number review-sitting" title="In this sitting">${figure(items)} now, ${seconds(spent / items)} each</span>`}
  </div>`;
}

function Jump({ onJump }) {
  const [number, setNumber] = useState("");
  const go = (event) => {
    event.preventDefault();
    const id = Number.parseInt(number.replace("#", ""), 10);
    if (!(id > 0)) return void toast(`“${number}” is no number of a sample`, { kind: "bad" });
    setNumber("");
    event.target.querySelector("input").blur();
    onJump(id);
  };
  return html`<form class="review-jump" onSubmit=${go}>
    <input id=${JUMP} inputmode="numeric" placeholder="Jump to #" aria-label="Jump to the sample with this number"
      title="Jump to a number (${keysOf("review.jump")})" value=${number} onInput=${(event) => setNumber(event.target.value)} />
  </form>`;
}
