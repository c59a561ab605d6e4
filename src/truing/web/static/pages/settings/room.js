// Room: what the workspace takes, when it is full, and what the rules would let go.

import { html, useCallback, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { Dialog } from "#/components/dialog.js";
import { api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { bytes, counted } from "#/format.js";
import { about } from "#/shell.js";
import { toast } from "#/toast.js";

const DEEDS = { delete: "into the trash", erase: "erased for good", archive: "into an archive" };

export function Room() {
  const disk = useFetched(() => api.get("/api/disk"), []);
  const rules = useFetched(() => api.get("/api/retention"), []);
  useChanges("settings", useCallback(() => { disk.reload(); rules.reload(); }, [disk.reload, rules.reload]));
  if (disk.error) return html`<${Problem} error=${disk.error} retry=${disk.reload} />`;
  if (rules.error) return html`<${Problem} error=${rules.error} retry=${rules.reload} />`;
  if (!disk.data || !rules.data) return html`<${Waiting} lines=${3} />`;
  return html`
    ${disk.data.warnings.map((one) => html`<p class="notice warning" role="alert" key=${one}>${upper(one)}. What does not fit is refused.</p>`)}
    <dl class="room-meters">
      ${disk.data.quota && html`<${Meter} name="Quota" share=${disk.data.quota_share}
        words=${`${bytes(disk.data.used)} of ${bytes(disk.data.quota)}`} />`}
      <${Meter} name="Disk" share=${disk.data.disk_share} words=${`${bytes(disk.data.free)} free of ${bytes(disk.data.disk)}`} />
    </dl>
    <p class="quiet small">${ahead(disk.data)}</p>
    <h3>Rules</h3>
    ${rules.data.items.length ? html`<${Rules} rules=${rules.data} done=${disk.reload} />` : html`<p class="quiet">
      Nothing goes by itself. Write rules into <a href="#setting-retention-rules">Retention rules</a>, such as
      ${" "}<code>rejected older than 30 days</code>.</p>`}`;
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

function Rules({ rules, done }) {
  const [plan, setPlan] = useState(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const mayApply = (about.value?.rights ?? []).includes("operate");

  async function ask(work) {
    setBusy(true);
    setError(null);
    try {
      return await work();
    } catch (refused) {
      setError(refused);
      return null;
    } finally {
      setBusy(false);
    }
  }

  async function apply() {
    setSure(false);
    const taken = await ask(() => api.post("/api/retention"));
    if (!taken) return;
    setPlan(null);
    toast(`${counted(taken.samples, "sample")} gone by the rules`, { kind: "good" });
    await done();
  }

  return html`
    <ul class="room-rules">${rules.items.map((one) => html`<li key=${one.rule}><code>${one.rule}</code> <span class="chip">${DEEDS[one.deed]}</span></li>`)}</ul>
    <p class="quiet small">Done once a day. What goes into the trash can be taken back for ${counted(rules.trash_days, "day")}.</p>
    <div class="row room-deeds">
      <button disabled=${busy} onClick=${async () => setPlan(await ask(() => api.get("/api/retention/plan")))}>${busy ? "Looking…" : "Show what would go now"}</button>
      ${plan?.samples > 0 && mayApply && html`<button class="danger" disabled=${busy} onClick=${() => setSure(true)}>Let it go now</button>`}
    </div>
    ${error && html`<${Problem} error=${error} />`}
    ${plan && html`<${Plan} plan=${plan} />`}
    ${sure && html`<${Dialog} title="Let it go now?" onClose=${() => setSure(false)}
      actions=${html`<button onClick=${() => setSure(false)}>Leave it</button><button class="danger" onClick=${apply}>Let ${counted(plan.samples, "sample")} go</button>`}>
      <p>${plan.rules.filter((one) => one.samples).map((one) => html`<span class="room-sure" key=${one.rule}>${counted(one.samples, "sample")} ${DEEDS[one.deed]}: <code>${one.rule}</code></span>`)}</p>
    <//>`}`;
}

function Plan({ plan }) {
  if (!plan.samples) return html`<p role="status">No sample is beyond its limit${plan.rules.some((one) => one.spared) ? ", but for those that dataset versions hold" : ""}.</p>`;
  return html`<div class="room-plan-box" role="status" tabindex="0" aria-label="What would go now"><table class="room-plan">
    <thead><tr><th scope="col">Rule</th><th scope="col" class="number">Samples</th><th scope="col" class="number">Size</th></tr></thead>
    <tbody>${plan.rules.map((one) => html`<tr key=${one.rule}>
      <td><code>${one.rule}</code>${notes(one).map((note) => html`<small class="quiet" key=${note}>${note}</small>`)}
        ${one.examples.length > 0 && html`<small class="room-examples"><span class="quiet">such as</span>${one.examples.map(
          (it) => html`<a key=${it.id} href=${`/samples/${it.id}`} title=${it.text}>${it.text || `sample ${it.id}`}</a>`)}</small>`}</td>
      <td class="number">${one.samples.toLocaleString()}</td>
      <td class="number">${one.samples ? bytes(one.bytes) : "–"}</td>
    </tr>`)}</tbody>
  </table></div>`;
}

function notes(one) {
  const told = [];
  if (one.learned) told.push(`A model in use learned from ${one.learned.toLocaleString()} of them.`);
  else if (one.frozen) told.push(`${one.frozen.toLocaleString()} of them stand in dataset versions.`);
  if (one.spared) told.push(`${one.spared.toLocaleString()} more stay: dataset versions hold them.`);
  return told;
}
