// Find and replace in truths: what would change is shown before anything does.

import { html, useEffect, useRef, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Problem } from "#/components/states.js";
import { WordDiff } from "#/components/word_diff.js";
import { count, counted } from "#/format.js";
import { preview } from "#/pages/samples/batch.js";

const TYPING_MS = 300;
/** Rows of a preview that are drawn; the number of all is told. */
const DRAWN = 100;

/**
 * @param {{selection: object, onClose: () => void, onDeed: (deed: object, count: number) => void}} props
 * `count` is how many texts change: the others of the selection stay as they are.
 */
export function ReplaceDialog({ selection, onClose, onDeed }) {
  const [given, setGiven] = useState({ find: "", replace: "", whole_words: true, match_case: true });
  const deed = { action: "replace", ...given };
  const { found, error, busy } = usePreview(selection, deed);
  const set = (name) => (event) => {
    const box = event.currentTarget;
    setGiven((before) => ({ ...before, [name]: box.type === "checkbox" ? box.checked : box.value }));
  };
  return html`<${Dialog} title="Find and replace in truths" wide onClose=${onClose}
    actions=${html`<button type="button" onClick=${onClose}>Cancel</button>
      <button type="button" class="primary" disabled=${busy || !found?.count} onClick=${() => onDeed(deed, found.count)}>
        ${found?.count ? `Replace in ${counted(found.count, "sample")}` : "Replace"}</button>`}>
    <div class="fields">
      <label class="field"><span>Find</span><input type="text" value=${given.find} maxlength="500" autofocus onInput=${set("find")} /></label>
      <label class="field"><span>Replace with</span><input type="text" value=${given.replace} maxlength="500" onInput=${set("replace")} /></label>
    </div>
    <div class="row">
      <label class="check"><input type="checkbox" checked=${given.whole_words} onChange=${set("whole_words")} />Whole words only</label>
      <label class="check"><input type="checkbox" checked=${given.match_case} onChange=${set("match_case")} />Upper and lower case as written</label>
    </div>
    <p class="small quiet">A sample without a truth gets one from what the model said, with the replacement in it.</p>
    ${error && html`<${Problem} error=${error} />`}
    <${Preview} find=${given.find} found=${found} busy=${busy} />
  <//>`;
}

/** What the deed would change; asked for when typing has stopped, the newest question counts. */
function usePreview(selection, deed) {
  const [state, setState] = useState({ found: null, error: null, busy: false });
  const turn = useRef(0);
  const asked = JSON.stringify(deed);
  useEffect(() => {
    const mine = ++turn.current;
    if (!deed.find) {
      setState({ found: null, error: null, busy: false });
      return undefined;
    }
    setState((before) => ({ ...before, busy: true }));
    const show = (next) => mine === turn.current && setState({ found: null, error: null, busy: false, ...next });
    const timer = setTimeout(() => preview(selection, deed).then((found) => show({ found }), (error) => show({ error })), TYPING_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  return state;
}

function Preview({ find, found, busy }) {
  if (!find) return html`<p class="quiet">Type what to look for: the texts it would change show here first.</p>`;
  if (!found) return html`<p class="quiet" role="status">${busy ? "Looking…" : ""}</p>`;
  const drawn = found.rows.slice(0, DRAWN);
  return html`<div aria-busy=${String(busy)} class="stack">
    <p role="status" class="quiet">${found.count ? `${counted(found.count, "text")} would change.` : "No text of the selected samples has it."}</p>
    ${drawn.length > 0 && html`<div class="table-box replace-box" tabindex="0" role="region" aria-label="What would change"><table>
      <thead><tr><th scope="col">Sample</th><th scope="col">Change</th></tr></thead>
      <tbody>${drawn.map(
        (row) => html`<tr key=${row.id}><td class="number">${row.id}</td><td><${WordDiff} before=${row.before} after=${row.after} /></td></tr>`,
      )}</tbody>
    </table></div>`}
    ${found.count > drawn.length && html`<p class="small quiet">and ${count(found.count - drawn.length)} more</p>`}
  </div>`;
}
