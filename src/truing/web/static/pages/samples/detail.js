// One sample with everything that belongs to it, beside the list.

import { html, useCallback, useEffect, useMemo, useRef, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { checkName } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";
import { namesOf } from "#/components/modality.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { WordDiff } from "#/components/word_diff.js";
import { address, api } from "#/api.js";
import { useChanges } from "#/changes.js";
import { ago, bytes, instant, percent, seconds } from "#/format.js";
import { keysOf } from "#/keymap.js";
import { panelOf, wordsOf } from "#/panels.js";
import { about } from "#/shell.js";
import { toast, toastError } from "#/toast.js";
import { ForgetDialog } from "#/pages/samples/forget.js";
import { StateChip } from "#/pages/samples/table.js";

/**
 * @param {{id: number, onClose: () => void, onChanged: () => void, onStep: (by: number) => void, onDeed: (action: string) => void, version: number}} props
 * `version` changes when the sample may have: it is fetched again.
 */
export function SampleDetail({ id, onClose, onChanged, onStep, onDeed, version }) {
  const box = useRef(null);
  const { data, error, reload } = useFetched(() => api.get(`/api/samples/${id}`, { history: 1 }), [id]);
  const shown = data?.id === id ? data : null;
  const leaving = useRef(false);
  const changed = useCallback((news) => !leaving.current && (!news.ids || news.ids.includes(id)) && reload(), [id, reload]);
  const saved = () => { reload(); onChanged(); };
  useChanges("samples", changed);
  useEffect(() => void (version && reload()), [version]);
  useEffect(() => {
    box.current.focus();
    box.current.scrollTop = 0;
  }, [id]);
  return html`<aside class="detail" ref=${box} tabindex="-1" aria-label="Sample ${id}">
    <header class="detail-head row between nowrap">
      <div class="row"><h2>Sample ${id}</h2>${shown && html`<${StateChip} state=${shown.state} />`}</div>
      <div class="row nowrap detail-moves">
        <${Move} id="rows.previous" icon="previous" label="Previous sample" onClick=${() => onStep(-1)} />
        <${Move} id="rows.next" icon="next" label="Next sample" onClick=${() => onStep(1)} />
        <${Move} id="rows.close" icon="cross" label="Close" onClick=${onClose} />
      </div>
    </header>
    <div class="detail-body">
      ${error && !shown ? html`<${Problem} error=${error} retry=${reload} />` : !shown && html`<${Waiting} lines=${8} />`}
      ${shown && html`<${Whole} key=${id} sample=${shown} reload=${saved} onDeed=${onDeed}
        onForgetting=${(going) => (leaving.current = going)} onForgotten=${() => { onClose(); onChanged(); }} />`}
    </div>
  </aside>`;
}

function Move({ id, icon, label, onClick }) {
  return html`<button type="button" class="icon" aria-label=${label} title="${label} (${keysOf(id)})" onClick=${onClick}><${Icon} name=${icon} /></button>`;
}

const may = (right) => about.value?.rights.includes(right) ?? false;

function Whole({ sample, reload, ...deeds }) {
  return html`
    <${Medium} sample=${sample} />
    <${Texts} sample=${sample} />
    <${Deeds} sample=${sample} reload=${reload} ...${deeds} />
    <${Found} findings=${sample.findings} />
    <${History} sample=${sample} reload=${reload} />
    <${Facts} sample=${sample} />
    <${Uses} id=${sample.id} />
  `;
}

/** The player of the modality, with its facts below. */
function Medium({ sample }) {
  const [state, setState] = useState({ panel: null, asset: null, error: null });
  const problem = useCallback((error) => setState((before) => ({ ...before, error })), []);
  useEffect(() => {
    const asked = new AbortController();
    let held = null;
    const load = async () => {
      const panel = await panelOf(sample.modality);
      const asset = await panel.load(sample, { signal: asked.signal });
      if (asked.signal.aborted) return panel.release(asset);
      held = { panel, asset };
      setState({ ...held, error: null });
    };
    load().catch((error) => asked.signal.aborted || problem(error));
    return () => {
      asked.abort();
      held?.panel.release(held.asset);
    };
  }, [sample.id]);
  const { panel, asset, error } = state;
  const { medium } = wordsOf(sample.modality);
  return html`<section aria-label=${medium} class="stack detail-medium">
    ${error && html`<${Problem} error=${{ message: error.message ?? `${medium}: it cannot be shown`, hint: error.hint }} />`}
    ${panel && html`<${panel.Player} sample=${sample} asset=${asset} autoplay=${false} onProblem=${problem} />`}
    ${panel?.Details && html`<details class="detail-details"><summary>About the ${medium.toLowerCase()}</summary><${panel.Details} sample=${sample} asset=${asset} /></details>`}
  </section>`;
}

function Texts({ sample }) {
  const proposal = sample.corrected ?? sample.raw;
  const names = wordsOf(sample.modality);
  return html`<section class="stack" aria-label="Texts">
    ${sample.truth !== null && html`<div class="detail-truth"><h3>Truth</h3>
      <p>${proposal === null ? sample.truth : html`<${WordDiff} before=${proposal} after=${sample.truth} />`}</p></div>`}
    ${sample.predictions.map(
      (said) => html`<div key=${`${said.kind} ${said.created_at} ${said.model}`}>
        <h3>${names[said.kind] ?? said.kind} <span class="small quiet">${said.model ?? "unknown model"}${said.confidence === null || said.confidence === undefined ? "" : `, ${percent(said.confidence, 0)} sure`}</span></h3>
        <p>${said.text || html`<span class="quiet">nothing</span>`}</p>
        ${said.alternatives?.length > 0 && html`<details><summary class="small">${said.alternatives.length} alternatives</summary>
          <ol class="detail-alternatives">${said.alternatives.map((other) => html`<li>${other.text ?? other}</li>`)}</ol></details>`}
      </div>`,
    )}
    ${!sample.prediction_known && html`<p class="notice small">It was reviewed elsewhere, and what the model said is lost: it does not count in accuracy figures.</p>`}
  </section>`;
}

function Deeds({ sample, reload, onDeed, onForgetting, onForgotten }) {
  const [dialog, setDialog] = useState(null);
  const trashed = sample.state === "trashed";
  const medium = sample.media[0];
  return html`<div class="row detail-deeds">
    ${!trashed && html`<a class="button primary" href=${`/review/${sample.id}`}>Open in Review</a>`}
    ${may("review") && !trashed && html`
      <button type="button" title="Accept (${keysOf("rows.accept")})" onClick=${() => onDeed("accept")}>Accept</button>
      <button type="button" title="Reject (${keysOf("rows.reject")})" onClick=${() => onDeed("reject")}>Reject</button>
      <button type="button" onClick=${() => setDialog("edit")}><${Icon} name="edit" />${namesOf(sample.modality).person}, tags</button>`}
    ${medium && html`<a class="button" download href=${address(`/api/samples/${sample.id}/media/${medium.role}`, { download: 1 })}><${Icon} name="download" />Download</a>`}
    ${may("review") && (trashed
      ? html`<button type="button" class="primary" onClick=${() => onDeed("restore")}>Take back</button>`
      : html`<button type="button" class="danger" title="Move to the trash (${keysOf("rows.delete")})" onClick=${() => onDeed("delete")}>Delete</button>`)}
    ${may("operate") && html`<button type="button" class="danger" onClick=${() => setDialog("forget")}>Forget…</button>`}
    ${dialog === "edit" && html`<${EditDialog} sample=${sample} onClose=${() => setDialog(null)} onSaved=${reload} />`}
    ${dialog === "forget" && html`<${ForgetDialog} sample=${sample} onClose=${() => setDialog(null)} onForgetting=${onForgetting} onForgotten=${onForgotten} />`}
  </div>`;
}

/** Speaker, session and tags of one sample. */
function EditDialog({ sample, onClose, onSaved }) {
  const form = useRef(null);
  const [error, setError] = useState(null);
  const save = async (event) => {
    event.preventDefault();
    const given = new FormData(form.current);
    const text = (name) => String(given.get(name)).trim();
    const body = { speaker: text("speaker") || null, session: text("session") || null, tags: text("tags").split(",").map((one) => one.trim()).filter(Boolean) };
    try {
      await api.patch(`/api/samples/${sample.id}`, body);
      onSaved();
      onClose();
    } catch (refused) {
      setError(refused);
    }
  };
  return html`<${Dialog} title="Sample ${sample.id}" onClose=${onClose}>
    <form class="stack" ref=${form} onSubmit=${save}>
      <label class="field"><span>${namesOf(sample.modality).person}</span><input name="speaker" maxlength="300" defaultValue=${sample.speaker ?? ""} /></label>
      <label class="field"><span>Session</span><input name="session" maxlength="300" defaultValue=${sample.session ?? ""} /></label>
      <label class="field"><span>Tags, with commas between</span><input name="tags" maxlength="600" defaultValue=${(sample.tags ?? []).join(", ")} /></label>
      ${error && html`<${Problem} error=${error} />`}
      <div class="row end"><button type="button" onClick=${onClose}>Cancel</button><button type="submit" class="primary">Save</button></div>
    </form>
  <//>`;
}

function Found({ findings }) {
  if (!findings.length) return null;
  return html`<section aria-label="Findings"><h3>Findings</h3>
    <ul class="stack detail-findings">
      ${findings.map(
        (found) => html`<li key=${found.check}>
          <span class="chip ${found.severity === "blocking" ? "bad" : found.severity === "warning" ? "warn" : ""}">${checkName(found.check)}</span>
          <span>${found.reason}</span>
          ${found.severity === "blocking" && html`<span class="small quiet">keeps it out of datasets</span>`}
        </li>`,
      )}
    </ul>
  </section>`;
}

/** Who decided what and when, newest first; each can be taken back. */
function History({ sample, reload }) {
  const { revisions } = sample;
  const cancelled = useMemo(() => cancelledOf(revisions), [revisions]);
  const undo = async (revision) => {
    try {
      await api.post(`/api/revisions/${revision.revision}/undo`);
      toast("Taken back", { kind: "good" });
      reload();
    } catch (error) {
      toastError(error);
    }
  };
  return html`<section aria-label="Decisions"><h3>Decisions</h3>
    ${revisions.length === 0 && html`<p class="quiet">Nobody has decided yet.</p>`}
    <ol class="timeline">
      ${[...revisions].reverse().map(
        (one) => html`<li key=${one.revision} data-cancelled=${cancelled.has(one.revision) ? "" : undefined}>
          <div class="row between nowrap">
            <div class="row">${one.verdict === "undone" ? html`<span class="chip">undo of ${one.undoes}</span>` : html`<${StateChip} state=${one.verdict} />`}
              <span>${one.actor}</span>
              <time class="small quiet" datetime=${one.created_at} title=${instant(one.created_at)}>${ago(one.created_at)}</time></div>
            ${may("review") && !cancelled.has(one.revision) && html`<button type="button" class="link small" aria-label="Undo decision ${one.revision}" onClick=${() => undo(one)}>Undo</button>`}
          </div>
          ${one.truth && html`<p>${one.truth}</p>`}
          ${one.why && html`<p class="small">“${one.why}”</p>`}
          <p class="small quiet">${told(one, cancelled)}</p>
        </li>`,
      )}
    </ol>
  </section>`;
}

/** Numbers of decisions that were taken back; an undo that was itself undone cancels nothing. */
function cancelledOf(revisions) {
  const cancelled = new Set();
  for (const one of [...revisions].reverse()) {
    if (one.undoes !== null && !cancelled.has(one.revision)) cancelled.add(one.undoes);
  }
  return cancelled;
}

function told(revision, cancelled) {
  const parts = [`no. ${revision.revision}`, `shown: ${revision.shown_because}`];
  if (revision.seconds !== null) parts.push(seconds(revision.seconds));
  if (revision.keys !== null) parts.push(`${revision.keys} keys`);
  if (cancelled.has(revision.revision)) parts.push("taken back");
  return parts.join(" · ");
}

function Facts({ sample }) {
  const names = namesOf(sample.modality);
  const rows = [
    [names.captured, instant(sample.captured_at)],
    ["Came here", instant(sample.added_at)],
    [names.person, sample.speaker ?? "unknown"],
    ["Session", sample.session ?? "–"],
    ["Source", sample.source_key ? `${sample.source}, ${sample.source_key}` : sample.source],
    ["How it came", SAMPLINGS[sample.sampling] ?? sample.sampling],
    ["Consent", sample.consent_reason ? `${sample.consent}: ${sample.consent_reason}` : sample.consent],
    ["Quality", percent(sample.quality, 0)],
    ["Rating", sample.rating === null ? "–" : `${sample.rating} of 5`],
    ["Trained on", sample.trained ? "yes" : "not yet"],
    ["Tags", (sample.tags ?? []).join(", ") || "–"],
    ["Identifier", sample.uid],
  ];
  return html`<section aria-label="Facts"><h3>Facts</h3>
    <dl class="pairs">${rows.map(([label, shown]) => html`<div key=${label}><dt>${label}</dt><dd>${shown}</dd></div>`)}</dl>
    ${sample.media.map((medium) => html`<${MediumFacts} key=${medium.role} medium=${medium} />`)}
    <${Context} context=${sample.context} />
  </section>`;
}

const SAMPLINGS = { audit: "drawn by chance", wholesale: "part of an import of everything", chosen: "chosen" };

function MediumFacts({ medium }) {
  const span = medium.start === null ? [] : [["From", seconds(medium.start)], ["To", seconds(medium.end)]];
  const rows = [["Kind", medium.media_type], ["Size", bytes(medium.size)], ...span, ...Object.entries(medium.facts).map(([name, value]) => [checkName(name), plain(value)]), ["SHA-256", medium.digest]];
  return html`<details><summary>Medium “${medium.role}”</summary>
    <dl class="pairs">${rows.map(([label, shown]) => html`<div key=${label}><dt>${label}</dt><dd class=${label === "SHA-256" ? "mono small" : ""}>${shown}</dd></div>`)}</dl>
  </details>`;
}

function Context({ context }) {
  const rows = Object.entries(context);
  if (!rows.length) return null;
  return html`<details><summary>What the app knew</summary>
    <dl class="pairs">${rows.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${plain(value)}</dd></div>`)}</dl>
  </details>`;
}

function plain(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** The dataset versions that hold it, and the models that learned from it. */
function Uses({ id }) {
  const { data, error } = useFetched(() => api.get(`/api/samples/${id}/uses`), [id]);
  if (error) return html`<${Problem} error=${error} />`;
  if (!data) return null;
  return html`<section aria-label="Where it is used"><h3>Where it is used</h3>
    ${data.datasets.length === 0 ? html`<p class="quiet">No dataset version holds it.</p>` : html`<ul class="row">
      ${data.datasets.map((name) => html`<li key=${name}><a class="chip" href=${`/datasets/${name.replace("@", "/")}`}>${name}</a></li>`)}
      ${data.models.map((name) => html`<li key=${name}><a class="chip" href=${`/models/${name}`}>${name}</a></li>`)}
    </ul>`}
  </section>`;
}
