// The frame around all pages: navigation, the state of the connection, messages, help on keys.

import { html, signal, useEffect, useState } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { KeyHelp } from "#/components/key_help.js";
import { Problem, Waiting } from "#/components/states.js";
import { api } from "#/api.js";
import { connected } from "#/changes.js";
import { keysOf, useKeys } from "#/keymap.js";
import { navigate, route } from "#/router.js";
import { Toasts } from "#/toast.js";

/**
 * Page -> its place in the navigation; the module is `pages/<page>.js` with `Page` and `title`.
 * `wide`: a phone has no room for it; Home leads there.
 */
const NAVIGATION = [
  { page: "home", href: "/", label: "Home", icon: "home" },
  { page: "review", href: "/review", label: "Review", icon: "review" },
  { page: "samples", href: "/samples", label: "Samples", icon: "list" },
  { page: "record", href: "/record", label: "Record", icon: "mic" },
  { page: "train", href: "/train", label: "Train", icon: "train" },
  { page: "models", href: "/models", label: "Models", icon: "model" },
  { page: "datasets", href: "/datasets", label: "Datasets", icon: "dataset" },
  { page: "training_data", href: "/admin/training-data", label: "Training data", icon: "chart", wide: true },
  { page: "storage", href: "/admin/storage", label: "Storage", icon: "disk", wide: true },
  { page: "settings", href: "/settings", label: "Settings", icon: "settings" },
];
const ALIASES = { editor: "review", api: "api_docs" };
const pageOf = ({ page, rest }) => (page === "admin" ? (rest[0] === "storage" ? "storage" : "training_data") : ALIASES[page] ?? page);

/** What the server says of itself: workspace, version, who is signed in and what they may do. */
export const about = signal(null);
/** Pages put a short state here, such as "2 unsent"; null shows none. */
export const unsent = signal(0);

export function Shell() {
  const [help, setHelp] = useState(false);
  const page = pageOf(route.value);
  useKeys({ help: () => setHelp(true), ...goKeys() });
  useEffect(() => {
    if (page !== "login") api.get("/api/about").then((told) => (about.value = told), () => {});
  }, [page === "login"]);
  if (page === "login") return html`<main id="main" class="alone"><${Loaded} page="login" /></main><${Toasts} />`;
  return html`
    <a class="skip" href="#main">Skip to the page</a>
    <div class="frame">
      <${Navigation} page=${page} onHelp=${() => setHelp(true)} />
      <main id="main" tabindex="-1"><${Loaded} page=${page} key=${page} /></main>
    </div>
    <${Toasts} />
    ${help && html`<${KeyHelp} onClose=${() => setHelp(false)} />`}
  `;
}

function goKeys() {
  return Object.fromEntries(NAVIGATION.map((place) => [`go.${place.page}`, () => navigate(place.href)]));
}

function Navigation({ page, onHelp }) {
  return html`<nav class="navigation" aria-label="Pages">
    <a class="brand" href="/"><svg aria-hidden="true"><use href="/static/icons.svg#wheel" /></svg><span>Truing</span></a>
    <ul>
      ${NAVIGATION.map(
        (place) => html`<li key=${place.page} class=${place.wide ? "wide" : undefined}>
          <a href=${place.href} aria-current=${place.page === page ? "page" : undefined}>
            <${Icon} name=${place.icon} /><span>${place.label}</span>
          </a>
        </li>`,
      )}
    </ul>
    <div class="navigation-foot">
      <${Connection} />
      <button class="icon" aria-label="Keys" title="Keys (${keysOf("help")})" onClick=${onHelp}><${Icon} name="keyboard" /></button>
      <${ThemeButton} />
    </div>
  </nav>`;
}

function Connection() {
  if (unsent.value) return html`<span class="chip warn" role="status">${unsent.value} unsent</span>`;
  if (connected.value === false) return html`<span class="chip warn" role="status">offline</span>`;
  return null;
}

const THEMES = ["system", "light", "dark"];
export const theme = signal(localStorage.getItem("truing.theme") ?? "system");

/** Light, dark, or as the system has it. */
export function setTheme(next) {
  theme.value = next;
  if (next === "system") {
    localStorage.removeItem("truing.theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("truing.theme", next);
    document.documentElement.dataset.theme = next;
  }
}

function ThemeButton() {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  return html`<button class="icon" aria-label="Theme: ${theme.value}" title="Theme: ${theme.value}" onClick=${() => setTheme(next)}>
    <${Icon} name="theme" />
  </button>`;
}

/** A page's module, fetched when it is first shown. */
function Loaded({ page }) {
  const [module, setModule] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    import(`/static/pages/${page}.js`).then(
      (found) => {
        document.title = found.title === "Home" ? "Truing" : `${found.title} · Truing`;
        setModule(found);
      },
      () => setError({ message: `the page “${page}” could not be loaded`, hint: "is the server still running?" }),
    );
  }, [page]);
  if (error) return html`<${Problem} error=${error} retry=${() => location.reload()} />`;
  if (!module) return html`<${Waiting} />`;
  return html`<${module.Page} />`;
}
