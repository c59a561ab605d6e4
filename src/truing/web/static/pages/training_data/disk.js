// What the workspace takes on the disk, and when the disk or the quota will be full.

import { html } from "#/html.js";
import { Progress } from "#/components/states.js";
import { bytes, count, instant, percent } from "#/format.js";

const PARTS = { media: "Media", models: "Models", runs: "Training runs", database: "Database", other: "Backups and exports" };
/** Days in which something should be done. */
const SOON = 30;

export function Disk({ data, words }) {
  const { disk, forecast } = data;
  const parts = Object.entries(PARTS).map(([part, label]) => ({ part, label, size: disk.parts[part] ?? 0 }));
  const since = disk.used - disk.parts.total;
  if (since > 0) parts.push({ part: "since", label: "What came since then", size: since });
  const most = Math.max(1, ...parts.map((one) => one.size));
  return html`<section class="card stack" aria-labelledby="disk-title">
    <div class="row between"><h2 id="disk-title">Disk</h2>
      <span class="small quiet">${words.samples} here hold ${bytes(data.bytes)} of ${words.media.toLowerCase()} · <a href="/admin/storage">Where it goes</a></span></div>
    ${disk.warnings.map((warning) => html`<p class="notice warning" key=${warning}>${warning}</p>`)}
    <div class="halves">
      <div class="stack">
        ${disk.quota !== null && html`<${Progress} value=${Math.min(1, disk.quota_share)} label="${bytes(disk.used)} of the quota of ${bytes(disk.quota)} (${percent(disk.quota_share, 0)})" />`}
        <${Progress} value=${disk.disk_share} label="${bytes(disk.free)} free of ${bytes(disk.disk)} (the disk is ${percent(disk.disk_share, 0)} full)" />
        <${Outlook} forecast=${forecast} />
      </div>
      <div class="stack">
        <ul class="bars">${parts.map((one) => html`<li key=${one.part}>
          <span>${one.label}</span><span class="number">${bytes(one.size)}</span><span class="bar" style=${{ "--share": one.size / most }}></span>
        </li>`)}</ul>
        <p class="small quiet">${bytes(disk.used)} in all; every file was looked at on ${instant(disk.measured_at)}.</p>
      </div>
    </div>
  </section>`;
}

/** The forecast as a sentence. */
export function Outlook({ forecast }) {
  const limit = forecast.by_quota ? "quota" : "disk";
  if (!forecast.per_day) return html`<p><b>No end in sight.</b> Nothing came in the last four weeks.</p>`;
  const pace = `${bytes(forecast.per_day)} a day came in the last four weeks`;
  if (forecast.days === null) return html`<p><b>No end in sight.</b> ${pace}: the ${limit} lasts for more than a hundred years.</p>`;
  if (forecast.days < 1) return html`<p class="notice warning"><b>The ${limit} is full, or will be within a day.</b> ${pace}.</p>`;
  const near = forecast.days < SOON;
  return html`<p class=${near ? "notice warning" : ""}><b>At this pace the ${limit} is full in ${lasting(forecast.days)}${near ? ` (${dateOf(forecast.full_at)})` : ""}.</b> ${pace}.</p>`;
}

const dateOf = (iso) => new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });

/** Days as people say them: no more exact than a forecast is. */
function lasting(days) {
  if (days < 60) return `${count(Math.floor(days))} ${Math.floor(days) === 1 ? "day" : "days"}`;
  if (days < 730) return `about ${count(Math.round(days / 30.4))} months`;
  return `about ${count(Math.round(days / 365.25))} years`;
}
