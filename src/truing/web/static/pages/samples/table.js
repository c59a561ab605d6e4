// The table of samples; on a phone the same rows as cards.

import { html, useEffect, useRef, useState } from "#/html.js";
import { checkName } from "#/components/filters.js";
import { useNames } from "#/components/modality.js";
import { WordDiff } from "#/components/word_diff.js";
import { ago, instant, percent, seconds } from "#/format.js";
import { panelOf } from "#/panels.js";
import { isChosen } from "#/pages/samples/selection.js";

const TONES = { accepted: "good", corrected: "accent", rejected: "bad", skipped: "", pending: "warn", trashed: "bad" };
const SIGNS = { accepted: "✓", corrected: "✎", rejected: "✕", skipped: "→", pending: "○", trashed: "🗑︎" };

/** A state as a chip, told apart by its sign as well. */
export function StateChip({ state }) {
  return html`<span class="chip ${TONES[state] ?? ""}"><span aria-hidden="true">${SIGNS[state] ?? ""}</span>${state}</span>`;
}

/** What there is to read of a sample: what was put right shows how. */
export function SampleText({ sample }) {
  const said = sample.corrected ?? sample.raw;
  if (sample.truth !== null && said !== null && sample.truth !== said) {
    return html`<${WordDiff} before=${said} after=${sample.truth} />`;
  }
  const text = sample.truth ?? said;
  return text ? html`<span>${text}</span>` : html`<span class="quiet">no text</span>`;
}

/**
 * @param {{items: object[], current: number, selection: object, hrefOf: (id: number) => string, order: string,
 *   onOrder: (order: string) => void, onPick: (id: number, range: boolean) => void, onPage: () => void,
 *   onCurrent: (at: number) => void, onOpen: (id: number) => void, busy: boolean, pickable: boolean}} props
 */
export function SampleTable(props) {
  const { items, selection, busy, pickable } = props;
  const names = useNames();
  const all = items.length > 0 && items.every((one) => isChosen(selection, one.id));
  return html`<div class="table-box samples-box" aria-busy=${String(busy)}>
    <table class="samples-table">
      <caption class="visually-hidden">Samples</caption>
      <thead><tr>
        <th scope="col" class="samples-pick">
          ${pickable && html`<${Box} checked=${all} some=${!all && items.some((one) => isChosen(selection, one.id))}
            label="Select the whole page" onClick=${props.onPage} />`}
        </th>
        <th scope="col">Sample</th>
        <th scope="col">Text</th>
        <th scope="col">${names.person}</th>
        <th scope="col" class="samples-source">Source</th>
        <${Sorted} ...${props} label=${names.captured} orders=${["newest", "oldest"]} />
        <th scope="col" class="number">${names.silent ? "Rating" : "Length"}</th>
        <${Sorted} ...${props} label="Sure" number orders=${["least-confident"]} />
      </tr></thead>
      <tbody>${items.map((sample, at) => html`<${Row} key=${sample.id} ...${{ ...props, sample, at, names }} />`)}</tbody>
    </table>
  </div>`;
}

const DIRECTIONS = { newest: "descending", oldest: "ascending", "least-confident": "ascending" };

/** A heading that sorts; pressed again it turns to its next order. */
function Sorted({ label, orders, order, onOrder, number = false }) {
  const at = orders.indexOf(order);
  return html`<th scope="col" class=${number ? "number" : ""} aria-sort=${at >= 0 ? DIRECTIONS[order] : undefined}>
    <button type="button" class="samples-sort" title="Sort by this" onClick=${() => onOrder(orders[(at + 1) % orders.length])}>
      ${label}<span aria-hidden="true">${at < 0 ? "" : DIRECTIONS[order] === "descending" ? " ↓" : " ↑"}</span>
    </button>
  </th>`;
}

function Box({ checked, some = false, label, onClick }) {
  const box = useRef(null);
  useEffect(() => {
    box.current.indeterminate = some;
  }, [some]);
  return html`<label class="samples-box-label"><span class="visually-hidden">${label}</span>
    <input ref=${box} type="checkbox" checked=${checked} onClick=${onClick} /></label>`;
}

function Row({ sample, at, names, current, selection, hrefOf, onPick, onCurrent, onOpen, pickable }) {
  const chosen = isChosen(selection, sample.id);
  const clicked = (event) => {
    if (event.target instanceof Element && event.target.closest("a, button, label, input")) return;
    if (String(document.getSelection())) return;
    event.shiftKey && pickable ? onPick(sample.id, true) : onOpen(sample.id);
  };
  const follow = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    onOpen(sample.id);
  };
  return html`<tr data-sample=${sample.id} data-current=${at === current ? "" : undefined} data-chosen=${chosen ? "" : undefined}
      onClick=${clicked} onFocusIn=${() => onCurrent(at)}>
    <td class="samples-pick">
      ${pickable && html`<${Box} checked=${chosen} label="Select sample ${sample.id}"
        onClick=${(event) => onPick(sample.id, event.shiftKey)} />`}
    </td>
    <td class="samples-id">
      <a href=${hrefOf(sample.id)} class="number" onClick=${follow} aria-label="Sample ${sample.id}">${sample.id}</a>
      <${StateChip} state=${sample.state} />
    </td>
    <td class="samples-text">
      <div class="samples-line"><${Thumb} sample=${sample} /><div><${SampleText} sample=${sample} /></div></div>
      <${Marks} sample=${sample} />
    </td>
    <td class="samples-speaker">${sample.speaker ?? html`<span class="quiet" aria-label="unknown">–</span>`}</td>
    <td class="samples-source quiet" title=${sample.source}>${sample.source}</td>
    <td class="samples-when"><time datetime=${sample.captured_at} title=${instant(sample.captured_at)}>${ago(sample.captured_at)}</time></td>
    <td class="number samples-length">${names.silent ? (sample.rating ?? "–") : seconds(sample.duration)}</td>
    <td class="number samples-sure">${percent(sample.confidence, 0)}</td>
  </tr>`;
}

/** What checks found, the tags, and whether a model has learned from it. */
function Marks({ sample }) {
  const tags = sample.tags ?? [];
  if (!sample.findings.length && !tags.length && !sample.trained) return null;
  return html`<div class="samples-marks">
    ${sample.findings.map(
      (found) => html`<span key=${found.check} class="chip ${found.severity === "blocking" ? "bad" : "warn"}" title=${found.reason}>${checkName(found.check)}</span>`,
    )}
    ${tags.map((tag) => html`<span key=${tag} class="chip"># ${tag}</span>`)}
    ${sample.trained && html`<span class="chip" title="A finished training run has used it">trained</span>`}
  </div>`;
}

/** The small player that the modality brings; nothing until it is there. */
function Thumb({ sample }) {
  const [panel, setPanel] = useState(null);
  useEffect(() => {
    // A modality without a panel is a list of texts, and the detail view says so.
    panelOf(sample.modality).then((found) => setPanel(() => found), () => {});
  }, [sample.modality]);
  return html`<span class="samples-thumb">${panel?.Thumb && html`<${panel.Thumb} sample=${sample} />`}</span>`;
}
