// The options of a recipe as fields, made from what the recipe says of itself.

import { html } from "#/html.js";
import { figure } from "#/components/chart.js";
import { named } from "#/pages/train/curves.js";

/** The options that are always shown, as far as a recipe has them. */
export const MAIN = ["learning_rate", "batch_size", "epochs", "max_steps"];

/** The value that counts while nobody has chosen another: the preset for this size of data, else the default. */
function suggested(option, presets) {
  return presets && option.name in presets ? presets[option.name] : option.default;
}

const shown = (value) => (typeof value === "number" ? (Number.isInteger(value) ? String(value) : figure(value)) : String(value));

/**
 * One option. `value` is undefined while the suggestion counts; `onChange(undefined)` goes back to it.
 * @param {{option: {name: string, type: string, default: any, help: string, choices?: string[], minimum?: number, maximum?: number}}} props
 */
export function OptionField({ option, presets, value, onChange, error }) {
  const hint = suggested(option, presets);
  const preset = presets && option.name in presets && presets[option.name] !== option.default;
  const id = `option-${option.name}`;
  return html`<div class="field option">
    ${option.type === "bool"
      ? html`<label class="check"><input type="checkbox" id=${id} checked=${value ?? hint} aria-describedby="${id}-help" onChange=${(event) => onChange(event.currentTarget.checked)} /> ${named(option.name)}</label>`
      : html`<label for=${id}>${named(option.name)}</label>${option.choices?.length ? html`<${Choice} ...${{ id, option, value, hint, onChange }} />` : html`<${Entry} ...${{ id, option, value, hint, onChange, error }} />`}`}
    <span class="help" id="${id}-help">
      ${option.help}${range(option)}
      ${preset && value === undefined && html` <span class="chip" title="The default is ${shown(option.default)}">preset</span>`}
      ${value !== undefined && html` <button type="button" class="link" onClick=${() => onChange(undefined)}>back to ${shown(hint) || "empty"}</button>`}
    </span>
    ${error && html`<span class="error" role="alert">${error}</span>`}
  </div>`;
}

function range({ minimum, maximum }) {
  const known = (value) => value !== null && value !== undefined;
  if (known(minimum) && known(maximum)) return `; ${minimum} to ${maximum}`;
  if (known(minimum)) return `; at least ${minimum}`;
  return known(maximum) ? `; at most ${maximum}` : "";
}

function Choice({ id, option, value, hint, onChange }) {
  return html`<select id=${id} aria-describedby="${id}-help" value=${value ?? hint} onChange=${(event) => onChange(event.currentTarget.value)}>
    ${option.choices.map((one) => html`<option key=${one} value=${one}>${one || "–"}</option>`)}
  </select>`;
}

function Entry({ id, option, value, hint, onChange, error }) {
  const number = option.type !== "str";
  return html`<input id=${id} type="text" autocomplete="off" spellcheck=${false} inputmode=${number ? "decimal" : undefined} aria-describedby="${id}-help"
    aria-invalid=${error ? "true" : undefined} value=${value ?? shown(hint)} placeholder=${shown(hint)}
    onInput=${(event) => onChange(event.currentTarget.value === "" && number ? undefined : event.currentTarget.value)} />`;
}

/** What is wrong with a value, before the server is asked; null when nothing is. */
export function wrong(option, value) {
  if (value === undefined || option.type === "bool" || option.type === "str") return null;
  const number = Number(value);
  if (!Number.isFinite(number)) return `“${value}” is no number`;
  if (option.type === "int" && !Number.isInteger(number)) return "only whole numbers";
  const { minimum, maximum } = option;
  const outside = (minimum !== null && minimum !== undefined && number < minimum) || (maximum !== null && maximum !== undefined && number > maximum);
  return outside ? "out of range" : null;
}
