// Tidying up: the trash, what crashes and ended runs left, and other ways to need less room.

import { html, useCallback, useState } from "#/html.js";
import { Command } from "#/components/command.js";
import { Dialog } from "#/components/dialog.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { address, api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { bytes, count, counted } from "#/format.js";
import { Outcome } from "#/pages/storage/use.js";

const KINDS = { media: ["medium that nothing refers to", "media that nothing refers to"], drafts: ["draft that was never finished", "drafts that were never finished"], checkpoints: ["folder of checkpoints of an ended run", "folders of checkpoints of ended runs"] };

export function Tidy({ joined, onDone }) {
  const trash = useFetched(() => api.get("/api/trash"), []);
  const [left, setLeft] = useState(null);
  const [told, setTold] = useState(null);
  const [asked, setAsked] = useState(null);
  useChanges("samples", useCallback(() => trash.reload(), [trash.reload]));
  const settle = async (result, deed) => {
    if (result.dry_run) return setLeft(result);
    setLeft(null);
    await trash.reload();
    setTold({ result, deed });
    onDone();
  };
  const work = useWork({ joined, onJoined: settle });
  const doing = async (deed, path, body) => {
    setAsked(null);
    setTold(null);
    const result = await work.run(api.post(path, body));
    if (result) await settle(result, deed);
  };
  return html`<section class="card stack" id="tidy" aria-labelledby="tidy-title">
    <h2 id="tidy-title">Make room at once</h2>
    <h3>Trash</h3>
    ${trash.error && !trash.data ? html`<${Problem} error=${trash.error} retry=${trash.reload} />` : !trash.data ? html`<${Waiting} lines=${1} />`
      : trash.data.samples ? html`<p>${counted(trash.data.samples, "deleted sample")} ${trash.data.samples === 1 ? "waits" : "wait"} here; each is erased ${counted(trash.data.days, "day")} after it was deleted.</p>
        <div class="row"><a class="button" href=${address("/samples", { state: "trashed" })}>Look at them</a>
          <button class="danger" disabled=${work.busy} onClick=${() => setAsked("trash")}>Empty the trash…</button></div>`
      : html`<p class="quiet">The trash is empty.</p>`}
    <h3>Leftovers</h3>
    <p class="quiet">What crashes and ended runs left behind; removed by itself once a day.</p>
    <div class="row"><button disabled=${work.busy} onClick=${() => { setLeft(null); doing("clean", "/api/clean", { dry_run: true }); }}>Look for leftovers</button>
      ${left?.count > 0 && html`<button class="danger" disabled=${work.busy} onClick=${() => setAsked("clean")}>Remove ${bytes(left.bytes)}…</button>`}</div>
    ${work.busy && html`<${Working} work=${work.work} text=${work.work?.deed === "empty-trash" ? "Erasing" : "Looking for leftovers"} />`}
    ${work.error && html`<${Problem} error=${work.error} />`}
    ${left && !work.busy && html`<${Leftovers} left=${left} />`}
    ${told && !work.busy && html`<${Outcome}><b>${told.deed === "clean" ? `${counted(told.result.count, "leftover")} removed, ${bytes(told.result.bytes)} freed.` : `${counted(told.result.samples, "sample")} erased for good.`}</b><//>`}
    <details class="small"><summary>Keep pictures or sound in fewer bytes</summary>
      <div class="stack"><p>Media can be kept at a lower quality; there is no way back, so it is asked for at the terminal, where <code>--dry-run</code> tells what it would save.</p>
        <${Command} command="truing compress --until 2026-01-01 --modality image_edit --format webp --quality 80 --dry-run" /></div></details>
    ${asked === "trash" && html`<${Dialog} title="Erase ${counted(trash.data.samples, "sample")} for good?" onClose=${() => setAsked(null)}
        actions=${html`<button onClick=${() => setAsked(null)}>Keep them</button><button class="danger" onClick=${() => doing("empty-trash", "/api/trash/empty", { samples: trash.data.samples })}>Erase ${counted(trash.data.samples, "sample")}</button>`}>
      <p class="bad">Texts, decisions and media of ${counted(trash.data.samples, "sample")} in the trash cannot be brought back. Backups keep them until they make room for newer ones.</p><//>`}
    ${asked === "clean" && html`<${Dialog} title="Remove ${counted(left.count, "leftover")}?" onClose=${() => setAsked(null)}
        actions=${html`<button onClick=${() => setAsked(null)}>Leave them</button><button class="danger" onClick=${() => doing("clean", "/api/clean", { dry_run: false })}>Remove ${bytes(left.bytes)}</button>`}>
      <${Leftovers} left=${left} /><p class="quiet">No sample, version, model or backup needs them, and nobody has touched them for a day.</p><//>`}
  </section>`;
}

function Leftovers({ left }) {
  if (!left.count) return html`<p role="status">Nothing was left behind.</p>`;
  return html`<ul class="small" role="status">${Object.entries(KINDS).filter(([kind]) => left[kind].count).map(
    ([kind, [one, many]]) => html`<li key=${kind}>${count(left[kind].count)} ${left[kind].count === 1 ? one : many}, ${bytes(left[kind].bytes)}</li>`)}</ul>`;
}
