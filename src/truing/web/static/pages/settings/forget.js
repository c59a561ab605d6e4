// Forgetting a person: what would go, a clear warning, and a receipt of what went.

import { html, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Problem } from "#/components/states.js";
import { api } from "#/api.js";
import { counted, instant } from "#/format.js";
import { Reached } from "#/pages/samples/forget.js";

const WAYS = {
  contact: { title: "E-mail", type: "email", help: "as it was handed in; capitals do not matter" },
  speaker: { title: "Speaker", type: "text", help: "the name goes as well, wherever it stands" },
};

export function Forget() {
  const [way, setWay] = useState("contact");
  const [whom, setWhom] = useState("");
  const [reach, setReach] = useState(null);
  const [error, setError] = useState(null);
  const [receipt, setReceipt] = useState(null);
  const look = async (event) => {
    event.preventDefault();
    setError(null);
    setReceipt(null);
    try {
      setReach(await api.post("/api/forget/preview", { [way]: whom.trim() }));
    } catch (refused) {
      setError(refused);
    }
  };
  const done = (told) => {
    setReach(null);
    setWhom("");
    setReceipt(told);
  };
  const { title, type, help } = WAYS[way];
  return html`
    <p class="quiet small">Everything of one person goes, from samples, datasets, exports, backups and archives. You see what it
      reaches before anything is erased.</p>
    <form class="forget-person" onSubmit=${look}>
      <div class="segments" role="group" aria-label="Known by">
        ${Object.entries(WAYS).map(([name, one]) => html`<button type="button" key=${name} aria-pressed=${String(way === name)}
          onClick=${() => { setWay(name); setWhom(""); setError(null); }}>${one.title}</button>`)}
      </div>
      <div class="field"><label for="forget-whom">${title}</label>
        <input id="forget-whom" type=${type} required maxlength="300" autocomplete="off" spellcheck="false" aria-describedby="forget-help" value=${whom} onInput=${(event) => setWhom(event.target.value)} />
        <span class="help" id="forget-help">${help}</span></div>
      <div class="row"><button disabled=${!whom.trim()}>Show what would go</button></div>
    </form>
    ${error && html`<${Problem} error=${error} />`}
    ${reach && html`<${Sure} way=${way} whom=${whom.trim()} reach=${reach} onClose=${() => setReach(null)} onDone=${done} />`}
    ${receipt && html`<${Receipt} told=${receipt} />`}`;
}

function Sure({ way, whom, reach, onClose, onDone }) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const forget = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onDone(await api.post("/api/forget", { [way]: whom }));
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return html`<${Dialog} title="Forget a person" onClose=${onClose}>
    <form class="stack" onSubmit=${forget}>
      <p class="problem"><strong>This cannot be undone.</strong> Everything of ${whom} is erased: ${counted(reach.samples, "sample")} with
        every text and decision, and ${counted(reach.blobs, "media file")}, but for those that others share.</p>
      <${Reached} reach=${reach} />
      <label class="field"><span>To go on, type it again: ${whom}</span>
        <input autocomplete="off" spellcheck="false" value=${typed} onInput=${(event) => setTyped(event.target.value)} /></label>
      ${error && html`<${Problem} error=${error} />`}
      <div class="row end">
        <button type="button" onClick=${onClose}>Keep it</button>
        <button type="submit" class="danger" disabled=${typed.trim() !== whom || busy}>${busy ? "Forgetting…" : "Forget for good"}</button>
      </div>
    </form>
  <//>`;
}

/** What went. It does not say who it was. */
function Receipt({ told }) {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(told, null, 2)}\n`], { type: "application/json" }));
    link.download = `receipt-${told.forgotten_at.slice(0, 19).replaceAll(":", "-")}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  const lists = [
    ["Dataset versions that lost rows", told.versions],
    ["Models that learned from it", told.models],
    ["Champions retired", told.champions],
    ["Training runs stopped", told.runs],
    ["Exports and reports removed", told.exports],
    ["Exports elsewhere, not removed", told.exports_elsewhere],
    ["Backups rewritten", told.backups],
    ["Archives rewritten", told.archives],
    ["Archives out of reach", told.archives_elsewhere],
  ].filter(([, names]) => names.length);
  return html`<section class="forget-receipt stack" role="status" aria-label="Receipt">
    <div class="row between"><h3>Receipt</h3><button type="button" class="compact" onClick=${save}>Save it</button></div>
    <p><strong>${counted(told.samples, "sample")}</strong> and <strong>${counted(told.blobs, "media file")}</strong> were erased,
      <time class="quiet" datetime=${told.forgotten_at}> ${instant(told.forgotten_at)}</time>, by ${told.by}.</p>
    ${lists.length > 0 && html`<dl>${lists.map(([name, names]) => html`<div key=${name}><dt>${name}</dt><dd>${names.join(", ")}</dd></div>`)}</dl>`}
    <ul class="small quiet">${told.reminders.map((one) => html`<li key=${one}>${one}</li>`)}</ul>
  </section>`;
}
