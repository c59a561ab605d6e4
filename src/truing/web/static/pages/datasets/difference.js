// How one version differs from another.

import { html } from "#/html.js";
import { Empty, Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { count } from "#/format.js";
import { DatasetName } from "#/pages/models/names.js";
import { SplitBar } from "#/pages/datasets/split_bar.js";
import { route } from "#/router.js";

const KINDS = [
  ["added", "came in"],
  ["removed", "went out: rejected, withheld or filtered since"],
  ["moved", "went to another part; never out of the test set"],
  ["retold", "have another text by a later review"],
];

export function Difference() {
  const [first, second] = ["first", "second"].map((name) => route.value.params.get(name));
  return html`
    <header class="page-head"><div><h1>What changed</h1><p><a href="/datasets">All versions</a></p></div></header>
    ${first && second ? html`<${Told} key=${`${first} ${second}`} first=${first} second=${second} />` : html`<${Empty} title="Two versions are needed" icon="dataset"><p><a href="/datasets">Tick two in the list.</a></p><//>`}`;
}

async function both(first, second) {
  const place = (version) => `/api/datasets/${version.replace("@", "/")}`;
  const [before, after, found] = await Promise.all([api.get(place(first)), api.get(place(second)), api.get(`${place(first)}/diff`, { with: second })]);
  return { before, after, found };
}

function Told({ first, second }) {
  const { data, error, reload } = useFetched(() => both(first, second), [first, second]);
  if (error) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} lines=${6} />`;
  const { before, after, found } = data;
  const same = KINDS.every(([kind]) => !sizeOf(found[kind]));
  return html`<div class="sections">
    <div class="beside">${[before, after].map((one) => html`<section class="card" key=${one.version}><h2><${DatasetName} name=${one.version} /></h2><${SplitBar} version=${one} /></section>`)}</div>
    <section class="card"><h2>From ${first} to ${second}</h2>
      ${same ? html`<p class="quiet">The same rows with the same texts.</p>` : html`<ul class="reasons">${KINDS.map(([kind, words]) => html`<li key=${kind}><b class="number">${count(sizeOf(found[kind]))}</b> <span>${words}<${Which} found=${found[kind]} /></span></li>`)}</ul>`}
      ${found.forgotten > 0 && html`<p class="warn small">${count(found.forgotten)} rows of ${first} were forgotten.</p>`}
    </section>
  </div>`;
}

const sizeOf = (list) => (Array.isArray(list) ? list.length : (list?.count ?? list ?? 0));

/** The samples behind a figure, as far as they are told. */
function Which({ found }) {
  const ids = Array.isArray(found) ? found : (found?.items ?? []);
  if (!ids.length) return null;
  const shown = ids.slice(0, 40);
  return html`<details class="which"><summary class="small quiet">which</summary><span class="small mono">${shown.map((one) => html`<span key=${one.id ?? one}>${one.id ? html`<a href="/samples/${one.id}">${one.id}</a>` : String(one)}</span> `)}${ids.length > shown.length ? `and ${ids.length - shown.length} more` : ""}</span></details>`;
}
