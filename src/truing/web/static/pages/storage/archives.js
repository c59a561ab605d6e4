// Archives: what left the workspace and why, whether it is whole, bringing it back, making another.

import { html, useCallback, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { ago, bytes, count, counted, instant } from "#/format.js";
import { ArchiveDialog } from "#/pages/storage/archive.js";
import { Outcome } from "#/pages/storage/use.js";

const TEXTS = { archive: "Samples archived", "bring-back": "Bringing samples back", "verify-archives": "Reading archives", "remove-archive": "Removing the archive" };

export function Archives({ joined, onDone }) {
  const list = useFetched(() => api.get("/api/archives"), []);
  const [told, setTold] = useState(null);
  const [asked, setAsked] = useState(null);
  useChanges("samples", useCallback(() => list.reload(), [list.reload]));
  const settle = async (result, deed) => {
    if (result.dry_run) return;
    await list.reload();
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
  const deeds = {
    archive: (where) => doing("archive", "/api/archives", { where }),
    back: (one) => doing("bring-back", `/api/archives/${encodeURIComponent(one.name)}/restore`),
    verify: (one) => doing("verify-archives", one ? `/api/archives/${encodeURIComponent(one.name)}/verify` : "/api/archives/verify"),
    remove: (one) => doing("remove-archive", `/api/archives/${encodeURIComponent(one.name)}/delete`, { samples: one.archived }),
  };
  const items = list.data?.items ?? [];
  const away = items.reduce((sum, one) => sum + one.archived, 0);
  return html`<section class="card stack" id="archives" aria-labelledby="archives-title">
    <div class="row between"><h2 id="archives-title">Archives</h2>
      ${items.length > 0 && html`<span class="small quiet">${counted(away, "sample")} lie there alone, ${bytes(items.reduce((sum, one) => sum + one.bytes, 0))}</span>`}</div>
    <p class="quiet">An archive is one file with samples and their media. They leave every list and what they took is free; brought back, they are as they were.</p>
    <div class="row">
      <button disabled=${work.busy} onClick=${() => setAsked({ what: "archive" })}>Archive samples…</button>
      ${items.length > 0 && html`<button disabled=${work.busy} onClick=${() => deeds.verify(null)}>Verify all</button>`}
    </div>
    ${work.busy && html`<${Working} work=${work.work} text=${TEXTS[work.work?.deed] ?? "Asking"} stoppable show=${work.work?.deed === "verify-archives" ? bytes : count} />`}
    ${work.error && html`<${Problem} error=${work.error} />`}
    ${told && !work.busy && html`<${Told} ...${told} known=${new Set(items.map((one) => one.name))} key=${JSON.stringify(told.result)} />`}
    ${list.error && !list.data ? html`<${Problem} error=${list.error} retry=${list.reload} />`
      : !list.data ? html`<${Waiting} lines=${2} />`
      : items.length ? html`<ul class="archives">${items.map((one) => html`<${Archive} key=${one.name} one=${one} busy=${work.busy} onAsk=${setAsked} onVerify=${deeds.verify} />`)}</ul>`
      : html`<p class="notice">No archives yet. A rule that begins with <code>archive</code> makes them by itself, “Archive samples…” makes one now.</p>`}
    ${asked?.what === "archive" && html`<${ArchiveDialog} onClose=${() => setAsked(null)} onArchive=${deeds.archive} />`}
    ${asked?.what === "back" && html`<${Back} one=${asked.one} onClose=${() => setAsked(null)} onBack=${deeds.back} />`}
    ${asked?.what === "remove" && html`<${Remove} one=${asked.one} onClose=${() => setAsked(null)} onRemove=${deeds.remove} />`}
  </section>`;
}

function Archive({ one, busy, onAsk, onVerify }) {
  const by = one.by === "retention" ? "by the daily rules" : `by ${one.by}`;
  return html`<li class="archive" aria-label=${`Archive ${one.name}`}>
    <div class="row between"><h3>${one.name}</h3><${Soundness} one=${one} /></div>
    <dl>
      <div><dt>Made</dt><dd>${instant(one.created_at)} ${by}</dd></div>
      <div><dt>Why</dt><dd>${one.reason ? html`<code>${one.reason}</code>` : "samples named one by one"}</dd></div>
      <div><dt>Samples</dt><dd>${count(one.samples)}${one.archived === one.samples ? ", all of them only here" : one.archived ? `, ${count(one.archived)} of them only here` : ", all of them back in the workspace"}</dd></div>
      <div><dt>Size</dt><dd>${bytes(one.bytes)} <span class="quiet">(${bytes(one.media_bytes)} of media)</span></dd></div>
      <div class="archive-file"><dt>File</dt><dd><code>${one.file}</code></dd></div>
    </dl>
    ${!one.whole && html`<p class="bad small">${sentence(one.why)} Put a sound copy of the file in its place, then verify it again.</p>`}
    ${!one.there && html`<p class="bad small">The file is not there. Put it back, or name where it is now: <code>truing archive verify FILE</code>.</p>`}
    <div class="row">
      <button class="compact" aria-label="Bring back ${one.name}…" disabled=${busy || !one.there || !one.archived} onClick=${() => onAsk({ what: "back", one })}>Bring back…</button>
      <button class="compact" aria-label="Verify ${one.name}" disabled=${busy || !one.there} onClick=${() => onVerify(one)}>Verify</button>
      <button class="compact danger" aria-label="Remove ${one.name}…" disabled=${busy} onClick=${() => onAsk({ what: "remove", one })}>Remove…</button>
    </div>
  </li>`;
}

function Soundness({ one }) {
  if (!one.there) return html`<span class="chip bad">file not there</span>`;
  if (!one.whole) return html`<span class="chip bad">damaged, seen ${ago(one.checked_at)}</span>`;
  return html`<span class="chip good" title=${instant(one.checked_at)}>${one.checked_at === one.created_at ? "checksums whole when made" : `checksums whole ${ago(one.checked_at)}`}</span>`;
}

const sentence = (text) => (text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}` : "");

function Back({ one, onClose, onBack }) {
  return html`<${Dialog} title="Bring ${counted(one.archived, "sample")} back?" onClose=${onClose}
      actions=${html`<button onClick=${onClose}>Leave them there</button><button class="primary" onClick=${() => onBack(one)}>Bring ${counted(one.archived, "sample")} back</button>`}>
    <p>They come back from <b>${one.name}</b> with number, decisions, ratings and media, about ${bytes(one.media_bytes)}.</p>
    <p class="quiet">The file stays. ${one.reason?.startsWith("archive ") ? "They come back with the age they had: while the rule stands, its next run archives them again." : ""}</p>
  <//>`;
}

function Remove({ one, onClose, onRemove }) {
  const title = one.archived ? `Remove ${counted(one.archived, "sample")} for good?` : "Remove the file?";
  return html`<${Dialog} title=${title} onClose=${onClose}
      actions=${html`<button onClick=${onClose}>Keep it</button><button class="danger" onClick=${() => onRemove(one)}>${one.archived ? `Remove ${counted(one.archived, "sample")} for good` : "Remove the file"}</button>`}>
    ${one.archived
      ? html`<p class="bad">${one.archived === 1 ? "One sample lies" : `${count(one.archived)} samples lie`} in <b>${one.name}</b> alone. They cannot be brought back, but from a backup.</p>`
      : html`<p>No sample lies in <b>${one.name}</b> alone: nothing is lost.</p>`}
    <p class="quiet">${bytes(one.bytes)} get free. Dataset versions that hold such a sample keep a tombstone.</p>
  <//>`;
}

function Told({ result, deed, known }) {
  if (deed === "bring-back") {
    return html`<${Outcome}><b>${counted(result.samples, "sample")} came back from ${result.archive}.</b>
      ${result.present > 0 && html` ${count(result.present)} were here already.`}
      ${result.elsewhere > 0 && html` ${count(result.elsewhere)} lie in a newer archive.`}
      ${result.forgotten > 0 && html` ${count(result.forgotten)} were forgotten since, and stay gone.`}
      ${result.reminder && html` ${result.reminder}`} <a href="/samples">Look at the samples</a><//>`;
  }
  if (deed === "remove-archive") return html`<${Outcome}><b>${result.removed} is gone</b>${result.samples > 0 ? `, with ${counted(result.samples, "sample")}` : ""}.<//>`;
  if (deed === "verify-archives") return html`<${Verified} result=${result} known=${known} />`;
  if (!result.samples) return html`<${Outcome}>Nothing was archived: no sample fits any more.<//>`;
  return html`<${Outcome}><b>${counted(result.samples, "sample")} archived:</b> ${bytes(result.media_bytes)} of media in ${bytes(result.archive_bytes)}, ${bytes(result.freed)} freed.
    ${result.left.length > 0 && html` ${counted(result.left.length, "sample")} stayed: ${result.left[0].why}.`}<//>`;
}

function Verified({ result, known }) {
  const gone = result.forgotten ? ` ${counted(result.forgotten, "sample")}, forgotten since, were taken out.` : "";
  if (result.ok) return html`<${Outcome}><b>${result.archives === 1 ? "The archive is" : `All ${count(result.archives)} archives are`} whole:</b> every byte is as it was written.${gone}<//>`;
  const strange = result.problems.filter((one) => !known.has(one.what.replace(/^archive /, "")));
  return html`<${Outcome} kind="bad"><b>${counted(result.problems.length, "archive")} of ${count(result.archives)} not whole.</b>${gone}
    ${strange.length < result.problems.length && " What is wrong stands at the archive below."}
    ${strange.length > 0 && html`<ul>${strange.map((one) => html`<li key=${one.what}>${one.what}: ${one.why}</li>`)}</ul>`}<//>`;
}
