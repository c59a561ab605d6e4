// The page "Training data": how much there is, how it grows, how varied and how good it is, and the disk.

import { html, useCallback, useEffect, useRef } from "#/html.js";
import { ModalitySwitch, offered, useModality } from "#/components/modality.js";
import { Problem, Progress, Waiting, useFetched } from "#/components/states.js";
import { address, api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { ago, count, instant, percent } from "#/format.js";
import { Disk } from "#/pages/training_data/disk.js";
import { Growth } from "#/pages/training_data/growth.js";
import { Findings, Ratings } from "#/pages/training_data/judged.js";
import { Beginning } from "#/pages/training_data/beginning.js";
import { BySource, ByWeek } from "#/pages/training_data/tables.js";
import { Wording } from "#/pages/training_data/wording.js";
import { wordsOf } from "#/pages/training_data/words.js";

export const title = "Training data";

/** News that come together are looked at together. */
const SETTLE_MS = 600;
/** Between two looks while samples are still being counted. */
const COUNTING_MS = 100;

export function Page() {
  const modality = useModality();
  const told = useFetched(() => api.get("/api/training-data", { modality }), [modality]);
  useNews(told);
  return html`<header class="page-head">
      <h1>Training data</h1>
      <${ModalitySwitch} value=${modality} />
    </header>
    ${told.error && !told.data ? html`<${Problem} error=${told.error} retry=${told.reload} />`
      : told.data?.modality === modality ? html`<${Told} told=${told} modality=${modality} />`
      : html`<${Waiting} lines=${10} />`}`;
}

/** Looks again when samples have changed, and at once while there are some to be counted. */
function useNews({ data, error, reload }) {
  const timer = useRef(0);
  const soon = useCallback((ms) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(reload, ms);
  }, [reload]);
  useChanges("samples", useCallback(() => soon(SETTLE_MS), [soon]));
  useEffect(() => {
    if (data && !data.complete && !error) soon(COUNTING_MS);
  }, [data, error, soon]);
  useEffect(() => () => clearTimeout(timer.current), []);
}

function Told({ told, modality }) {
  const { data, error, reload } = told;
  if (!data.samples) return html`<${Beginning} modality=${modality} />`;
  const words = wordsOf(modality);
  const of = offered(modality).length > 1 ? { modality } : {};
  const given = { data, words, of };
  return html`<div class="sections training-data">
    ${error && html`<${Problem} error=${error} retry=${reload} />`}
    <${Counting} data=${data} />
    <${Totals} ...${given} />
    <${Growth} ...${given} />
    <${Wording} ...${given} />
    <div class="halves">
      <${Ratings} ...${given} />
      <${Findings} ...${given} />
    </div>
    <${Disk} ...${given} />
    <div class="halves">
      <${BySource} ...${given} />
      <${ByWeek} ...${given} />
    </div>
    <p class="small quiet" role="status">As of ${instant(data.at)}. Samples in the trash count nowhere.</p>
  </div>`;
}

/** After a large import: how far counting has come. */
function Counting({ data }) {
  if (data.complete) return null;
  const share = Math.min(1, data.counted / data.samples);
  return html`<section class="notice" aria-label="Counting">
    <${Progress} value=${share} label="${count(data.counted)} of ${count(data.samples)} are counted; the figures below follow." />
  </section>`;
}

function Totals({ data, words, of }) {
  const { texts, ratings, latest } = data;
  const cards = [
    { label: words.samples, value: count(data.samples), more: `${count(data.states.pending)} pending`, href: address("/samples", of) },
    { label: "Sessions", value: count(data.sessions) },
    { label: words.media, value: count(data.media) },
    { label: words.texts, value: count(texts.distinct), more: `${percent(texts.share_distinct, 0)} different`, href: "#wording" },
    { label: "Mean rating", value: ratings.mean === null ? "–" : ratings.mean.toFixed(1), more: `${count(ratings.rated)} rated`, href: "#ratings" },
    { label: "Latest session", value: latest ? ago(latest.captured_at) : "–", more: latest?.source, href: latest && address(`/samples/${latest.id}`, of), small: true },
  ];
  return html`<section aria-label="Totals"><ul class="cards totals">
    ${cards.map((card) => html`<li key=${card.label}><${Total} ...${card} /></li>`)}
  </ul></section>`;
}

function Total({ label, value, more, href, small = false }) {
  const inside = html`<span class="figure-label">${label}</span>
    <span class=${small ? "total-words" : "figure-value"}>${value}</span>
    ${more && html`<span class="small quiet truncate">${more}</span>`}`;
  return href ? html`<a class="card total" href=${href}>${inside}</a>` : html`<div class="card total">${inside}</div>`;
}
