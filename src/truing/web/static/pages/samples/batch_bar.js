// The bar that shows while samples are chosen: what may be done to all of them.

import { html, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Icon } from "#/components/icon.js";
import { useNames } from "#/components/modality.js";
import { address } from "#/api.js";
import { count, counted } from "#/format.js";
import { keysOf, useKeys } from "#/keymap.js";
import { about } from "#/shell.js";
import { ReplaceDialog } from "#/pages/samples/replace.js";

/**
 * @param {{selection: object, total: number|null, shown: number, trash: boolean, progress: object|null, choices: object,
 *   onDeed: (deed: object, count?: number) => void, onEverything: () => void, onNothing: () => void}} props
 * `total` is how many samples the filter lets through, null when that is not known.
 */
export function BatchBar(props) {
  const { selection, total, trash, progress, onDeed, onNothing } = props;
  const [dialog, setDialog] = useState(null);
  const names = useNames();
  const close = () => setDialog(null);
  const deed = (given, number) => { close(); onDeed(given, number); };
  useKeys({ "rows.tag": () => !trash && !progress && may() && setDialog("tag") });
  return html`<section class="batch" aria-label="Selected samples">
    <div class="batch-words">
      <${Chosen} ...${props} />
      <button type="button" class="link" title="Select nothing (${keysOf("rows.close")})" onClick=${onNothing}>Clear</button>
    </div>
    ${progress
      ? html`<${Running} progress=${progress} />`
      : html`<div class="row batch-deeds">${trash
          ? html`<button type="button" class="primary" onClick=${() => onDeed({ action: "restore" })}>Take back</button>`
          : html`<${Deeds} onDeed=${onDeed} onDialog=${setDialog} />`}
        <${ExportButton} selection=${selection} onOpen=${() => setDialog("export")} /></div>`}
    ${dialog === "speaker" && html`<${NameDialog} title="Set the ${names.person.toLowerCase()}" label=${names.person} options=${props.choices.speakers}
      deeds=${[["Set", (speaker) => ({ action: "set-speaker", speaker })]]} onClose=${close} onDeed=${deed} />`}
    ${dialog === "tag" && html`<${NameDialog} title="Tags" label="Tag" options=${props.choices.tags}
      deeds=${[["Take off", (tag) => ({ action: "untag", tag })], ["Add", (tag) => ({ action: "tag", tag })]]} onClose=${close} onDeed=${deed} />`}
    ${dialog === "replace" && html`<${ReplaceDialog} selection=${selection} onClose=${close} onDeed=${deed} />`}
    ${dialog === "export" && html`<${ExportDialog} selection=${selection} onClose=${close} />`}
  </section>`;
}

const may = () => about.value?.rights.includes("review") ?? false;

function Chosen({ selection, total, shown, onEverything }) {
  const number = selection.where ? total : selection.ids.size;
  const words = selection.where ? `All ${number === null ? "" : `${count(number)} `}that match` : `${count(number)} selected`;
  const more = !selection.where && (total === null ? shown > 0 : selection.ids.size < total);
  return html`<strong aria-live="polite" class="number">${words}</strong>
    ${more && html`<button type="button" class="link" onClick=${onEverything}>Select all ${total === null ? "" : `${count(total)} `}that match</button>`}`;
}

function Running({ progress }) {
  const { done, total, what } = progress;
  return html`<div class="batch-progress" role="status">
    <progress max=${total ?? 1} value=${total === null ? undefined : done} aria-label=${what}></progress>
    <span class="small">${what}${total === null ? "…" : ` ${count(done)} of ${count(total)}`}</span>
  </div>`;
}

function Deeds({ onDeed, onDialog }) {
  const names = useNames();
  if (!may()) return null;
  return html`
    <button type="button" class="compact" title="Accept (${keysOf("rows.accept")})" onClick=${() => onDeed({ action: "accept" })}><${Icon} name="check" />Accept</button>
    <button type="button" class="compact" title="Reject (${keysOf("rows.reject")})" onClick=${() => onDeed({ action: "reject" })}><${Icon} name="cross" />Reject</button>
    <button type="button" class="compact" onClick=${() => onDialog("speaker")}><${Icon} name="person" />${names.person}</button>
    <button type="button" class="compact" title="Tag (${keysOf("rows.tag")})" onClick=${() => onDialog("tag")}><${Icon} name="tag" />Tag</button>
    <button type="button" class="compact" onClick=${() => onDialog("replace")}><${Icon} name="edit" />Replace…</button>
    <button type="button" class="compact danger" title="Move to the trash (${keysOf("rows.delete")})" onClick=${() => onDeed({ action: "delete" })}><${Icon} name="trash" />Delete</button>`;
}

function ExportButton({ onOpen }) {
  return html`<button type="button" class="compact" onClick=${onOpen}><${Icon} name="download" />Export</button>`;
}

/** Asks for one name and what to do with it. */
function NameDialog({ title, label, options, deeds, onClose, onDeed }) {
  const [name, setName] = useState("");
  const known = name.trim();
  const [last, make] = deeds.at(-1);
  const send = (event) => {
    event.preventDefault();
    if (known) onDeed(make(known));
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form class="stack" onSubmit=${send}>
      <label class="field"><span>${label}</span>
        <input type="text" value=${name} maxlength="100" list="batch-names" required autofocus onInput=${(event) => setName(event.currentTarget.value)} />
        <datalist id="batch-names">${options.map((one) => html`<option key=${one} value=${one} />`)}</datalist></label>
      <div class="row end">
        <button type="button" onClick=${onClose}>Cancel</button>
        ${deeds.slice(0, -1).map(([verb, other]) => html`<button type="button" key=${verb} disabled=${!known} onClick=${() => onDeed(other(known))}>${verb}</button>`)}
        <button type="submit" class="primary" disabled=${!known}>${last}</button>
      </div>
    </form>
  <//>`;
}

const FORMATS = [
  { name: "jsonl", label: "JSON lines", told: "every field, one sample per line" },
  { name: "csv", label: "CSV", told: "the texts and facts, for a spreadsheet" },
  { name: "audiofolder-zip", label: "Audio folder", told: "sound files with their texts, as a zip", filtered: true },
];
/** Numbers that fit into an address. */
const MOST_NAMED = 2000;

/** What is chosen, as a file; sound goes out by filter alone. */
function ExportDialog({ selection, onClose }) {
  const [format, setFormat] = useState("jsonl");
  const { where, ids } = selection;
  const offered = FORMATS.filter((one) => where || !one.filtered);
  const link = address("/api/export", { ...(where ?? { id: [...ids] }), format });
  return html`<${Dialog} title="Export ${where ? "all that match" : counted(ids.size, "sample")}" onClose=${onClose}
    actions=${html`<button type="button" onClick=${onClose}>Cancel</button>
      ${ids.size <= MOST_NAMED && html`<a class="button primary" download href=${link} onClick=${() => setTimeout(onClose)}>Download</a>`}`}>
    <fieldset class="stack"><legend class="visually-hidden">Format</legend>
      ${offered.map(
        ({ name, label, told }) => html`<label class="check" key=${name}>
          <input type="radio" name="format" checked=${format === name} onChange=${() => setFormat(name)} />
          <span><strong>${label}</strong> <span class="quiet">${told}</span></span>
        </label>`,
      )}
    </fieldset>
    ${!where && html`<p class="small quiet">For a folder with the sound, select all that match a filter, such as a tag.</p>`}
    ${ids.size > MOST_NAMED && html`<p class="notice">More than ${count(MOST_NAMED)} single samples: give them a tag and filter by it.</p>`}
  <//>`;
}
