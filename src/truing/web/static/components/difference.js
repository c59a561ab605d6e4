// How two pictures differ, pixel by pixel and channel by channel, on a canvas.

/** Pixels of the longer side: more are not seen, and would cost tenths of a second. */
const LONGEST = 1024;

/**
 * The absolute difference of two pictures at the shape of the first; the second is stretched to it.
 * @param {HTMLImageElement} before @param {HTMLImageElement} after both decoded
 * @returns {ImageData} without transparency
 */
export function differenceOf(before, after) {
  const longest = Math.max(before.naturalWidth, before.naturalHeight);
  const scale = Math.min(1, LONGEST / longest);
  const size = [before.naturalWidth, before.naturalHeight].map((side) => Math.max(1, Math.round(side * scale)));
  const [one, other] = [before, after].map((picture) => pixelsOf(picture, ...size));
  for (let at = 0; at < one.data.length; at += 1) {
    if (at % 4 !== 3) one.data[at] = Math.abs(one.data[at] - other.data[at]);
  }
  return one;
}

function pixelsOf(picture, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // What is transparent counts as on white paper.
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Draws a difference so many times as bright as it is. */
export function drawDifference(canvas, difference, gain) {
  const { width, height, data } = difference;
  const shown = new ImageData(width, height);
  for (let at = 0; at < data.length; at += 1) shown.data[at] = at % 4 === 3 ? 255 : data[at] * gain;
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(shown, 0, 0);
}
