// Consent: asked once before anything is kept, shown always, withdrawn with one click.

import { html, signal } from "#/html.js";
import { Icon } from "#/components/icon.js";
import { api } from "#/api.js";
import { about } from "#/shell.js";
import { toast, toastError } from "#/toast.js";

/** What is in force; null until the server has told. */
export const consent = signal(null);

/** Under `ask`: whoever is recorded next agreed; said anew whenever the page is opened. */
export const agreed = signal(false);

/** Whether each thing that is handed in says that its person agreed. */
const asks = () => consent.value?.policy === "ask" && consent.value.mode !== "off";

/** Whether anything may be kept now. */
export const mayKeep = () => Boolean(consent.value?.asked && (consent.value.keeps || (asks() && agreed.value)));

/** What is sent along with what is to be kept. */
export const consenting = () => (asks() && agreed.value ? { consent: true } : {});

export async function fetchConsent() {
  consent.value = await api.get("/api/live/consent");
}

let deciding = false;

async function decide(given) {
  if (deciding) return;
  deciding = true;
  try {
    consent.value = await api.put("/api/live/consent", { given });
    toast(given ? "What you record is kept on this machine" : "Nothing you record is kept from now on");
  } catch (error) {
    toastError(error);
  } finally {
    deciding = false;
  }
}

const mayDecide = () => about.value?.rights.includes("operate") ?? false;

/** The question, until somebody has answered it. */
export function ConsentCard() {
  const told = consent.value;
  if (!told || told.asked) return null;
  return html`<section class="card consent" aria-labelledby="consent-title">
    <h2 id="consent-title">May Truing keep what you record?</h2>
    <p>${told.wording}</p>
    ${mayDecide()
      ? html`<div class="row">
          <button class="primary" onClick=${() => decide(true)}>Keep what I record</button>
          <button onClick=${() => decide(false)}>Only show me the text</button>
        </div>`
      : html`<p class="quiet">Until an admin of this server has agreed, you see the text and nothing is kept.</p>`}
  </section>`;
}

/** What happens to a recording, in one line that is always there. */
export function ConsentLine({ what = "Whoever is recorded" } = {}) {
  const told = consent.value;
  if (!told) return null;
  const keeps = mayKeep();
  return html`<p class="consent-line" role="status">
    <span class="chip ${keeps ? "good" : ""}"><${Icon} name=${keeps ? "check" : "cross"} />${keeps ? "kept on this machine" : "nothing is kept"}</span>
    ${told.asked && asks()
      ? html`<label class="check"><input type="checkbox" checked=${agreed.value} onChange=${(event) => (agreed.value = event.target.checked)} /> ${what} agreed that it is kept</label>`
      : html`<span class="quiet">${explained(told)}</span>`}
    ${told.asked && mayDecide() && told.mode !== "off" && told.policy !== "ask" &&
    html`<button class="link" onClick=${() => decide(!told.given)}>${told.given ? "Stop keeping" : "Keep what I record"}</button>`}
  </p>`;
}

function explained(told) {
  if (!told.asked) return "You have not decided yet.";
  if (!told.given && told.policy !== "ask") return "The text is shown, the recording is thrown away.";
  if (told.mode === "off") return "The setting capture.mode is off.";
  if (told.mode === "corrections") return "Only what you correct, and a few chosen by chance.";
  return "To train and test your own model.";
}
