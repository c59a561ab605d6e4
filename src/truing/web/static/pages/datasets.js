// Datasets: versions that never change, what is in each, and what kept the rest out.

import { html, useCallback, useState } from "#/html.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { Icon } from "#/components/icon.js";
import { ModalitySwitch, useModality } from "#/components/modality.js";
import { count, instant } from "#/format.js";
import { api } from "#/api.js";
import { Difference } from "#/pages/datasets/difference.js";
import { FreezeDialog } from "#/pages/datasets/freeze.js";
import { SplitBar } from "#/pages/datasets/split_bar.js";
import { Version, keptOut } from "#/pages/datasets/version.js";
import { DatasetName } from "#/pages/models/names.js";
import { about } from "#/shell.js";
import { navigate, route } from "#/router.js";
import { useChanges } from "#/changes.js";

export const title = "Datasets";

export function Page() {
  const [name, number] = route.value.rest;
  if (name === "diff" && !number) return html`<${Difference} />`;
  if (name) return html`<${Version} key=${`${name}@${number}`} name=${name} number=${number} />`;
  return html`<${Overview} />`;
}

function Overview() {
  const modality = useModality();
  const { data, error, reload } = useFetched(() => api.get("/api/datasets", { modality, limit: 200 }), [modality]);
  useChanges("datasets", useCallback(() => reload(), [reload]));
  const [freezing, setFreezing] = useState(false);
  const may = about.value?.rights?.includes("operate") ?? true;
  const done = (version) => {
    setFreezing(false);
    navigate(`/datasets/${version.replace("@", "/")}`);
  };
  return html`
    <header class="page-head">
      <div><h1>Datasets</h1><p>Versions never change; a later one never moves a sample out of the test set.</p></div>
      <div class="row"><${ModalitySwitch} value=${modality} />
        ${may && html`<button class="primary" onClick=${() => setFreezing(true)}><${Icon} name="dataset" /> Freeze…</button>`}</div>
    </header>
    ${error && !data && html`<${Problem} error=${error} retry=${reload} />`}
    ${!data && !error && html`<${Waiting} lines=${6} />`}
    ${data && !data.items.length && html`<${Empty} title="No datasets yet" icon="dataset">
      <p>Freezing takes everything reviewed until now and splits it so that nothing leaks.</p>
      <div class="row"><a class="button" href="/review">Review samples first</a></div><//>`}
    ${data && data.items.length > 0 && html`<${Versions} key=${modality} versions=${data.items} />`}
    ${freezing && html`<${FreezeDialog} modality=${modality} known=${data?.items ?? []} onClose=${() => setFreezing(false)} onDone=${done} />`}`;
}

function Versions({ versions }) {
  const [picked, setPicked] = useState([]);
  const pick = (name, on) => setPicked(on ? [...picked.slice(-1), name] : picked.filter((one) => one !== name));
  const [first, second] = [...picked].sort((a, b) => versions.findIndex((one) => one.version === b) - versions.findIndex((one) => one.version === a));
  return html`<div class="stack">
    <div class="row between"><h2>Versions</h2>
      ${second
        ? html`<a class="button compact" href="/datasets/diff?first=${encodeURIComponent(first)}&second=${encodeURIComponent(second)}">What changed from ${first} to ${second}</a>`
        : html`<span class="quiet small">Tick two to tell them apart</span>`}
    </div>
    <div class="table-box" tabindex="0" role="region" aria-label="Versions"><table>
      <thead><tr><th scope="col"><span class="visually-hidden">Compare</span></th><th scope="col">Version</th><th scope="col">Parts</th><th scope="col">Kept apart</th><th scope="col" class="number">Stayed out</th><th scope="col" class="number">Forgotten</th><th scope="col">Frozen</th></tr></thead>
      <tbody>${versions.map((one) => html`<tr key=${one.version} aria-selected=${picked.includes(one.version) ? "true" : undefined}>
        <td><input type="checkbox" aria-label="Compare ${one.version}" checked=${picked.includes(one.version)} onChange=${(event) => pick(one.version, event.currentTarget.checked)} /></td>
        <td class="nowrap"><b><${DatasetName} name=${one.version} /></b></td>
        <td class="split-cell"><${SplitBar} version=${one} /></td>
        <td>${one.split === "personal" ? "sittings" : "sittings and speakers"}</td>
        <td class="number">${count(keptOut(one))}</td>
        <td class="number">${one.forgotten ? html`<span class="warn">${count(one.forgotten)}</span>` : "0"}</td>
        <td class="quiet number nowrap">${instant(one.created_at)}</td>
      </tr>`)}</tbody>
    </table></div>
  </div>`;
}
