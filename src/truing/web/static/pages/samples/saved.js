// Filters that a person has named, kept in this browser.

import { html, signal, useState } from "#/html.js";
import { Dialog } from "#/components/dialog.js";
import { describeFilter, filterParams } from "#/components/filters.js";
import { Icon } from "#/components/icon.js";

const STORED = "truing.filters";
const MOST = 50;

/** @type {import("@preact/signals").Signal<{name: string, filter: object}[]>} */
const saved = signal(stored());

function stored() {
  try {
    const told = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(told) ? told.filter((one) => typeof one?.name === "string" && one.filter) : [];
  } catch {
    return [];
  }
}

function keep(next) {
  saved.value = next;
  localStorage.setItem(STORED, JSON.stringify(next));
}

/** A button that opens the saved filters. */
export function SavedFilters({ filter, onChange }) {
  const [open, setOpen] = useState(false);
  return html`<button type="button" aria-haspopup="dialog" title="Saved filters" onClick=${() => setOpen(true)}>Saved</button>
    ${open && html`<${Saved} filter=${filter} onClose=${() => setOpen(false)} onChange=${(next) => { onChange(next); setOpen(false); }} />`}`;
}

function Saved({ filter, onChange, onClose }) {
  const [name, setName] = useState("");
  const words = describeFilter(filter);
  const save = (event) => {
    event.preventDefault();
    const known = name.trim();
    if (!known) return;
    keep([{ name: known, filter: filterParams(filter) }, ...saved.value.filter((one) => one.name !== known)].slice(0, MOST));
    setName("");
  };
  return html`<${Dialog} title="Saved filters" onClose=${onClose}>
    ${saved.value.length === 0 && html`<p class="quiet">None yet. Set a filter, then give it a name here.</p>`}
    <ul class="stack">
      ${saved.value.map(
        (one) => html`<li key=${one.name} class="row nowrap">
          <button type="button" class="grow samples-saved" onClick=${() => onChange(one.filter)}>
            <span class="truncate">${one.name}</span><span class="small quiet truncate">${describeFilter(one.filter)}</span>
          </button>
          <button type="button" class="icon" aria-label="Remove the filter ${one.name}" title="Remove"
            onClick=${() => keep(saved.value.filter((each) => each !== one))}><${Icon} name="trash" /></button>
        </li>`,
      )}
    </ul>
    ${words
      ? html`<form class="row" onSubmit=${save}>
          <label class="field grow"><span>Save “${words}” as</span>
            <input type="text" value=${name} maxlength="60" required onInput=${(event) => setName(event.currentTarget.value)} /></label>
          <button type="submit" class="primary samples-form-button">Save</button>
        </form>`
      : html`<p class="quiet small">Nothing is filtered now.</p>`}
  <//>`;
}
