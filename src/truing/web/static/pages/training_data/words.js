// What the figures of each modality are called.

const WORDS = {
  image_edit: {
    samples: "Pairs", sample: "pair", media: "Pictures", distinct: "Different instructions", texts: "Instructions", text: "instruction",
    wording: "What was asked for",
  },
  speech: {
    samples: "Samples", sample: "sample", media: "Recordings", distinct: "Different texts", texts: "Texts", text: "text",
    wording: "What was said",
  },
  lipreading: {
    samples: "Samples", sample: "sample", media: "Videos", distinct: "Different texts", texts: "Texts", text: "text",
    wording: "What was said",
  },
};
const ANY = { ...WORDS.speech, media: "Media", wording: "What is in the texts" };

export const wordsOf = (modality) => WORDS[modality] ?? ANY;
