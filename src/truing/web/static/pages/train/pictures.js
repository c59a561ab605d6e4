// What a model in training makes of a few validation rows: original, made now, wanted; step by step.

import { html, useEffect, useState } from "#/html.js";
import { api } from "#/api.js";
import { counted } from "#/format.js";
import { ended } from "#/pages/train/state.js";

const LOOK_MS = 2500;

/** Rows with their steps; asks again while the run goes on. */
function useRows(run, shows) {
  const [state, setState] = useState({ rows: [], told: null });
  const over = ended(run);
  useEffect(() => {
    if (!shows) return undefined;
    let closed = false;
    let timer = 0;
    const look = async () => {
      try {
        const { items } = await api.get(`/api/runs/${run.run}/pictures`);
        if (!closed) setState({ rows: items, told: null });
      } catch (error) {
        if (!closed) setState((before) => ({ ...before, told: error.message }));
      }
      if (!closed && !over) timer = setTimeout(look, LOOK_MS);
    };
    look();
    return () => {
      closed = true;
      clearTimeout(timer);
    };
  }, [run.run, run.state, over, shows]);
  return state;
}

/** The pictures of a run; nothing for one that makes none. The newest step is shown until a person asks for another. */
export function Pictures({ run }) {
  const shows = Number(run.request.options?.pictures ?? 0) > 0;
  const { rows, told } = useRows(run, shows);
  const [asked, setAsked] = useState(null);
  const steps = [...new Set(rows.flatMap((row) => row.steps))].sort((one, other) => one - other);
  if (!shows || (!steps.length && ended(run) && !told)) return null;
  const at = asked === null ? steps.length - 1 : Math.max(0, steps.indexOf(asked));
  const step = steps[at];
  return html`<section class="card glimpses" aria-label="Edits as they come">
    <header class="row between">
      <h2>Edits as they come</h2>
      ${steps.length > 0 && html`<span class="quiet small">${counted(rows.length, "validation pair")}, the same each time</span>`}
    </header>
    ${told && html`<p class="bad small" role="status">${told}</p>`}
    ${!steps.length && html`<p class="quiet">None yet: the first come before the first step.</p>`}
    ${steps.length > 1 && html`<div class="glimpse-step">
      <label for="glimpse-step-${run.run}">Step</label>
      <input type="range" id="glimpse-step-${run.run}" min="0" max=${steps.length - 1} value=${at} aria-valuetext="step ${step}"
        onInput=${(event) => setAsked(pick(steps, Number(event.currentTarget.value)))} />
      <output class="number" for="glimpse-step-${run.run}">${step.toLocaleString()}</output>
      ${asked !== null && html`<button class="compact" onClick=${() => setAsked(null)}>Newest</button>`}
    </div>`}
    ${steps.length > 0 && html`<ul class="glimpse-rows">
      ${rows.map((row) => html`<li key=${row.sample}><${Three} run=${run.run} row=${row} step=${step} /></li>`)}
    </ul>`}
  </section>`;
}

/** The last place means: whatever is newest. */
function pick(steps, place) {
  return place === steps.length - 1 ? null : steps[place];
}

function Three({ run, row, step }) {
  const place = `/api/runs/${run}/pictures/${row.sample}`;
  const there = row.steps.includes(step);
  return html`<figure class="glimpse">
    <figcaption>${row.text}</figcaption>
    <div class="glimpse-three">
      <div><img src="${place}/original" alt="The original" loading="lazy" /><span>original</span></div>
      <div class="now">${there
        ? html`<img src="${place}/${step}" alt="What the model made at step ${step}: ${row.text}" />`
        : html`<p class="quiet small">not shown at this step</p>`}<span>at step ${step.toLocaleString()}</span></div>
      <div><img src="${place}/target" alt="What was wanted" loading="lazy" /><span>wanted</span></div>
    </div>
  </figure>`;
}
