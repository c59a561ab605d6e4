// What a planned run needs of disk and memory beside what is free, and what speaks against it.

import { html } from "#/html.js";
import { bytes } from "#/format.js";

/** @param {{dry: {plan: any, error: any}}} props */
export function Need({ dry }) {
  if (dry.error) {
    return html`<div class="need bad-need" role="status"><strong>${dry.error.message}</strong>${dry.error.hint && html`<span class="small">${dry.error.hint}</span>`}</div>`;
  }
  if (!dry.plan) return html`<div class="need quiet small" role="status">Working out what it needs…</div>`;
  const { need, warnings = [] } = dry.plan;
  return html`<div class="need" role="status">
    ${need
      ? html`<${Gauge} name="Disk" told=${need.disk} /><${Gauge} name=${need.on_accelerator ? "Accelerator memory" : "Memory"} told=${need.memory} />`
      : html`<span class="quiet small">What it needs of disk and memory cannot be told beforehand.</span>`}
    ${warnings.map((one) => html`<p class="warn small" key=${one.problem ?? one}><strong>${one.problem ?? one}</strong>${one.repair ? ` – ${one.repair}` : ""}</p>`)}
  </div>`;
}

function Gauge({ name, told }) {
  const parts = Object.entries(told).filter(([part]) => !["all", "free"].includes(part)).map(([part, size]) => `${part} ${bytes(size)}`);
  const known = told.free !== null && told.free !== undefined;
  const share = known ? Math.min(1, told.all / told.free) : null;
  return html`<div class="gauge" title=${parts.join(", ")}>
    <span class="small"><b>${name}</b> about ${bytes(told.all)}${known ? ` of ${bytes(told.free)} free` : ""}</span>
    ${known && html`<meter min="0" max="1" low="0.7" high="0.95" optimum="0" value=${share} aria-label="${name} needed of what is free"></meter>`}
  </div>`;
}
