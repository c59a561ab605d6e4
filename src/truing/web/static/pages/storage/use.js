// Where the disk goes: what the workspace takes by part, and when the quota or the disk is full.

import { html, useEffect, useRef } from "#/html.js";
import { Problem, Progress, Waiting } from "#/components/states.js";
import { Working, useWork } from "#/components/work.js";
import { api } from "#/api.js";
import { ago, bytes, percent } from "#/format.js";
import { Outlook } from "#/pages/training_data/disk.js";

/** Parts of the workspace: what each is called, what it holds, and the page that shows more. */
const PARTS = [
  { part: "media", label: "Media", what: "what samples and dataset versions hold", href: "/samples" },
  { part: "models", label: "Models", what: "every version that was trained or brought in", href: "/models" },
  { part: "runs", label: "Training runs", what: "checkpoints and logs", href: "/train" },
  { part: "archives", label: "Archives", what: "samples packed away", href: "#archives" },
  { part: "backups", label: "Backups", what: "the database as it was" },
  { part: "exports", label: "Exports", what: "copies made for other programs" },
  { part: "database", label: "Database", what: "texts, decisions, figures" },
  { part: "rest", label: "Everything else", what: "caches, logs, settings" },
];

export function Use({ disk, operates, joined }) {
  const { data, error, reload } = disk;
  const work = useWork({ joined, onJoined: reload });
  const look = async () => (await work.run(api.post("/api/disk/look"))) && reload();
  return html`<section class="card stack" aria-labelledby="use-title">
    <div class="row between"><h2 id="use-title">Where the disk goes</h2>
      ${data && html`<span class="small quiet">every file was looked at ${ago(data.measured_at)}${operates && html` · <button class="link" disabled=${work.busy} onClick=${look}>Look again</button>`}</span>`}</div>
    ${work.busy && html`<${Working} work=${work.work} text="Looking at every file" />`}
    ${work.error && html`<${Problem} error=${work.error} retry=${look} />`}
    ${error && !data ? html`<${Problem} error=${error} retry=${reload} />` : data ? html`<${Figures} disk=${data} />` : html`<${Waiting} lines=${4} />`}
  </section>`;
}

function Figures({ disk }) {
  const { parts } = disk;
  const named = ["archives", "backups", "exports"].reduce((sum, one) => sum + (parts[one] ?? 0), 0);
  const sizes = { ...parts, rest: (parts.other ?? 0) - named };
  const rows = PARTS.map((one) => ({ ...one, size: sizes[one.part] ?? 0 })).filter((one) => one.size > 0);
  rows.sort((one, other) => other.size - one.size);
  const since = disk.used - parts.total;
  if (since > 0) rows.push({ part: "since", label: "What came since then", size: since });
  const most = Math.max(1, ...rows.map((one) => one.size));
  return html`
    ${disk.warnings.map((one) => html`<p class="notice warning" role="alert" key=${one}>${upper(one)}. What does not fit is refused.</p>`)}
    <div class="halves">
      <ul class="bars">${rows.map((one) => html`<li key=${one.part}>
        <span>${one.href ? html`<a href=${one.href}>${one.label}</a>` : one.label} ${one.what && html`<span class="small quiet storage-what">${one.what}</span>`}</span>
        <span class="number">${bytes(one.size)}</span><span class="bar" style=${{ "--share": one.size / most }}></span>
      </li>`)}</ul>
      <div class="stack">
        <p><b class="figure-value">${bytes(disk.used)}</b> <span class="quiet">in this workspace</span></p>
        ${disk.quota !== null
          ? html`<${Progress} value=${Math.min(1, disk.quota_share)} label="${bytes(disk.used)} of the quota of ${bytes(disk.quota)} (${percent(disk.quota_share, 0)})" />`
          : html`<p class="small quiet">No quota: it may grow until the disk is full. At the machine itself, <code>truing config set storage.quota_gb 50</code> sets one.</p>`}
        <${Progress} value=${disk.disk_share} label="${bytes(disk.free)} free of ${bytes(disk.disk)} (the disk is ${percent(disk.disk_share, 0)} full, by whatever lies on it)" />
        <${Outlook} forecast=${disk.forecast} />
      </div>
    </div>`;
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What came of something, said where the eyes are; takes the focus, because the button that was pressed may be gone. */
export function Outcome({ children, kind = "good" }) {
  const place = useRef(null);
  useEffect(() => place.current?.focus({ preventScroll: false }), []);
  return html`<div class="notice outcome" data-kind=${kind} role="status" tabindex="-1" ref=${place}>${children}</div>`;
}
