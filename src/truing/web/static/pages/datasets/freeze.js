// Freezing: a name, what is kept apart, and what would be in.

import { html, useEffect, useState } from "#/html.js";
import { Field } from "#/components/field.js";
import { Dialog } from "#/components/dialog.js";
import { Problem } from "#/components/states.js";
import { FilterBar, describeFilter, filterParams } from "#/components/filters.js";
import { FreezeFields } from "#/pages/train/data.js";
import { Working, follow } from "#/components/work.js";
import { api } from "#/api.js";
import { counted } from "#/format.js";
import { toast, toastError } from "#/toast.js";

const SIZE = /^([0-9]{1,5})(?:x([0-9]{1,5}))?$/;

/** @param {{modality: string, known: any[], onClose: () => void, onDone: (version: string) => void}} props */
export function FreezeDialog({ modality, known, onClose, onDone }) {
  const [form, setForm] = useState({ name: known[0]?.version.split("@")[0] ?? (modality === "speech" ? "mine" : `mine-${modality}`), split: "personal", validation_share: "", test_share: "", test_speakers: "", seed: "", size: "" });
  const [where, setWhere] = useState({});
  const [state, setState] = useState({ busy: false, error: null, work: null });
  const change = (changes) => setForm((before) => ({ ...before, ...changes }));
  const inside = useInside({ ...where, modality });
  const freeze = async (event) => {
    event.preventDefault();
    setState({ busy: true, error: null, work: null });
    try {
      const version = await follow(api.post("/api/datasets", bodyOf(form, { ...where, modality }, modality)), (work) => setState((before) => ({ ...before, work })));
      toast(`${version.version} is frozen`, { kind: "good" });
      onDone(version.version);
    } catch (error) {
      setState({ busy: false, error, work: null });
    }
  };
  const next = nextOf(form.name, known);
  const actions = html`<button onClick=${onClose}>Leave it</button><button class="primary" type="submit" form="freeze" disabled=${state.busy || !form.name || inside?.reviewed === 0}>${state.busy ? "Freezing…" : `Freeze ${next}`}</button>`;
  return html`<${Dialog} title="Freeze a version" wide onClose=${onClose} actions=${actions}>
    <form id="freeze" class="stack freeze" onSubmit=${freeze}>
      <div class="fields"><${FreezeFields} data=${form} onChange=${change} />
        <${Field} label="Kept apart" help="one speaker is enough for the first">${(own) => html`<select ...${own} value=${form.split} onChange=${(event) => change({ split: event.currentTarget.value })}><option value="personal">sittings and copies</option><option value="unseen-speaker">speakers as well</option></select>`}<//>
        ${form.split === "unseen-speaker" && html`<${Field} label="Test speakers" help="names with commas between">${(own) => html`<input ...${own} value=${form.test_speakers} placeholder="drawn by chance" onInput=${(event) => change({ test_speakers: event.currentTarget.value })} />`}<//>`}
        <${Field} label="Seed" help="of the assignment of new groups">${(own) => html`<input ...${own} inputmode="numeric" pattern="[0-9]*" value=${form.seed} placeholder="0" onInput=${(event) => change({ seed: event.currentTarget.value })} />`}<//>
        ${modality === "image_edit" && html`<${Field} label="Picture size" help="such as 512x512, upright and in sRGB when exported; empty: as they are">${(own) => html`<input ...${own} value=${form.size} pattern=${SIZE.source} placeholder="as they are" onInput=${(event) => change({ size: event.currentTarget.value.trim() })} />`}<//>`}
      </div>
      <details><summary>Only some samples ${Object.keys(where).length ? html`<span class="chip accent">${describeFilter(where)}</span>` : ""}</summary><${FilterBar} value=${where} onChange=${setWhere} states=${false} /></details>
    </form>
    <p class="notice small" role="status">${inside === null ? "Counting…" : inside.reviewed ? html`<b>${counted(inside.reviewed, "reviewed sample")}</b> would be looked at, ${counted(inside.may_test, "of them", "of them")} may be tested on. Those with a blocking finding or without consent for training stay out, and the version says how many and why.` : html`Nothing reviewed fits: <a href="/review">review some samples</a> first.`}</p>
    ${state.busy && html`<${Working} work=${state.work} text="Splitting so that nothing leaks" />`}
    ${state.error && html`<${Problem} error=${state.error} />`}
  <//>`;
}

function nextOf(name, known) {
  const numbers = known.filter((one) => one.version.startsWith(`${name}@`)).map((one) => Number(one.version.split("@")[1]));
  return `${name}@${Math.max(0, ...numbers) + 1}`;
}

function bodyOf(form, where, modality) {
  const share = (text) => (text === "" ? null : Number(text) / 100);
  const speakers = form.test_speakers.split(",").map((one) => one.trim()).filter(Boolean);
  return {
    name: form.name,
    modality,
    split: form.split,
    test_speakers: form.split === "unseen-speaker" ? speakers : [],
    validation_share: share(form.validation_share),
    test_share: share(form.test_share),
    seed: Number(form.seed) || 0,
    where: filterParams(where),
    standard: standardOf(form.size),
  };
}

/** `512x512` or `512` as the sides of a standard; null when nothing was written. */
function standardOf(size) {
  const found = SIZE.exec(size);
  return found ? { width: Number(found[1]), height: Number(found[2] ?? found[1]) } : null;
}

/** What the filter leaves to freeze; null while it is asked for. */
function useInside(where) {
  const [inside, setInside] = useState(null);
  const asked = JSON.stringify(filterParams(where));
  useEffect(() => {
    const controller = new AbortController();
    setInside(null);
    api.get("/api/datasets/preview", JSON.parse(asked), { signal: controller.signal }).then(setInside, (error) => error.name !== "AbortError" && toastError(error));
    return () => controller.abort();
  }, [asked]);
  return inside;
}
