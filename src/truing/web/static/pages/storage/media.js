// Whether media are whole: reading all of them, what is amiss, and the repair that is offered.

import { html, useEffect, useState } from "#/html.js";
import { Command } from "#/components/command.js";
import { Dialog } from "#/components/dialog.js";
import { Problem } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { address, api } from "#/api.js";
import { ago, count, counted } from "#/format.js";
import { Outcome } from "#/pages/storage/use.js";

export function Media({ joined, last, onDone }) {
  const [quick, setQuick] = useState(false);
  const [found, setFound] = useState(null);
  const [fresh, setFresh] = useState(false);
  const [sure, setSure] = useState(false);
  const settle = (result) => { setFound({ ...result, at: new Date().toISOString() }); setFresh(true); onDone(); };
  const work = useWork({ joined, onJoined: settle });
  useEffect(() => {
    // What was found before this page was opened; who looks now sees that instead.
    if (last && !joined) api.get(`/api/errands/${last.id}`).then((told) => setFound((now) => now ?? { ...told.result, at: last.ended_at }), () => {});
  }, []);
  const verify = async (body) => {
    setSure(false);
    setFound(null);
    const result = await work.run(api.post("/api/media/verify", body));
    if (result) settle(result);
  };
  return html`<section class="card stack" id="media" aria-labelledby="media-title">
    <h2 id="media-title">Are the media whole?</h2>
    <p class="quiet">Reads every file and compares it with the checksum under which it was stored. It takes as long as reading the disk; you can go on working.</p>
    <label class="check"><input type="checkbox" checked=${quick} disabled=${work.busy} onChange=${(event) => setQuick(event.currentTarget.checked)} /> Only look whether they are there: quick</label>
    <div class="row"><button class="primary" disabled=${work.busy} onClick=${() => verify({ quick })}>Verify the media</button></div>
    ${work.busy && html`<${Working} work=${work.work} text="Media looked at" stoppable />`}
    ${work.error && html`<${Problem} error=${work.error} />`}
    ${found && !work.busy && html`<${Found} found=${found} fresh=${fresh} onRepair=${() => setSure(true)} />`}
    ${sure && html`<${Sure} found=${found} onClose=${() => setSure(false)} onRepair=${() => verify({ repair: true, quick: found.quick })} />`}
  </section>`;
}

function Found({ found, fresh, onRepair }) {
  const words = headline(found);
  const kind = found.left ? "bad" : "good";
  const body = html`<b>${words}</b> ${!fresh && html`<span class="quiet">Looked at ${ago(found.at)}.</span>`}
    ${found.orphans > 0 && !found.repair && html` ${counted(found.orphans, "file")} ${found.orphans === 1 ? "is" : "are"} needed by nobody.`}
    ${found.removed > 0 && html` ${counted(found.removed, "file")} that nobody needed went.`}`;
  return html`<div class="stack">
    ${fresh ? html`<${Outcome} kind=${kind}>${body}<//>` : html`<div class="notice outcome" data-kind=${kind}>${body}</div>`}
    ${found.broken.length > 0 && html`<${Broken} found=${found} />`}
    ${!found.repair && (found.left > 0 || found.orphans > 0) && html`<div class="row"><button onClick=${onRepair}>Repair what can be…</button></div>`}
    ${found.repair && found.left > 0 && html`<${Left} />`}
  </div>`;
}

function headline(found) {
  if (found.repair && found.repaired) return found.left ? `${count(found.repaired)} brought back, ${count(found.left)} still broken.` : `All ${count(found.repaired)} broken ones were brought back.`;
  if (found.left) return `${count(found.left)} of ${counted(found.media, "medium", "media")} ${found.left === 1 ? "is" : "are"} missing or damaged.`;
  return `${found.media === 1 ? "The one medium is" : `All ${count(found.media)} media are`} ${found.quick ? "there" : "whole"}.`;
}

function Broken({ found }) {
  return html`<div class="table-box" tabindex="0" role="region" aria-label="What is broken"><table>
    <thead><tr><th scope="col">Samples</th><th scope="col">What is wrong</th><th scope="col">Brought back from</th></tr></thead>
    <tbody>${found.broken.map((one) => html`<tr key=${one.digest} title=${one.digest}>
      <td>${one.samples.length ? one.samples.slice(0, 6).map((id) => html`<a key=${id} class="storage-number" href=${`/samples/${id}`}>${id}</a> `) : html`<span class="quiet">a dataset version</span>`}${one.samples.length > 6 && html`<span class="quiet">and ${one.samples.length - 6} more</span>`}</td>
      <td>${one.why}</td><td>${one.repaired ?? "–"}</td></tr>`)}</tbody>
  </table></div>
  ${found.more > 0 && html`<p class="small quiet">and ${count(found.more)} more: <code>truing verify --media --json</code> names them.</p>`}`;
}

function Left() {
  return html`<div class="stack">
    <p>The rest is nowhere in this workspace. <a href=${address("/samples", { finding: "damaged" })}>Their samples</a> have the finding “damaged”, which keeps them out of new dataset versions. If another place holds them, such as a backup on another disk:</p>
    <${Command} command="truing verify --media --repair --from PLACE" />
  </div>`;
}

function Sure({ found, onClose, onRepair }) {
  return html`<${Dialog} title="Repair what can be?" onClose=${onClose}
      actions=${html`<button onClick=${onClose}>Leave it</button><button class="primary" onClick=${onRepair}>Repair</button>`}>
    <ul class="stack storage-steps">
      ${found.left > 0 && html`<li><b>${count(found.left)} broken:</b> brought back from archives, or from wherever else in this workspace a sound copy lies.</li>
        <li><b>What cannot be brought back:</b> its samples get the finding “damaged”. None is deleted.</li>`}
      ${found.orphans > 0 && html`<li><b>${counted(found.orphans, "file")} that nobody needs:</b> removed for good, once unused for a day. What a backup lists stays.</li>`}
    </ul>
    <p class="quiet">All media are looked at once more on the way.</p>
  <//>`;
}
