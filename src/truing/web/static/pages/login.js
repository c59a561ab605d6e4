// The page "Sign in": by the address that was printed, by a token, or by name and password.

import { html, useEffect, useState } from "#/html.js";
import { Problem, Waiting, useFetched } from "#/components/states.js";
import { api } from "#/api.js";

export const title = "Sign in";

/** Where to go afterwards: an address of this app, or home. */
function onward() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const place = new URL(next, location.origin);
  return place.origin === location.origin && next.startsWith("/") ? place.pathname + place.search : "/";
}

export function Page() {
  const { data, error, reload } = useFetched(() => api.get("/api/login"), []);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);

  async function enter(given) {
    setBusy(true);
    setProblem(null);
    try {
      await api.post("/api/login", given);
      location.replace(onward());
    } catch (refused) {
      setProblem(refused);
      setBusy(false);
    }
  }

  useEffect(() => {
    if (!data) return;
    const invitation = location.hash.slice(1);
    // It is spent with this, and must not stay in the history.
    if (invitation) history.replaceState({}, "", location.pathname + location.search);
    if (data.signed_in) location.replace(onward());
    else if (invitation) enter({ token: invitation });
  }, [data]);

  if (error) return html`<div class="login"><${Problem} error=${error} retry=${reload} /></div>`;
  if (!data || data.signed_in) return html`<div class="login"><${Waiting} lines=${3} /></div>`;
  return html`<div class="login card">
    <svg class="login-art" aria-hidden="true"><use href="/static/icons.svg#wheel" /></svg>
    <h1>Sign in to Truing</h1>
    ${problem && html`<p class="problem" role="alert"><strong>${problem.message}</strong> ${problem.hint}</p>`}
    ${data.auth === "users" ? html`<${ByName} enter=${enter} busy=${busy} />` : html`<${ByToken} enter=${enter} busy=${busy} />`}
  </div>`;
}

function ByName({ enter, busy }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event) => {
    event.preventDefault();
    enter({ name, password });
  };
  return html`<form class="stack" onSubmit=${submit}>
    <label class="field"><span>Name</span>
      <input required autofocus autocomplete="username" autocapitalize="none" maxlength="64" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
    <label class="field"><span>Password</span>
      <input type="password" required autocomplete="current-password" maxlength="256" value=${password} onInput=${(event) => setPassword(event.target.value)} /></label>
    <button class="primary" disabled=${busy}>${busy ? "One moment…" : "Sign in"}</button>
    <p class="quiet small">No account yet? An admin adds people under Settings, or with <code>truing people add</code>.</p>
  </form>`;
}

function ByToken({ enter, busy }) {
  const [token, setToken] = useState("");
  const submit = (event) => {
    event.preventDefault();
    enter({ token: token.trim().split("#").at(-1) });
  };
  return html`<form class="stack" onSubmit=${submit}>
    <label class="field"><span>Token</span>
      <input type="password" required autofocus autocomplete="off" maxlength="512" value=${token} onInput=${(event) => setToken(event.target.value)} />
      <span class="help">Open the address that <code>truing serve</code> printed, or paste it or a token here. <code>truing people token</code> makes one.</span></label>
    <button class="primary" disabled=${busy}>${busy ? "One moment…" : "Sign in"}</button>
  </form>`;
}
