// What the page says while there is nothing: how samples come in.

import { html } from "#/html.js";
import { Command } from "#/components/command.js";
import { modalityTitle } from "#/components/modality.js";
import { Empty } from "#/components/states.js";

const WAYS = {
  image_edit: {
    title: "No pairs yet",
    said: "Growth, wording, ratings and disk show here with the first pair: an original, what became of it, and the instruction.",
    commands: ["truing import nexvision training-data/", `curl -F modality=image_edit -F original=@before.jpg -F edited=@after.jpg -F raw='make it brighter' ${location.origin}/api/samples`],
  },
  speech: { commands: ["truing import audiofolder recordings/"] },
  lipreading: { commands: ["truing import chaplin training_data/"] },
};

export function Beginning({ modality }) {
  const way = WAYS[modality] ?? {};
  return html`<${Empty} title=${way.title ?? `No samples of ${modalityTitle(modality).toLowerCase()} yet`} icon="chart">
    <p>${way.said ?? "Growth, wording, ratings and disk show here with the first sample."}</p>
    ${(way.commands ?? []).map((command) => html`<${Command} key=${command} command=${command} />`)}
    <p class="small">More ways stand on <a href="/">Home</a>.</p>
  <//>`;
}
