// The form of a new run: data, base, recipe and options, with what the run would need.

import { html, useEffect, useMemo, useState } from "#/html.js";
import { Field } from "#/components/field.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { counted } from "#/format.js";
import { api } from "#/api.js";
import { DataFields, chosenExamples } from "#/pages/train/data.js";
import { MAIN, OptionField, wrong } from "#/pages/train/options.js";
import { Need } from "#/pages/train/need.js";
import { shortName } from "#/pages/models/names.js";
import { navigate, route } from "#/router.js";
import { about } from "#/shell.js";
import { toast, toastError } from "#/toast.js";

const NOTHING = { data: { kind: "new" }, recipe: "", base: "", options: {}, replay: "", seed: "", audience: "general", promote: true };

/** Everything the form chooses from. */
async function choices(modality) {
  const [recipes, bases, datasets, status] = await Promise.all([
    api.get("/api/recipes", { modality }),
    api.get("/api/bases", { modality }),
    api.get("/api/datasets", { modality, limit: 100 }),
    api.get("/api/train/status", { modality }),
  ]);
  const like = route.peek().params.get("like");
  const before = like ? await api.get(`/api/runs/${like}`) : null;
  return { modality, recipes: recipes.items, bases: bases.items, datasets: datasets.items, status, before };
}

/** @param {{modality: string}} props */
export function Plan({ modality }) {
  const like = route.value.params.get("like");
  const { data, error, reload } = useFetched(() => choices(modality), [like, modality]);
  if (error) return html`<${Problem} error=${error} retry=${reload} />`;
  if (!data) return html`<${Waiting} lines=${8} />`;
  return html`<${Form} key=${like} known=${data} />`;
}

/** The name of a dataset stays with one modality: what it holds is told by the version before. */
function nameOf({ modality, datasets, status }) {
  const usual = status.dataset ?? "mine";
  return modality === "speech" ? usual : (datasets[0]?.name ?? `${usual}-${modality}`);
}

/** What a recipe starts from unless somebody says otherwise: nothing where it needs nothing. */
const usualBase = (known, recipe) => (recipe?.needs_base ? (known.bases[0]?.name ?? "") : "");

function begun(known) {
  const request = known.before?.request;
  const version = route.peek().params.get("dataset");
  const first = { ...NOTHING, recipe: known.recipes[0]?.name ?? "", base: usualBase(known, known.recipes[0]) };
  first.data = { kind: "new", name: nameOf(known), validation_share: "", test_share: "" };
  if (version) first.data = { ...first.data, kind: "version", version };
  if (!request) return first;
  const text = Object.entries(request.options).map(([name, value]) => [name, typeof value === "boolean" ? value : String(value)]);
  return {
    ...first,
    data: { kind: "version", version: request.dataset },
    recipe: request.recipe,
    base: request.base ?? "",
    options: Object.fromEntries(text),
    replay: request.replay ?? "",
    seed: String(request.seed ?? ""),
    audience: request.audience,
  };
}

function Form({ known }) {
  const [form, setForm] = useState(() => begun(known));
  const [busy, setBusy] = useState(false);
  const change = (changes) => setForm((before) => ({ ...before, ...changes }));
  const recipe = known.recipes.find((one) => one.name === form.recipe) ?? known.recipes[0];
  const baseFor = (name) => {
    const chosen = known.recipes.find((one) => one.name === name);
    return (chosen?.needs_base && form.base) || usualBase(known, chosen);
  };
  const examples = chosenExamples(form.data, known);
  const presets = usePresets(known.modality, form.recipe, form.base, examples);
  const mistakes = useMemo(() => mistakesOf(recipe, form.options), [recipe, form.options]);
  const nothing = examples === 0 ? { message: "no sample was reviewed yet", hint: "a model learns from what you confirmed or corrected: review some first" } : null;
  const may = about.value?.rights?.includes("operate") ?? true;
  const asked = useDryRun(form, known.modality, may && Object.keys(mistakes).length === 0 && !nothing);
  const dry = nothing ? { plan: null, error: nothing } : asked;
  const ready = may && !busy && recipe && !Object.keys(mistakes).length && !dry.error && (!recipe.needs_base || form.base);
  const start = async (event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const run = await api.post("/api/runs", bodyOf(form, known.modality));
      toast(`Run ${run.run} has begun`, { kind: "good" });
      navigate(`/train/${run.run}`);
    } catch (error) {
      toastError(error);
      setBusy(false);
    }
  };
  return html`<form class="card plan" onSubmit=${start} aria-label="New run">
    <h2>New run${known.before ? html` <span class="quiet small">like run ${known.before.run}</span>` : ""}</h2>
    <div class="stack">
      <${DataFields} data=${form.data} known=${known} onChange=${(data) => change({ data: { ...form.data, ...data } })} />
      <div class="fields">
        <${BaseField} known=${known} recipe=${recipe} base=${form.base} onChange=${(base) => change({ base })} />
        <${RecipeField} known=${known} recipe=${recipe} onChange=${(name) => change({ recipe: name, options: {}, base: baseFor(name) })} />
      </div>
      ${recipe && html`<${Options} ...${{ recipe, presets, mistakes, options: form.options }} onChange=${(options) => change({ options })} />`}
      <${Advanced} ...${{ recipe, presets, mistakes, form, change }} />
      <label class="check"><input type="checkbox" checked=${form.promote} onChange=${(event) => change({ promote: event.currentTarget.checked })} />
        Put it before the gate when it is done, and use it from then on if it is proven better</label>
      ${may && html`<${Need} dry=${dry} />`}
      <div class="row between plan-foot">
        <span class="quiet small">${may ? amount(form.data, examples) : "Your role may look, not train."}</span>
        <button class="primary" type="submit" disabled=${!ready}>${busy ? "Starting…" : "Start training"}</button>
      </div>
    </div>
  </form>`;
}

const amount = (data, examples) => (data.kind === "version" ? `${counted(examples, "example")} to learn from` : `${counted(examples, "reviewed sample")}, split when the run starts`);

function BaseField({ known, recipe, base, onChange }) {
  const listed = known.bases.some((one) => one.name === base);
  return html`<${Field} label="Base model" help=${known.bases.length ? "what it starts from" : "none is known: bring one in with truing model import, or name a folder in the settings"}>${(own) => html`<select ...${own} value=${base} onChange=${(event) => onChange(event.currentTarget.value)} disabled=${recipe && !recipe.needs_base && !known.bases.length}>
      ${recipe && !recipe.needs_base && html`<option value="">${recipe.default_base ? `the recipe's own: ${recipe.default_base}` : "nothing: from scratch"}</option>`}
      ${base && !listed && html`<option value=${base}>${shortName(base)}</option>`}
      ${known.bases.map((one) => html`<option key=${one.name} value=${one.name}>${baseWords(one)}</option>`)}
    </select>`}<//>`;
}

function baseWords(base) {
  if (base.kind === "champion") return `the one in use: ${base.title}`;
  return base.kind === "model" ? base.title : `${base.title} · ${base.kind}`;
}

function RecipeField({ known, recipe, onChange }) {
  return html`<${Field} label="Recipe" help=${recipe?.summary}>${(own) => html`<select ...${own} value=${recipe?.name} onChange=${(event) => onChange(event.currentTarget.value)}>
      ${known.recipes.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}
    </select>`}<//>`;
}

/** The options most people look at. */
function Options({ recipe, presets, mistakes, options, onChange }) {
  const shown = mainOf(recipe, presets);
  return html`<div class="fields options">
    ${shown.map((option) => html`<${OptionField} key=${option.name} ...${{ option, presets }} value=${options[option.name]} error=${mistakes[option.name]}
      onChange=${(value) => onChange(changed(options, option.name, value))} />`)}
  </div>`;
}

/** Steps beside epochs only where they count: two lengths of a run confuse. */
function mainOf(recipe, presets) {
  const epochs = recipe.options.some((option) => option.name === "epochs");
  return MAIN.filter((name) => !(epochs && name === "max_steps" && !presets.max_steps))
    .flatMap((name) => recipe.options.filter((option) => option.name === name));
}

function Advanced({ recipe, presets, mistakes, form, change }) {
  const main = new Set(recipe ? mainOf(recipe, presets) : []);
  const rest = (recipe?.options ?? []).filter((option) => !main.has(option));
  const own = rest.filter((option) => form.options[option.name] !== undefined).length;
  return html`<details class="advanced">
    <summary>Advanced: every option of the recipe ${own ? html`<span class="chip accent">${own} changed</span>` : ""}</summary>
    <div class="fields options">
      <${Field} label="For whom" help="a speaker's name, or empty for everybody">${(own) => html`<input ...${own} value=${form.audience === "general" ? "" : form.audience.replace("subject:", "")} placeholder="everybody"
        onInput=${(event) => change({ audience: event.currentTarget.value.trim() ? `subject:${event.currentTarget.value.trim()}` : "general" })} />`}<//>
      <${Field} label="General examples" help="a folder or NAME@NUMBER mixed in against forgetting">${(own) => html`<input ...${own} value=${form.replay} placeholder="none" onInput=${(event) => change({ replay: event.currentTarget.value })} />`}<//>
      <${Field} label="Seed" help="of everything left to chance">${(own) => html`<input ...${own} inputmode="numeric" value=${form.seed} placeholder="0" onInput=${(event) => change({ seed: event.currentTarget.value })} />`}<//>
      ${rest.map((option) => html`<${OptionField} key=${option.name} ...${{ option, presets }} value=${form.options[option.name]} error=${mistakes[option.name]}
        onChange=${(value) => change({ options: changed(form.options, option.name, value) })} />`)}
    </div>
  </details>`;
}

function changed(options, name, value) {
  const next = { ...options };
  if (value === undefined) delete next[name];
  else next[name] = value;
  return next;
}

function mistakesOf(recipe, options) {
  const told = (recipe?.options ?? []).map((option) => [option.name, wrong(option, options[option.name])]);
  return Object.fromEntries(told.filter(([, mistake]) => mistake));
}

/** What the form asks for, as the server takes it. */
export function bodyOf(form, modality) {
  const { kind, version, name, validation_share: validation, test_share: test } = form.data;
  const share = (text) => (text === "" || text === undefined ? null : Number(text) / 100);
  return {
    ...(kind === "version" ? { dataset: version } : { freeze: { name, modality, validation_share: share(validation), test_share: share(test) } }),
    recipe: form.recipe || null,
    base: form.base || null,
    options: Object.fromEntries(Object.entries(form.options).map(([option, value]) => [option, String(value)])),
    replay: form.replay.trim() || null,
    seed: Number(form.seed) || 0,
    audience: form.audience,
    then: form.promote ? "promote" : null,
  };
}

/** Values that suit this recipe, base and number of examples. */
function usePresets(modality, recipe, base, examples) {
  const [presets, setPresets] = useState({});
  useEffect(() => {
    const controller = new AbortController();
    api.get("/api/recipes", { modality, examples, base }, { signal: controller.signal })
      .then(({ items }) => setPresets(items.find((one) => one.name === recipe)?.presets ?? {}), () => {});
    return () => controller.abort();
  }, [modality, recipe, base, examples]);
  return presets;
}

/** What the server says such a run would do, asked again a moment after each change. */
function useDryRun(form, modality, sound) {
  const [told, setTold] = useState({ plan: null, error: null });
  const asked = JSON.stringify(bodyOf(form, modality));
  useEffect(() => {
    if (!sound) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      api.post("/api/runs/plan", JSON.parse(asked), { signal: controller.signal })
        .then((plan) => setTold({ plan, error: null }), (error) => error.name !== "AbortError" && setTold({ plan: null, error }));
    }, 350);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [asked, sound]);
  return told;
}
