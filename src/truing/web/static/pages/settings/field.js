// One setting: its control, what it is for, where its value comes from, and the way back.

import { html, useEffect, useState } from "#/html.js";
import { api } from "#/api.js";
import { toast } from "#/toast.js";

/** Whether a setting differs from its default. */
export const changed = (setting) => setting.value !== setting.default;

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** `gate.minimum_rows` as "Gate minimum rows"; under a heading that says "Gate", "Minimum rows". */
export function labelOf(key, heading = "") {
  const words = key.split(".");
  return upper((words[0] === heading ? words.slice(1) : words).join(" ").replaceAll("_", " "));
}

const shown = (value) => (value === "" ? "nothing" : value === true ? "on" : value === false ? "off" : String(value));

export function Field({ setting, heading, mayChange, onSaved }) {
  const id = `setting-${setting.key.replaceAll(".", "-")}`;
  const [draft, setDraft] = useState(setting.value);
  const [error, setError] = useState(null);
  useEffect(() => setDraft(setting.value), [setting.value]);
  const held = setting.held_by !== null || !mayChange;

  async function save(value) {
    if (value === setting.value) return;
    const before = setting.origin === "default" ? null : setting.value;
    setError(null);
    try {
      await api.put(`/api/settings/${setting.key}`, { value });
    } catch (refused) {
      setError(refused);
      return;
    }
    await onSaved();
    const when = setting.at_start ? ", from the next start on" : "";
    toast(`${labelOf(setting.key)}: ${shown(value ?? setting.default)}${when}`, {
      kind: "good",
      undo: () => api.put(`/api/settings/${setting.key}`, { value: before }).then(onSaved),
    });
  }

  return html`<div class="setting" data-changed=${changed(setting)}>
    <div class="setting-words">
      <label for=${id}>${labelOf(setting.key, heading)}</label>
      <p class="quiet small" id=${`${id}-help`}>${upper(setting.help)}</p>
      <p class="small setting-origin">
        <code>${setting.key}</code>
        ${changed(setting) && html`<span class="chip accent">changed</span>`}
        ${setting.held_by && html`<span class="chip" title="truing config set ${setting.key} VALUE">held by ${setting.held_by}</span>`}
        ${setting.at_start && !setting.held_by && html`<span class="chip">from the next start</span>`}
        ${changed(setting) && !held && html`<button class="link small" onClick=${() => save(null)}>Back to ${shown(setting.default)}</button>`}
      </p>
      ${error && html`<p class="error bad small" role="alert">${error.message}${error.hint ? `: ${error.hint}` : ""}</p>`}
    </div>
    <div class="setting-control">
      <${Control} id=${id} setting=${setting} draft=${draft} setDraft=${setDraft} save=${save} held=${held} />
    </div>
  </div>`;
}

function Control({ id, setting, draft, setDraft, save, held }) {
  const described = `${id}-help`;
  if (setting.kind === "switch") {
    return html`<input id=${id} type="checkbox" role="switch" checked=${setting.value} disabled=${held} aria-describedby=${described}
      onChange=${(event) => save(event.target.checked)} />`;
  }
  if (setting.choices) {
    return html`<select id=${id} disabled=${held} aria-describedby=${described} onChange=${(event) => save(event.target.value)}>
      ${setting.choices.map((one) => html`<option key=${one} value=${one} selected=${one === setting.value}>${one}</option>`)}
    </select>`;
  }
  const number = setting.kind !== "text";
  const value = () => (number && draft !== "" ? Number(draft) : draft);
  return html`<input id=${id} type=${number ? "number" : "text"} class=${number ? "number" : ""} disabled=${held}
    min=${setting.minimum ?? undefined} max=${setting.maximum ?? undefined} step=${setting.kind === "whole" ? 1 : "any"}
    value=${draft} aria-describedby=${described} placeholder=${setting.default === "" ? "nothing" : ""} autocomplete="off" spellcheck=${false}
    onInput=${(event) => setDraft(event.target.value)} onBlur=${() => save(value())}
    onKeyDown=${(event) => {
      if (event.key === "Enter") save(value());
      if (event.key === "Escape") setDraft(setting.value);
    }} />`;
}
