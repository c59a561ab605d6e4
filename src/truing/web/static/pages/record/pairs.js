// Pairs by hand: a picture, what became of it, and the instruction; and how an app hands them in.

import { html, useRef, useState } from "#/html.js";
import { Command } from "#/components/command.js";
import { Icon } from "#/components/icon.js";
import { Problem } from "#/components/states.js";
import { api } from "#/api.js";
import { toast } from "#/toast.js";
import { ConsentCard, ConsentLine, consenting } from "#/pages/record/consent.js";

const LONGEST_TEXT = 10_000;

export function Pairs({ way }) {
  const [added, setAdded] = useState([]);
  return html`<div class="sections record">
    <${ConsentCard} />
    <${Pair} way=${way} onAdded=${(one) => setAdded((before) => [one, ...before])} />
    ${added.length > 0 && html`<section class="card stack" aria-labelledby="added-title">
      <h2 id="added-title">Added</h2>
      <ol class="earlier">${added.map((one) => html`<li key=${one.id}><span class="grow">${one.text}</span><a class="small" href="/review/${one.id}">review</a></li>`)}</ol>
    </section>`}
    <section class="card stack" aria-labelledby="app-title">
      <h2 id="app-title">Let your app hand them in</h2>
      <p class="quiet">One request after each success. Apps of NexVision need only this server's address.</p>
      <${Command} command="curl -F modality=image_edit -F original=@before.jpg -F edited=@after.jpg -F raw='make it brighter' ${location.origin}/api/samples" />
      <${Command} command="truing import nexvision training-data/" />
    </section>
  </div>`;
}

function Pair({ way, onAdded }) {
  const form = useRef(null);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const given = new FormData(form.current);
    const text = String(given.get("raw")).trim();
    if (!String(given.get("rating"))) given.delete("rating");
    given.append("modality", way.modality);
    given.append("source", "record");
    for (const [name, value] of Object.entries(consenting())) given.append(name, value);
    setBusy(true);
    try {
      const made = await api.post("/api/samples", given);
      setError(null);
      if (made.kept === false) throw Object.assign(new Error(made.why), { hint: "change the setting, or answer the question about keeping" });
      toast(made.new ? "Kept" : "It is here already", { kind: "good" });
      onAdded({ id: made.id, text });
      form.current.reset();
      form.current.elements.namedItem("original").focus();
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  return html`<form class="card stack" ref=${form} onSubmit=${send} aria-label="A pair">
    <div class="fields">
      <label class="field"><span>Original</span><input type="file" name="original" accept="image/*" required /></label>
      <label class="field"><span>What became of it</span><input type="file" name="edited" accept="image/*" required /></label>
    </div>
    <label class="field"><span>Instruction</span><textarea name="raw" rows="2" maxlength=${LONGEST_TEXT} required></textarea></label>
    <label class="field pair-rating"><span>Rating</span><select name="rating">
      <option value="">not rated</option>${[5, 4, 3, 2, 1].map((stars) => html`<option key=${stars} value=${stars}>${stars} of 5</option>`)}
    </select></label>
    ${error && html`<${Problem} error=${error} />`}
    <div class="row"><button type="submit" class="primary" disabled=${busy}><${Icon} name="upload" />Add the pair</button></div>
    <${ConsentLine} what="Whoever it is of" />
  </form>`;
}
