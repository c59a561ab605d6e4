// Room: what the workspace takes and when it is full; the page Storage says where it goes.

import { html, useCallback } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { bytes, counted } from "#/format.js";

export function Room() {
  const disk = useFetched(() => api.get("/api/disk"), []);
  useChanges("settings", useCallback(() => disk.reload(), [disk.reload]));
  if (disk.error) return html`<${Problem} error=${disk.error} retry=${disk.reload} />`;
  if (!disk.data) return html`<${Waiting} lines=${3} />`;
  return html`
    ${disk.data.warnings.map((one) => html`<p class="notice warning" role="alert" key=${one}>${upper(one)}. What does not fit is refused.</p>`)}
    <dl class="room-meters">
      ${disk.data.quota && html`<${Meter} name="Quota" share=${disk.data.quota_share}
        words=${`${bytes(disk.data.used)} of ${bytes(disk.data.quota)}`} />`}
      <${Meter} name="Disk" share=${disk.data.disk_share} words=${`${bytes(disk.data.free)} free of ${bytes(disk.data.disk)}`} />
    </dl>
    <p class="quiet small">${ahead(disk.data)}</p>
    <p class="room-deeds"><a class="button" href="/admin/storage">Where it goes, rules, archives</a></p>`;
}

const date = (iso) => new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function ahead({ forecast, quota }) {
  if (!forecast.per_day) return `Nothing came in the last four weeks; ${bytes(forecast.room)} may still come.`;
  const rate = `${bytes(forecast.per_day)} come in a day, as of the last four weeks`;
  if (forecast.days === null) return `${rate}: there is room for more than a hundred years.`;
  const what = forecast.by_quota && quota ? "the quota is reached" : "the disk is full";
  return `${rate}: ${what} about ${date(forecast.full_at)}, in ${counted(Math.round(forecast.days), "day")}.`;
}

function Meter({ name, share, words }) {
  const percent = Math.round(share * 100);
  return html`<div>
    <dt>${name}</dt>
    <dd><meter min="0" max="1" low="0.8" high="0.95" optimum="0" value=${Math.min(1, share)} aria-label=${`${name}: ${percent} % taken`}></meter>
      <span class="number">${percent} %</span> <span class="quiet small">${words}</span></dd>
  </div>`;
}
