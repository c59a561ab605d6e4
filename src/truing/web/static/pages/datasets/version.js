// One version: its parts, statistics, what stayed out and why, its rows, export and verification.

import { html, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";
import { count, counted, instant, percent, seconds } from "#/format.js";
import { ModelName } from "#/pages/models/names.js";
import { Rows } from "#/pages/datasets/rows.js";
import { SplitBar } from "#/pages/datasets/split_bar.js";
import { Working, follow } from "#/components/work.js";

/** How many samples stayed out, for whatever reason. */
export const keptOut = (version) => Object.values(version.excluded).reduce((sum, one) => sum + one, 0);

export function Version({ name, number }) {
  const { data, error, reload } = useFetched(() => api.get(`/api/datasets/${encodeURIComponent(name)}/${number}`), [name, number]);
  if (error) return html`<header class="page-head"><div><h1>${name}@${number}</h1><p><a href="/datasets">All versions</a></p></div></header><${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} lines=${8} />`;
  return html`
    <header class="page-head">
      <div><h1>${data.version}</h1><p><a href="/datasets">All versions</a> · frozen ${instant(data.created_at)}</p></div>
      <div class="row">
        <${Export} version=${data} />
        <a class="button" href="/train?dataset=${encodeURIComponent(data.version)}"><${Icon} name="train" /> Train on it</a>
      </div>
    </header>
    <div class="sections">
      <section class="card"><h2>Parts</h2><${SplitBar} version=${data} />
        ${!data.test && html`<p class="notice small">Nothing to test on: only samples drawn by chance, or imported as a whole, may be. <a href="/review?order=audit">Review some of those that wait.</a></p>`}
        ${data.forgotten > 0 && html`<p class="warn small">${counted(data.forgotten, "row")} of it ${data.forgotten === 1 ? "was" : "were"} forgotten since; what learned from them is marked for retraining.</p>`}
      </section>
      <${Statistics} version=${data} />
      <${StayedOut} version=${data} />
      <${Standing} version=${data} />
      <${Rows} version=${data} />
    </div>`;
}

const FIGURES = [
  ["Length", (part) => seconds(part.seconds)],
  ["Words", (part) => count(part.words)],
  ["Characters", (part) => count(part.characters)],
  ["Sittings", (part) => count(part.sessions)],
  ["Speakers", (part) => count(part.speakers.length)],
];
const SPEAKERS = 12;

/** What the parts hold, side by side. */
function Statistics({ version }) {
  const parts = ["train", "validation", "test"].map((name) => ({ name, ...version.statistics[name] })).filter((part) => part.rows > 0);
  if (!parts.length) return null;
  const speakers = new Map();
  for (const part of parts) for (const { speaker, rows } of part.speakers) speakers.set(speaker, { ...speakers.get(speaker), [part.name]: rows });
  const shown = [...speakers].slice(0, SPEAKERS);
  return html`<section class="card"><h2>Statistics</h2>
    <div class="table-box" tabindex="0" role="region" aria-label="Statistics"><table>
      <thead><tr><td></td>${parts.map((part) => html`<th scope="col" class="number" key=${part.name}>${part.name}</th>`)}</tr></thead>
      <tbody>
        ${FIGURES.map(([label, figure]) => html`<tr key=${label}><th scope="row">${label}</th>${parts.map((part) => html`<td class="number" key=${part.name}>${figure(part)}</td>`)}</tr>`)}
        ${shown.map(([speaker, rows]) => html`<tr key=${speaker}><th scope="row" class="quiet">rows of ${speaker ?? "nobody known"}</th>${parts.map((part) => html`<td class="number" key=${part.name}>${count(rows[part.name] ?? 0)}</td>`)}</tr>`)}
      </tbody>
    </table></div>
    ${speakers.size > shown.length && html`<p class="quiet small">and ${counted(speakers.size - shown.length, "further speaker")}</p>`}
  </section>`;
}

const REASONS = {
  pending: ["not reviewed yet", "/samples?state=pending"],
  rejected: ["rejected in review", "/samples?state=rejected"],
  skipped: ["skipped in review", "/samples?state=skipped"],
  consent: ["consent does not cover training", null],
  withheld: ["tied to a test row", null],
};

/** A reason in words, and where the samples are that it holds for. */
function reasonOf(reason) {
  if (reason.startsWith("finding: ")) {
    const check = reason.slice("finding: ".length);
    return [`blocked by a finding: ${check.replaceAll("_", " ")}`, `/samples?finding=${check}`];
  }
  return REASONS[reason] ?? [reason.replaceAll("-", " "), null];
}

function StayedOut({ version }) {
  const reasons = Object.entries(version.excluded).toSorted(([, a], [, b]) => b - a);
  return html`<section class="card"><h2>Why samples stayed out</h2>
    ${reasons.length
      ? html`<ul class="reasons">${reasons.map(([reason, number]) => {
          const [words, href] = reasonOf(reason);
          return html`<li key=${reason}><b class="number">${count(number)}</b> <span>${href ? html`<a href=${href}>${words}</a>` : words}</span></li>`;
        })}</ul>`
      : html`<p class="quiet">None did: every sample that was there is in.</p>`}
  </section>`;
}

/** How it was made, who learned from it, and whether it is still as it was. */
function Standing({ version }) {
  const { standard, ...others } = version.parameters ?? {};
  const parameters = Object.entries(others).map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "number" && name.endsWith("share") ? percent(value, 0) : value}`);
  return html`<section class="card stack"><h2>How it was made</h2>
    <dl class="facts">
      <div><dt>Kept apart</dt><dd>${version.split === "personal" ? "sittings, recordings, near-duplicates" : "the same, and speakers"}</dd></div>
      <div><dt>Parameters</dt><dd class="small">${parameters.join(", ") || "–"}</dd></div>
      ${standard && html`<div><dt>Pictures, when exported</dt><dd class="small">${pictures(standard)}</dd></div>`}
      <div><dt>Learned from by</dt><dd>${version.models?.length ? version.models.map((name) => html`<${ModelName} name=${name} key=${name} /> `) : "no model yet"}</dd></div>
      <div><dt>Digest</dt><dd><code class="small digest">${version.digest}</code></dd></div>
    </dl>
    <${Verify} version=${version} />
  </section>`;
}

/** What becomes of the pictures of a version on their way out. */
function pictures(standard) {
  const ways = { cover: "cut to", inside: "at most", stretch: "stretched to" };
  const size = standard.width ? [`${ways[standard.fit]} ${standard.width} × ${standard.height}`] : [];
  const kinds = { keep: "JPEG or PNG as they are", jpeg: `JPEG of quality ${standard.quality}`, png: "PNG" };
  return [...size, "upright", standard.srgb ? "sRGB" : "their own colour profile", kinds[standard.kind], "no metadata"].join(", ");
}

function Verify({ version }) {
  const [state, setState] = useState({ busy: false, told: null, error: null, work: null });
  const look = async () => {
    setState({ busy: true, told: null, error: null, work: null });
    try {
      const told = await follow(api.post(`/api/datasets/${version.version.replace("@", "/")}/verify`), (work) => setState((before) => ({ ...before, work })));
      setState({ busy: false, told, error: null, work: null });
    } catch (error) {
      setState({ busy: false, told: null, error, work: null });
    }
  };
  return html`<div class="stack" aria-live="polite">
    <div class="row"><button class="compact" disabled=${state.busy} onClick=${look}><${Icon} name="check" /> Verify</button>
      ${state.told?.ok && html`<span class="good small">It is as it was frozen: every digest was derived anew.</span>`}
      ${!state.told && !state.busy && html`<span class="quiet small">derives every digest anew</span>`}</div>
    ${state.busy && html`<${Working} work=${state.work} text="Deriving digests" />`}
    ${state.error && html`<${Problem} error=${state.error} retry=${look} />`}
    ${state.told && !state.told.ok && html`<div class="problem" role="alert"><strong>It is not as it was frozen</strong><ul>${state.told.problems.map((one) => html`<li key=${one.what}>${one.what}: ${one.why}</li>`)}</ul></div>`}
  </div>`;
}

const FORMATS = [["audiofolder", "audiofolder"], ["jsonl", "JSON Lines"], ["csv", "CSV"]];

function Export({ version }) {
  const [format, setFormat] = useState(FORMATS[0][0]);
  return html`<span class="row nowrap">
    <label><span class="visually-hidden">Format of the export</span>
      <select value=${format} onChange=${(event) => setFormat(event.currentTarget.value)}>${FORMATS.map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}</select></label>
    <a class="button" download href="/api/datasets/${version.version.replace("@", "/")}/export?format=${format}"><${Icon} name="download" /> Export</a>
  </span>`;
}
