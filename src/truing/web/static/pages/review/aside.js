// Beside the sample: why it is here, what checks found, and its facts.

import { html } from "#/html.js";
import { namesOf } from "#/components/modality.js";
import { instant } from "#/format.js";

const REASONS = {
  audit: "drawn by chance",
  informative: "teaches most",
  uncertain: "the model doubted",
  disagreement: "models disagree",
  diverse: "unlike the others",
  newest: "newest",
  oldest: "oldest",
  "least-confident": "least confident",
  findings: "a check found something",
  direct: "opened by hand",
};

/** Why a sample is shown, in words. */
export const reasonOf = (because) => REASONS[because] ?? because.replaceAll("-", " ").replaceAll("_", " ");

export function Findings({ findings }) {
  if (!findings.length) return html`<p class="quiet">Nothing suspicious found.</p>`;
  return html`<ul class="review-findings">
    ${findings.map(
      (found) => html`<li key=${found.check}>
        <span class="chip ${found.severity === "blocking" ? "bad" : "warn"}">${found.check.replaceAll("_", " ")}</span>
        <span>${found.reason}${found.severity === "blocking" ? html` <em class="quiet">Stays out of datasets.</em>` : ""}</span>
      </li>`,
    )}
  </ul>`;
}

export function Details({ item }) {
  const sample = item.sample.value;
  const asset = item.asset.value;
  const model = sample.predictions.map((said) => said.model).filter(Boolean).at(-1);
  const rows = [
    ["Taken", instant(sample.captured_at)],
    [namesOf(sample.modality).person, sample.speaker],
    ["Session", sample.session],
    ["Source", sample.source],
    ["Model", model],
    ["Consent", sample.consent],
    ["Shown", reasonOf(item.because)],
    ...Object.entries(sample.context).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  ];
  const Panel = item.panel?.Details;
  return html`<dl class="review-facts">
    <div><dt>Number</dt><dd><a href="/samples/${sample.id}">#${sample.id}</a></dd></div>
    ${rows
      .filter(([, value]) => value)
      .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
    ${Panel && html`<${Panel} sample=${sample} asset=${asset} />`}
  </dl>`;
}
