// Two models that make pictures, side by side: all measures, what people prefer, and the pictures themselves.

import { html, useEffect, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { api } from "#/api.js";
import { counted, percent } from "#/format.js";
import { MeasureTable } from "#/pages/models/measures.js";
import { shortName } from "#/pages/models/names.js";
import { points } from "#/pages/models/interval.js";

const SHOWN = 6;

/** @param {{found: any}} props a comparison as the API tells it */
export function PictureMeasures({ found }) {
  const columns = [["a", shortName(found.a.model)], ["b", shortName(found.b.model)], ["baseline", found.baseline?.name ?? "baseline"]];
  const [primary] = found.measures;
  return html`<section class="card stack" aria-label="All measures"><h2>All measures</h2>
    <${MeasureTable} measures=${found.measures} columns=${columns} label="Measures" />
    ${!primary.proves && html`<p class="quiet small">How near a picture comes to the one target there is, pixel by pixel, does not tell which picture people prefer. ${found.baseline?.name} is the input, unchanged: every edit costs some likeness to it.</p>`}
  </section>`;
}

/** How often people chose the one or the other, and the way to choose. */
export function People({ found }) {
  const [page, setPage] = useState(null);
  useEffect(() => {
    let left = false;
    api.get("/api/preferences", { first: found.a.model, second: found.b.model, dataset: found.dataset, split: found.split })
      .then((told) => !left && setPage({ address: told.page }), (error) => !left && setPage({ told: error.message }));
    return () => void (left = true);
  }, [found.a.model, found.b.model, found.dataset]);
  const people = found.people;
  const chosen = people && people.wins + people.losses + people.ties;
  return html`<section class="card row between people" aria-label="What people prefer">
    <div><h2>What people prefer</h2>
      ${people
        ? html`<p><b>${percent(people.rate)}</b> prefer ${shortName(found.b.model)} <span class="quiet small number">${percent(people.ci[0])} to ${percent(people.ci[1])}, ${counted(chosen, "choice")}</span>${people.decided ? "" : html` <span class="quiet small">It may be chance.</span>`}</p>`
        : html`<p class="quiet">Nobody has chosen between the two yet. The gate asks for it: figures of pixels prove nothing.</p>`}
      ${page?.told && html`<p class="quiet small">${page.told}</p>`}
    </div>
    ${page?.address && html`<a class="button ${people?.decided ? "" : "primary"}" href=${page.address}>Choose, blind</a>`}
  </section>`;
}

/** Where the candidate comes nearer to the target, and where it does not. */
export function PictureLists({ found }) {
  const [large, setLarge] = useState(null);
  return html`
    <${List} title="Where ${shortName(found.b.model)} is nearer to the target" rows=${found.best} ...${{ found, setLarge }} />
    <${List} title="Where it is farther from it" rows=${found.worst} ...${{ found, setLarge }} />
    ${large && html`<${Dialog} title=${large.row.truth} wide onClose=${() => setLarge(null)}><${Four} ...${large} whole /><//>`}`;
}

function List({ title, rows, found, setLarge }) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, SHOWN);
  return html`<section class="card stack" aria-label=${title}><h2>${title}</h2>
    ${rows.length === 0 ? html`<p class="quiet">Nowhere.</p>` : html`<ol class="made-rows">${shown.map((row) => html`<li key=${row.sample}>
      <div class="row between"><p class="made-text">${row.truth}</p>
        <span class="row"><span class="quiet small number nowrap">${points(row.gain)} points</span>
          <button class="compact" onClick=${() => setLarge({ row, found })} aria-label="Enlarge: ${row.truth}">Enlarge</button></span></div>
      <${Four} row=${row} found=${found} />
    </li>`)}</ol>`}
    ${rows.length > shown.length && html`<button class="link" onClick=${() => setAll(true)}>Show all ${rows.length}</button>`}
  </section>`;
}

/** Original, both results and the target of a row. */
function Four({ row, found, whole = false }) {
  const format = whole ? "" : "?format=small.jpg";
  const media = (role) => row.id && `/api/samples/${row.id}/media/${role}${format}`;
  const made = (side) => `/api/evaluations/${found[side].evaluation}/rows/${row.sample}/picture${format}`;
  const pictures = [
    ["original", media("original"), "The original"],
    [shortName(found.a.model), made("a"), `What ${found.a.model} made of it`],
    [shortName(found.b.model), made("b"), `What ${found.b.model} made of it`],
    ["wanted", media("edited"), "What was wanted"],
  ];
  return html`<div class="made-four ${whole ? "whole" : ""}">${pictures.map(([name, address, told]) => html`<${Picture} key=${name} ...${{ name, address, told }} />`)}</div>`;
}

function Picture({ name, address, told }) {
  const [gone, setGone] = useState(false);
  return html`<figure>
    ${address && !gone
      ? html`<img src=${address} alt=${told} loading="lazy" onError=${() => setGone(true)} />`
      : html`<p class="made-gone quiet small">not here any more</p>`}
    <figcaption>${name}</figcaption>
  </figure>`;
}
