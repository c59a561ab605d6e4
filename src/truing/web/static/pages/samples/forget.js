// Forgetting a sample: what it would reach, a clear warning, and no way back.

import { html, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { namesOf } from "#/components/modality.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { counted } from "#/format.js";
import { toast } from "#/toast.js";

/**
 * @param {{sample: object, onClose: () => void, onForgetting: (going: boolean) => void, onForgotten: () => void}} props
 * `onForgetting` is told that the sample is about to go, or stays after all.
 */
export function ForgetDialog({ sample, onClose, onForgetting, onForgotten }) {
  const reach = useFetched(() => api.get(`/api/samples/${sample.id}/reach`), [sample.id]);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const sure = typed.trim() === String(sample.id);
  const forget = async (event) => {
    event.preventDefault();
    setBusy(true);
    onForgetting(true);
    try {
      await api.post(`/api/samples/${sample.id}/forget`, {});
      toast(`Sample ${sample.id} is forgotten`, { kind: "good" });
      onClose();
      onForgotten();
    } catch (refused) {
      onForgetting(false);
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Forget sample ${sample.id}" onClose=${onClose}>
    <form class="stack" onSubmit=${forget}>
      <p class="problem"><strong>This cannot be undone.</strong> The ${namesOf(sample.modality).medium}, every text, its decisions and its place in backups and exports are
        erased. Deleting instead moves it to the trash, from where it can be taken back.</p>
      ${reach.error && html`<${Problem} error=${reach.error} retry=${reach.reload} />`}
      ${!reach.data && !reach.error && html`<${Waiting} lines=${3} />`}
      ${reach.data && html`<${Reached} reach=${reach.data} />`}
      <label class="field"><span>To go on, type its number: ${sample.id}</span>
        <input inputmode="numeric" autocomplete="off" value=${typed} onInput=${(event) => setTyped(event.currentTarget.value)} /></label>
      ${error && html`<${Problem} error=${error} />`}
      <div class="row end">
        <button type="button" onClick=${onClose}>Keep it</button>
        <button type="submit" class="danger" disabled=${!sure || busy || !reach.data}>${busy ? "Forgetting…" : "Forget for good"}</button>
      </div>
    </form>
  <//>`;
}

/** What hangs on samples that are to go. */
export function Reached({ reach }) {
  const rows = [
    [reach.versions, "dataset version", "keeps a tombstone", "keep tombstones"],
    [reach.models, "model", "learned from it and is marked for retraining", "learned from it and are marked for retraining"],
    [reach.exports, "export", "is removed", "are removed"],
    [reach.exports_elsewhere, "export", "lies outside the workspace, and is left to you", "lie outside the workspace, and are left to you"],
    [reach.champions, "champion", "is retired", "are retired"],
    [reach.runs, "training run", "is told to stop", "are told to stop"],
    [reach.backups, "backup", "is rewritten", "are rewritten"],
    [reach.archives, "archive", "is rewritten", "are rewritten"],
    [reach.archives_elsewhere, "archive", "is not where it was, and is cleaned when it is met again", "are not where they were, and are cleaned when they are met again"],
  ].filter(([names]) => names.length);
  if (!rows.length) return html`<p class="quiet">Nothing else holds it: no dataset version, model, export, backup or archive.</p>`;
  return html`<ul class="stack detail-reach">
    ${rows.map(
      ([names, noun, one, several]) => html`<li key=${`${noun} ${one}`}>
        <strong>${counted(names.length, noun)}</strong> ${names.length === 1 ? one : several}: <span class="quiet">${names.join(", ")}</span>
      </li>`,
    )}
  </ul>`;
}
