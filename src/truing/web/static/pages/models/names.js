// Names of models, datasets and audiences as people read and follow them.

import { html } from "#/html.js";

/** Of a folder only its own name; a reference or hub id as it is. */
export function shortName(name) {
  return /^([/~.]|[A-Za-z]:[\\/])/.test(name) ? (name.split(/[\\/]/).filter(Boolean).at(-1) ?? name) : name;
}

/** Whether a name is a model of this workspace: `speech/3`. */
export const isOwn = (name) => /^[\w-]+\/\d+$/.test(name);

/** A model's name, leading to it where it is one of this workspace. */
export function ModelName({ name }) {
  if (!name) return "–";
  return isOwn(name) ? html`<a href="/models/${name}">${name}</a>` : html`<span title=${name}>${shortName(name)}</span>`;
}

/** A version's name, leading to it. */
export function DatasetName({ name }) {
  if (!name) return "–";
  return /@\d+$/.test(name) ? html`<a href="/datasets/${name.replace("@", "/")}">${name}</a>` : html`<span title=${name}>${shortName(name)}</span>`;
}

/** `general` as "everybody", `subject:Ann` as "Ann". */
export function audienceName(audience) {
  return audience === "general" ? "everybody" : audience.replace(/^subject:/, "");
}
