// The panels of modalities: how a sample of each is shown, heard and recorded.
//
// A panel is a module that a modality brings, served at /panels/<modality>.js. It exports `panel`:
//   modality   its name
//   title      for people: "Speech"
//   accept     for file inputs: "audio/*"
//   load(sample, {signal})         fetches what showing needs -> asset; called ahead for the next ones
//   prepare(asset)                 optional: the next to be shown, so that it plays at once
//   release(asset)                 frees it
//   Player({sample, asset, autoplay, onProblem})   shows and plays the sample; `asset` is null while
//                                  it is fetched, and the same Player is given one sample after the other.
//                                  Its canvas, or what it draws on, has data-drawn=<number of the sample>
//                                  once it is drawn; its own element data-playable likewise.
//   Badges({sample, asset})        optional: chips for a heading (level, clipping)
//   Thumb({sample})                a small play button or picture for tables; the sample is as in lists
//   Details({sample, asset})       facts of the medium (duration, level, ...): <div><dt/><dd/></div> each
//   styled                         true: /panels/<modality>.css is loaded with it
//   keys                           rows for the keymap; Player binds them with `useKeys`
//   lengthHint(sample, text)       a warning when a text does not fit the medium, or null
//   still      true: nothing of it plays, so that no page offers to play it at once
//   words      what pages call the parts of its samples, where they are not those of `WORDS`

import { signal } from "#/html.js";
import { addKeys } from "#/keymap.js";

const WORDS = {
  medium: "Recording",
  text: "What was really said",
  placeholder: "Type what was said",
  refusal: "type what was said, or reject the sample",
  readings: "What models said",
  raw: "Heard",
  corrected: "Corrected",
  accept: "Accept what was heard",
  recognizer: "Recognized",
  corrector: "Corrected by a language model",
  nothing: "No model has said anything of this sample: type what was said.",
};

const loaded = new Map();
/** The words of the panels that are here. */
const known = signal({});

/** What a page calls the parts of a modality's samples. */
export const wordsOf = (modality) => known.value[modality] ?? WORDS;

/** The panel of a modality; loaded once. */
export function panelOf(modality) {
  if (!loaded.has(modality)) {
    const found = import(`/panels/${modality}.js`).then(({ panel }) => {
      addKeys(panel.keys ?? []);
      if (panel.styled) addStyles(modality);
      known.value = { ...known.value, [modality]: { ...WORDS, ...panel.words } };
      return panel;
    });
    found.catch(() => loaded.delete(modality));
    loaded.set(modality, found);
  }
  return loaded.get(modality);
}

function addStyles(modality) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = `/panels/${modality}.css`;
  document.head.append(link);
}
