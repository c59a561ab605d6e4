// The page "Home": how far the loop is, how good the model is, and what to do next.

import { html, useCallback, useEffect, useMemo, useRef } from "#/html.js";
import { Chart } from "#/components/chart.js";
import { Command } from "#/components/command.js";
import { checkName } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";
import { ModalitySwitch, offered, useModality, useNames } from "#/components/modality.js";
import { Empty, Problem, Progress, Waiting, useFetched } from "#/components/states.js";
import { address, api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { bytes, count, counted, percent, seconds } from "#/format.js";
import { about } from "#/shell.js";

export const title = "Home";

/** News that come together are looked at together. */
const SETTLE_MS = 600;
/** Findings that are shown one by one. */
const FINDINGS = 8;
const ICONS = {
  "make-room": "warning", "bring-samples": "mic", "bring-model": "model", "look-at-run": "warning", "watch-run": "train", retrain: "train",
  review: "review", train: "train", compare: "model", "back-up": "dataset",
};

/** What the parts of the page are called where a model hears or reads, and where an app edits pictures. */
const SPOKEN = {
  accuracy: "Accuracy in use", soon: "How often the model was right shows once some samples are reviewed.",
  raw: "As recognized", corrected: "After correction", heads: ["Recognized", "Corrected"], lines: ["as recognized", "after correction"],
  goOn: "Go on using your model; what it hears will show up here.", media: "Recordings",
};
const WORDS = {
  image_edit: {
    accuracy: "Instructions in use", soon: "How often instructions were right as they were sent shows once some pairs are reviewed.",
    raw: "As sent", corrected: "After cleaning", heads: ["As sent", "Cleaned"], lines: ["as sent", "after cleaning"],
    goOn: "Go on using your app; what it hands in will show up here.", media: "Pictures",
  },
};
const wordsOf = (modality) => WORDS[modality] ?? SPOKEN;

export function Page() {
  const modality = useModality();
  const stats = useFetched(() => api.get("/api/stats", { modality }), [modality]);
  const next = useFetched(() => api.get("/api/next", { modality }), [modality]);
  const reload = useSettled(useCallback(() => { stats.reload(); next.reload(); }, [stats.reload, next.reload]));
  for (const topic of ["samples", "runs", "models", "datasets"]) useChanges(topic, reload);
  return html`<header class="page-head">
      <h1>Home</h1>
      <div class="row"><${ModalitySwitch} value=${modality} />${about.value && html`<p class="number">${about.value.workspace}</p>`}</div>
    </header>
    ${stats.error && !stats.data ? html`<${Refused} error=${stats.error} retry=${reload} />` : stats.data
      ? html`<${Figures} stats=${stats.data} steps=${next.data?.items ?? null} modality=${modality} />`
      : html`<${Waiting} lines=${8} />`}`;
}

/** Calls at most once per SETTLE_MS, and never after the page is gone. */
function useSettled(call) {
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(call, SETTLE_MS);
  }, [call]);
}

function Refused({ error, retry }) {
  const { silent } = useNames();
  if (error.status !== 403) return html`<${Problem} error=${error} retry=${retry} />`;
  return html`<${Empty} title=${silent ? "You can add pairs here" : "You can add recordings here"} icon=${silent ? "upload" : "mic"}>
    <p>What others have ${silent ? "added" : "recorded"}, and how good the model is, is shown to reviewers.</p>
    <a class="button primary" href="/record">${silent ? "Add a pair" : "Record"}</a>
  <//>`;
}

function Figures({ stats, steps, modality }) {
  if (stats.counts.total === 0) return html`<${Beginning} modality=${modality} />`;
  const of = offered(modality).length > 1 ? { modality } : {};
  const words = wordsOf(modality);
  return html`<div class="sections home">
    <${Counts} counts=${stats.counts} of=${of} />
    <div class="columns">
      <div class="sections">
        <${Accuracy} accuracy=${stats.accuracy} words=${words} />
        <${Reviewing} reviewing=${stats.reviewing} />
      </div>
      <div class="sections home-side">
        <${Steps} steps=${steps} of=${of} words=${words} />
      </div>
    </div>
    <div class="home-thirds">
      <${Findings} findings=${stats.findings} of=${of} />
      <${Disk} disk=${stats.disk} media=${of.modality ? "Media" : words.media} />
    </div>
  </div>`;
}

function Counts({ counts, of }) {
  const cards = [
    ["Samples", counts.total, {}],
    ["Pending", counts.pending, { state: "pending" }],
    ["Reviewed", counts.reviewed, { state: ["accepted", "corrected", "rejected"] }],
    ["Trained on", counts.trained, { trained: "true" }],
    ["Rejected", counts.rejected, { state: "rejected" }],
  ];
  const share = counts.total ? counts.reviewed / counts.total : 0;
  return html`<section class="stack" aria-label="Samples">
    <ul class="cards home-cards">
      ${cards.map(
        ([label, number, where]) => html`<li key=${label}>
          <a class="card home-card" href=${address("/samples", { ...of, ...where })}>
            <span class="figure-label">${label}</span>
            <span class="figure-value">${count(number)}</span>
          </a>
        </li>`,
      )}
    </ul>
    <div class="row between">
      <div class="grow"><${Progress} value=${share} label="${Math.floor(share * 100)} % (${count(counts.reviewed)} of ${count(counts.total)} reviewed)" /></div>
      <a class="small" href=${address("/admin/training-data", of)}>Growth, wording, ratings, disk</a>
    </div>
  </section>`;
}

function Steps({ steps, of, words }) {
  return html`<section class="card" aria-labelledby="steps-title" aria-live="polite">
    <h2 id="steps-title">What to do next</h2>
    ${steps === null && html`<${Waiting} lines=${3} />`}
    ${steps?.length === 0 && html`<p class="quiet">Nothing waits. ${words.goOn}</p>`}
    ${steps && steps.length > 0 && html`<ol class="home-steps">
      ${steps.map((step, at) => html`<${Step} key=${`${step.kind} ${step.number}`} step=${step} of=${of} first=${at === 0} />`)}
    </ol>`}
  </section>`;
}

/** Where a step is done, of the modality that is shown. */
function placeOf({ href }, { modality }) {
  return modality ? `${href}${href.includes("?") ? "&" : "?"}modality=${modality}` : href;
}

function Step({ step, of, first }) {
  return html`<li class="home-step" data-kind=${step.kind}>
    <${Icon} name=${ICONS[step.kind] ?? "next"} />
    <div class="grow">
      <a class=${first ? "button primary" : "home-step-link"} href=${placeOf(step, of)} title=${`In a terminal: ${step.command}`}>${step.title}</a>
      <p class="small quiet">${step.detail}</p>
    </div>
  </li>`;
}

/** Live accuracy over weeks and model versions, raw and corrected. */
function Accuracy({ accuracy, words }) {
  if (!accuracy.all.raw.samples) {
    return html`<section class="card"><h2>${words.accuracy}</h2>
      <p class="quiet">${words.soon} <a href="/review">Review some</a>.</p>
    </section>`;
  }
  return html`<${Measured} accuracy=${accuracy} name=${accuracy.metric} words=${words} />`;
}

function Measured({ accuracy, name, words }) {
  const weeks = Object.entries(accuracy.by_week);
  const { x, series } = useMemo(() => curveOf(weeks, name, words.lines), [accuracy]);
  return html`<section class="card stack" aria-labelledby="accuracy-title">
    <div class="row between">
      <h2 id="accuracy-title">${words.accuracy}</h2>
      <span class="small quiet">${titleOf(name)}: ${HIGHER.has(name) ? "higher" : "lower"} is better</span>
    </div>
    <${Headline} ...${{ accuracy, name, words }} />
    ${weeks.length > 1
      ? html`<${Chart} title="${titleOf(name)} per week" x=${x} series=${series} xLabel="week of" time floor=${0} format=${percent} xFormat=${dayOf} />`
      : html`<p class="small quiet">The curve over weeks begins with the second week that has reviews.</p>`}
    <${ByModel} ...${{ accuracy, name, words }} />
  </section>`;
}

/** One line for what was recognized, one for what was corrected where there is such a text. */
function curveOf(weeks, name, [raw, corrected]) {
  const line = (kind) => weeks.map(([, group]) => group[kind][name]);
  const series = [{ label: raw, values: line("raw") }];
  if (weeks.some(([, group]) => group.corrected.samples)) series.push({ label: corrected, values: line("corrected") });
  return { x: weeks.map(([day]) => Date.parse(`${day}T00:00:00Z`) / 1000), series };
}

const METRICS = { wer: "Word error rate", cer: "Character error rate", sentence_accuracy: "Share that was right" };
const HIGHER = new Set(["sentence_accuracy"]);
const titleOf = (name) => METRICS[name] ?? name.toUpperCase();
const dayOf = (instant) => new Date(instant * 1000).toLocaleDateString(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

function Headline({ accuracy, name, words }) {
  const { audit, all } = accuracy;
  const fair = audit.raw.samples > 0;
  const { raw } = fair ? audit : all;
  const { corrected } = fair ? audit : all;
  return html`<div class="home-headline">
    <div><span class="figure-label">${words.raw}</span><span class="figure-value">${percent(raw[name])}</span></div>
    ${corrected.samples > 0 &&
    html`<div><span class="figure-label">${words.corrected}</span><span class="figure-value">${percent(corrected[name])}</span></div>`}
    ${!HIGHER.has(name) && html`<div><span class="figure-label">Right as it was</span><span class="figure-value">${percent(raw.share_correct, 0)}</span></div>`}
    <p class="small quiet">${fair
      ? `From ${counted(raw.samples, "reviewed sample")} taken by chance: that is what daily use is like.`
      : `From ${counted(raw.samples, "reviewed sample")}, none of them taken by chance: daily use may be better.`}</p>
  </div>`;
}

function ByModel({ accuracy, name, words }) {
  const models = Object.entries(accuracy.by_model);
  if (!models.length) return null;
  return html`<div class="table-box" tabindex="0" role="region" aria-label="Accuracy by model"><table>
    <thead><tr><th scope="col">Model</th><th scope="col" class="number">Samples</th><th scope="col" class="number">Right</th>
      ${words.heads.map((head) => html`<th scope="col" class="number" key=${head}>${head}</th>`)}</tr></thead>
    <tbody>${models.map(
      ([model, group]) => html`<tr key=${model}>
        <th scope="row" class="home-model">${/^[a-z_]+\/\d+$/.test(model) ? html`<a href="/models/${model}">${model}</a>` : model}</th>
        <td class="number">${count(group.raw.samples)}</td>
        <td class="number">${percent(group.raw.share_correct, 0)}</td>
        <td class="number">${percent(group.raw[name])}</td>
        <td class="number">${percent(group.corrected[name])}</td>
      </tr>`,
    )}</tbody>
  </table></div>`;
}

function Reviewing({ reviewing }) {
  const figures = [
    ["Time per decision", seconds(reviewing.seconds_per_item)],
    ["Keys per correction", figureOf(reviewing.keys_per_item)],
    ["Samples per sitting", figureOf(reviewing.items_per_sitting)],
  ];
  const known = Object.values(reviewing).some((one) => one !== null);
  return html`<section class="card" aria-labelledby="reviewing-title">
    <h2 id="reviewing-title">Reviewing</h2>
    ${known
      ? html`<dl class="home-headline">${figures.map(([label, shown]) => html`<div key=${label}>
          <dt class="figure-label">${label}</dt><dd class="home-pace">${shown}</dd></div>`)}</dl>`
      : html`<p class="quiet">How quickly it goes shows after the first reviews on these pages.</p>`}
  </section>`;
}

const figureOf = (value) => (value === null || value === undefined ? "–" : value.toFixed(1));

function Findings({ findings, of }) {
  const rows = Object.entries(findings ?? {}).filter(([, open]) => open > 0).sort((one, other) => other[1] - one[1]);
  const most = rows[0]?.[1] ?? 1;
  return html`<section class="card" aria-labelledby="findings-title">
    <h2 id="findings-title">Waiting, by finding</h2>
    ${rows.length === 0 ? html`<p class="quiet">No check has found anything in what waits.</p>` : html`<ul class="bars">
      ${rows.slice(0, FINDINGS).map(
        ([check, open]) => html`<li key=${check}>
          <a href=${address("/review", { ...of, finding: check })}>${checkName(check)}</a><span class="number">${count(open)}</span>
          <span class="bar" style=${{ "--share": open / most }}></span>
        </li>`,
      )}
    </ul>`}
    ${rows.length > FINDINGS && html`<p class="small home-more"><a href=${address("/samples", { ...of, finding: "any", state: "pending" })}>and ${counted(rows.length - FINDINGS, "other finding")}</a></p>`}
  </section>`;
}

const PARTS = { media: "Media", models: "Models", runs: "Training runs", database: "Database", other: "Backups and exports" };

function Disk({ disk, media }) {
  const most = Math.max(1, ...Object.keys(PARTS).map((part) => disk[part] ?? 0));
  return html`<section class="card" aria-labelledby="disk-title">
    <div class="row between home-card-head"><h2 id="disk-title">On this disk</h2><span class="small"><span class="number quiet">${bytes(disk.total)}</span> · <a href="/admin/storage">Where it goes</a></span></div>
    <ul class="bars">
      ${Object.entries(PARTS).map(
        ([part, label]) => html`<li key=${part}>
          <span>${part === "media" ? media : label}</span><span class="number">${bytes(disk[part])}</span>
          <span class="bar" style=${{ "--share": (disk[part] ?? 0) / most }}></span>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** The ways in, by modality: what there may be already, and the commands that bring it in. */
const WAYS = {
  speech: {
    icon: "mic",
    recordings: "A folder of sound files with their texts, or the database of the app you use.",
    imports: ["truing import audiofolder recordings/", "truing import s2s s2s.db"],
    model: "The Whisper folder that your app runs today becomes the first version here.",
    bring: "truing model import whisper-small/",
  },
  lipreading: {
    icon: "camera",
    recordings: "Videos of a speaking face with their texts: what your webcam app kept, or the GRID corpus.",
    imports: ["truing import chaplin training_data/", "truing import grid grid/"],
    model: "A lip-reading model, or the adapter of a vision-language model, becomes the first version here.",
    bring: "truing model import --modality lipreading model/",
  },
  image_edit: {
    icon: "upload",
    title: "Keep what your app edits, and train on it",
    lead: "Truing keeps each picture with the instruction and what became of it, lets you judge them in seconds, and makes a training set of what is good.",
    first: "Add the first pair",
    have: "You have pairs",
    recordings: "The folder that NexVision writes. An app that runs hands each pair in by itself.",
    imports: ["truing import nexvision training-data/", `curl -F modality=image_edit -F original=@before.jpg -F edited=@after.jpg -F raw='make it brighter' ${location.origin}/api/samples`],
    model: "An editor in the layout of diffusers becomes the first version here.",
    bring: "truing model import --modality image_edit editor/",
  },
};

const LEAD = "Truing keeps what your model heard, lets you put it right in seconds, and trains the model on what you put right.";

/** What an empty workspace shows: the ways in. */
function Beginning({ modality }) {
  const way = WAYS[modality] ?? WAYS.speech;
  return html`<div class="sections home-beginning">
    <section class="card stack">
      <h2>${way.title ?? "Keep your model true to how you speak"}</h2>
      <p>${way.lead ?? LEAD} Nothing leaves this machine.</p>
      <div class="row">
        <a class="button primary" href="/record"><${Icon} name=${way.icon} />${way.first ?? "Record the first sample"}</a>
        <a class="button" href="/models"><${Icon} name="model" />Bring in a model</a>
      </div>
    </section>
    <div class="home-thirds">
      <section class="card stack">
        <h2>${way.have ?? "You have recordings"}</h2>
        <p class="quiet">${way.recordings}</p>
        ${way.imports.map((command) => html`<${Command} key=${command} command=${command} />`)}
      </section>
      <section class="card stack">
        <h2>You have a model</h2>
        <p class="quiet">${way.model}</p>
        <${Command} command=${way.bring} />
      </section>
      <section class="card stack">
        <h2>You want to look first</h2>
        <p class="quiet">The demo walks the whole loop once with real recordings, in a folder of its own.</p>
        <${Command} command="truing demo --keep demo/" />
      </section>
    </div>
  </div>`;
}
