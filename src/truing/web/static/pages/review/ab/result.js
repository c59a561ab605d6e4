// What came of a comparison: who is ahead, how surely, and what the gate makes of it.

import { html, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { address, api } from "#/api.js";
import { counted, percent } from "#/format.js";
import { Interval } from "#/pages/models/interval.js";
import { DatasetName, ModelName, isOwn, shortName } from "#/pages/models/names.js";
import { PromoteDialog } from "#/pages/models/promote.js";
import { about } from "#/shell.js";

/**
 * @param {{contest: {first: string, second: string}, own: number, actions: any}} props `own`: how many choices are one's
 *   own, for another number gives another result; `actions`: buttons that belong to the page
 */
export function Result({ contest, own, actions }) {
  const { data, error, reload } = useFetched(() => api.get("/api/preferences/result", contest), [contest, own]);
  if (error) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<section class="card"><${Waiting} lines=${4} /></section>`;
  return html`<${Told} found=${data} actions=${actions} />`;
}

function Told({ found, actions }) {
  const gate = useGate(found);
  const figures = address("/models/compare", { first: found.first.model, second: found.second.model, dataset: found.dataset });
  return html`<section class="card stack ab-result" aria-label="What came out">
    ${found.win_rate ? html`<${Won} found=${found} rate=${found.win_rate} />` : html`<h2>Nobody has chosen yet</h2>`}
    <div class="row">${actions}${gate.button}<a class="button" href=${figures}>Their figures</a></div>
    ${gate.answer}
  </section>`;
}

function Won({ found, rate }) {
  const { word, kind, sentence } = verdictOf(rate);
  return html`
    <p class="ab-headline">In <strong class="number">${percent(rate.rate, 0)}</strong> of the pairs people prefer <${ModelName} name=${found.second.model} /> to <${ModelName} name=${found.first.model} />.</p>
    <${Interval} value=${rate.rate} ci=${rate.ci} mark=${0.5} scale=${[0, 1]} />
    <p class="row"><span class="chip ${kind}">${word}</span> <span>${sentence}</span></p>
    <dl class="facts">
      ${fact(`For ${shortName(found.second.model)}`, counted(rate.wins, "original"))}
      ${fact(`For ${shortName(found.first.model)}`, counted(rate.losses, "original"))}
      ${fact("No difference", counted(rate.ties, "original"))}
      ${rate.equal > 0 && fact("The very same", `${counted(rate.equal, "row")}: nobody was asked, they count as ties`)}
      ${fact("Chosen by", `${counted(rate.people, "person", "people")}, ${counted(rate.votes, "choice")}`)}
      ${rate.agreement !== null && fact("They agree on", `${percent(rate.agreement, 0)} of what several saw`)}
      ${fact("Rows", html`<${DatasetName} name=${found.dataset} />, ${found.split}`)}
    </dl>
    <p class="quiet small">One choice for each original counts, the first. The ${percent(rate.level, 0)} interval holds however often one looks at it.</p>`;
}

const fact = (name, value) => html`<div key=${name}><dt>${name}</dt><dd class="number">${value}</dd></div>`;

/** What it means for a promotion, in words. */
function verdictOf(rate) {
  if (rate.ci[0] > 0.5) return { word: "proven better", kind: "good", sentence: "More than chance explains; the gate decides by it." };
  if (rate.ci[1] < 0.5) return { word: "proven worse", kind: "bad", sentence: "People prefer what it is compared with." };
  const counts = rate.wins + rate.losses + rate.ties;
  if (counts >= rate.clusters) return { word: "not provable", kind: "warn", sentence: "It may be chance, and somebody has chosen on every original: freeze a larger test set." };
  const more = rate.needed !== null && rate.needed <= rate.clusters ? `about ${counted(Math.max(1, rate.needed - counts), "more original")} to choose on, if it goes on like this` : "go on choosing";
  return { word: "not provable yet", kind: "warn", sentence: `It may be chance: ${more}.` };
}

/** The gate's own words, and the promotion, where the second model is one that could be promoted. */
function useGate(found) {
  const [asked, setAsked] = useState(null);
  const [error, setError] = useState(null);
  const may = about.value?.rights?.includes("operate") ?? true;
  const ask = async () => {
    setError(null);
    try {
      const [model, datasets] = await Promise.all([api.get(`/api/models/${found.second.model}`), api.get("/api/datasets", { modality: found.modality, limit: 100 })]);
      setAsked({ model: { ...model, dataset: found.dataset }, datasets: datasets.items.filter((one) => one.test > 0) });
    } catch (problem) {
      setError(problem);
    }
  };
  const close = () => setAsked(null);
  return {
    button: may && isOwn(found.second.model) && html`<button onClick=${ask}>Ask the gate…</button>`,
    answer: html`${error && html`<${Problem} error=${error} retry=${ask} />`}
      ${asked && html`<${PromoteDialog} model=${asked.model} datasets=${asked.datasets} onClose=${close} onDone=${close} />`}`,
  };
}
