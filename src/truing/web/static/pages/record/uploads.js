// Recordings from files: dropped or chosen, recognised a few at a time.

import { html, signal, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { Progress } from "#/components/states.js";
import { counted } from "#/format.js";

const TOGETHER = 2;

/** @type {import("@preact/signals").Signal<{id: number, name: string, state: "waiting"|"working"|"done"|"failed", kind: any, words: string, sample?: number|null}[]>} */
const files = signal([]);
let last = 0;
let working = 0;
const queue = [];

function change(id, part) {
  files.value = files.value.map((one) => (one.id === id ? { ...one, ...part } : one));
}

function work(send) {
  while (working < TOGETHER && queue.length) {
    const { id, file, kind } = queue.shift();
    working += 1;
    change(id, { state: "working" });
    send(file)
      .then(
        (said) => change(id, { state: "done", words: said.text || (said.model ? kind.nothing : "kept: type what was said"), sample: said.sample }),
        (error) => change(id, { state: "failed", words: error.message }),
      )
      .finally(() => {
        working -= 1;
        work(send);
      });
  }
}

function add(list, send, kind) {
  const added = [...list].map((file) => ({ id: ++last, file, kind }));
  queue.push(...added);
  files.value = [...files.value, ...added.map(({ id, file }) => ({ id, kind, name: file.name, state: "waiting", words: "" }))];
  work(send);
}

/**
 * A place to drop files on. `send(file)` uploads one and gives the answer.
 * @param {{send: (file: File) => Promise<any>, capture: boolean, words: any, icon: string}} props `capture` offers a phone's own recorder
 */
export function Uploads({ send, capture, words, icon }) {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files, send, words);
  };
  return html`<section class="card uploads" data-over=${over || undefined} aria-labelledby="uploads-title"
      onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${drop}>
    <h2 id="uploads-title">${capture ? "Record with this device" : words.title}</h2>
    <label class="drop">
      <${Icon} name=${capture ? icon : "upload"} />
      <span>${capture ? "Record, or choose a recording" : words.drop}</span>
      <input class="visually-hidden" type="file" accept=${capture ? words.captured : words.accept} multiple=${!capture} capture=${capture ? words.capture : undefined}
        onChange=${(event) => { add(event.target.files, send, words); event.target.value = ""; }} />
    </label>
    <${Listed} words=${words} />
  </section>`;
}

const TONES = { waiting: "", working: "accent", done: "good", failed: "bad" };

function Listed({ words }) {
  const all = files.value.filter((one) => one.kind === words);
  if (!all.length) return null;
  const ended = all.filter((one) => one.state === "done" || one.state === "failed").length;
  return html`<div class="stack">
    <${Progress} value=${ended / all.length} label="${ended} of ${counted(all.length, "file")}" />
    <ul class="upload-list" aria-live="polite">
      ${all.map(
        (one) => html`<li key=${one.id}>
          <span class="chip ${TONES[one.state]}">${words[one.state] ?? one.state}</span>
          <span class="truncate upload-name" title=${one.name}>${one.name}</span>
          <span class=${one.state === "failed" ? "words bad" : "words"}>${one.words}</span>
          ${one.sample && html`<a class="small" href="/review/${one.sample}">review</a>`}
        </li>`,
      )}
    </ul>
    ${ended === all.length && html`<button class="compact" onClick=${() => (files.value = files.value.filter((one) => one.kind !== words))}>Clear the list</button>`}
  </div>`;
}
