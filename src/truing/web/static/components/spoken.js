// What the panels of spoken media share: keys and sliders of a player, and a hint on how much is written.

import { html } from "#/html.js";
import { FASTEST } from "#/components/player.js";
import { Icon } from "#/components/icon.js";
import { seconds } from "#/format.js";
import { keysOf } from "#/keymap.js";

const SPEED_STEP = 0.1;
// The same limits as the checks `text_too_long` and `text_too_short` have unless they are set.
const MOST_LETTERS_A_SECOND = 20;
const LEAST_LETTERS_A_SECOND = 1.5;

/** Rows for the table of keys: the group's title, and what the key for going back does. */
export const playRows = (group, back) => [
  { id: "play", group, what: "play or pause", keys: ["Space"], where: "page" },
  { id: "play.editor", group, what: "play or pause while typing", keys: ["Ctrl+Space"], where: "both" },
  { id: "play.back", group, what: back, keys: ["Ctrl+b"], where: "both" },
  { id: "play.slower", group, what: "slower", keys: ["["], where: "page" },
  { id: "play.faster", group, what: "faster", keys: ["]"], where: "page" },
  { id: "play.loop", group, what: "loop the chosen region, or all; again to end it", keys: ["l"], where: "page" },
];

/**
 * What these keys do, for `useKeys`.
 * @param {import("#/components/player.js").Player} player
 * @param {{duration: number, back: number}} lengths seconds: of all, and of going back
 */
export const playActs = (player, { duration, back }) => ({
  play: () => player.toggle(),
  "play.editor": () => player.toggle(),
  "play.back": () => player.back(back),
  "play.slower": () => player.setSpeed(player.speed.value - SPEED_STEP),
  "play.faster": () => player.setSpeed(player.speed.value + SPEED_STEP),
  "play.loop": () => toggleLoop(player, duration),
});

/** Loops all that is there, or ends the loop. */
export function toggleLoop(player, duration) {
  player.loop(player.region.value ? null : [0, duration]);
}

export function Speed({ player }) {
  const speed = player.speed.value;
  return html`<label class="player-slider" title="Speed (${keysOf("play.slower")} ${keysOf("play.faster")})">
    <input type="range" min=${player.slowest} max=${FASTEST} step="0.1" value=${speed} aria-label="Speed"
      aria-valuetext="${speed.toFixed(1)} times" onInput=${(event) => player.setSpeed(event.target.valueAsNumber)} />
    <output class="number">${speed.toFixed(1)}×</output>
  </label>`;
}

export function Volume({ player }) {
  return html`<label class="player-slider player-volume" title="Volume"><${Icon} name="volume" />
    <input type="range" min="0" max="1" step="0.05" value=${player.volume.value} aria-label="Volume" onInput=${(event) => player.setVolume(event.target.valueAsNumber)} />
  </label>`;
}

/** A warning when nobody could have said the text in that time, or it is only part of it. */
export function lengthHint(sample, text) {
  const letters = [...text.matchAll(/[\p{L}\p{N}]/gu)].length;
  if (!sample.duration || !letters) return null;
  const rate = letters / sample.duration;
  if (rate > MOST_LETTERS_A_SECOND) return `a lot of text for ${seconds(sample.duration)}: ${Math.round(rate)} letters a second`;
  if (rate < LEAST_LETTERS_A_SECOND && sample.duration > 2) return `little text for ${seconds(sample.duration)}: is it all that was said?`;
  return null;
}
