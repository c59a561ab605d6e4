// Decisions that wait for the person: overtaken by somebody else, or refused by the server.

import { html, useState } from "#/html.js";
import { WordDiff } from "#/components/word_diff.js";
import { again, held, withdraw } from "#/outbox.js";
import { jump, known } from "#/pages/review/queue.js";
import { toastError } from "#/toast.js";

export function Held() {
  if (!held.value.length) return null;
  return html`<section class="held" aria-label="Decisions that were not saved" role="alert">
    ${held.value.map((entry) => html`<${Waiting} key=${entry.key} entry=${entry} />`)}
  </section>`;
}

function Waiting({ entry }) {
  return html`<article class="held-entry">
    <p><strong>#${entry.sample} was not saved:</strong> ${entry.problem}</p>
    ${entry.theirs ? html`<${Versions} entry=${entry} />` : html`<${Refused} entry=${entry} />`}
  </article>`;
}

const said = ({ state, verdict, truth }) => (truth ? null : (state ?? verdict));

/** Both versions beside each other, and what may be done. */
function Versions({ entry }) {
  const [busy, setBusy] = useState(false);
  const { theirs, body } = entry;
  const keepTheirs = () => {
    const item = known(entry.sample);
    withdraw(entry.key);
    if (item) {
      item.sample.value = theirs;
      item.text.settle(theirs.truth ?? "");
      item.text.reset();
    }
  };
  const keepMine = () => again(entry.key, { body: { ...body, expected: theirs.revision } });
  const edit = async () => {
    setBusy(true);
    try {
      await jump(entry.sample);
      const item = known(entry.sample);
      item.sample.value = theirs;
      item.text.settle(theirs.truth ?? "");
      if (body.truth) item.text.set(body.truth);
      withdraw(entry.key);
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  };
  const mine = body.truth ?? (body.verdict === "accepted" ? theirs.corrected ?? theirs.raw : null);
  return html`
    <dl class="held-versions">
      <div><dt>Saved now</dt><dd>${theirs.truth ?? said(theirs)}</dd></div>
      <div><dt>Yours</dt><dd>${mine === null ? body.verdict : html`<${WordDiff} before=${theirs.truth ?? ""} after=${mine} />`}</dd></div>
    </dl>
    <div class="row">
      <button onClick=${keepTheirs} disabled=${busy}>Keep what is saved</button>
      <button onClick=${keepMine} disabled=${busy}>Save yours over it</button>
      <button onClick=${edit} disabled=${busy}>Open and edit</button>
    </div>`;
}

function Refused({ entry }) {
  return html`
    ${entry.hint && html`<p>${entry.hint}</p>`}
    <div class="row">
      <button onClick=${() => again(entry.key)}>Try again</button>
      <button class="danger" onClick=${() => withdraw(entry.key)}>Discard</button>
    </div>`;
}
