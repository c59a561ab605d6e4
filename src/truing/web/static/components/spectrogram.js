// A spectrogram of a sound, computed in the browser: Hann windows, 70 decibels from black to bright.

const RATE = 16_000;
const WINDOW = 512;
const MOST_COLUMNS = 1600;
const RANGE_DB = 70;

/** @param {ArrayBuffer} data an encoded sound of some seconds @returns {Promise<HTMLCanvasElement>} */
export async function spectrogram(data) {
  const decoder = new OfflineAudioContext(1, 1, RATE);
  const samples = (await decoder.decodeAudioData(data)).getChannelData(0);
  const columns = Math.min(MOST_COLUMNS, Math.max(1, Math.floor(samples.length / 128)));
  const hop = Math.max(1, (samples.length - WINDOW) / columns);
  const levels = Array.from({ length: columns }, (_, at) => column(samples, Math.max(0, Math.floor(at * hop))));
  return painted(levels);
}

/** Decibels of each frequency at one place. */
function column(samples, start) {
  const real = new Float32Array(WINDOW);
  const imaginary = new Float32Array(WINDOW);
  for (let at = 0; at < WINDOW; at += 1) {
    const shape = 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / WINDOW);
    real[at] = (samples[start + at] ?? 0) * shape;
  }
  transform(real, imaginary);
  return Float32Array.from({ length: WINDOW / 2 }, (_, at) => 10 * Math.log10(real[at] ** 2 + imaginary[at] ** 2 + 1e-12));
}

/** Fast Fourier transform in place, radix 2. */
function transform(real, imaginary) {
  const size = real.length;
  for (let at = 1, other = 0; at < size; at += 1) {
    let bit = size >> 1;
    for (; other & bit; bit >>= 1) other ^= bit;
    other ^= bit;
    if (at < other) [real[at], real[other]] = [real[other], real[at]];
  }
  for (let length = 2; length <= size; length *= 2) {
    const angle = (-2 * Math.PI) / length;
    for (let start = 0; start < size; start += length) {
      for (let at = 0; at < length / 2; at += 1) butterfly(real, imaginary, start + at, length / 2, angle * at);
    }
  }
}

function butterfly(real, imaginary, at, half, angle) {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const other = at + half;
  const turnedReal = real[other] * cosine - imaginary[other] * sine;
  const turnedImaginary = real[other] * sine + imaginary[other] * cosine;
  real[other] = real[at] - turnedReal;
  imaginary[other] = imaginary[at] - turnedImaginary;
  real[at] += turnedReal;
  imaginary[at] += turnedImaginary;
}

function painted(levels) {
  const canvas = document.createElement("canvas");
  canvas.width = levels.length;
  canvas.height = WINDOW / 2;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const loudest = levels.reduce((most, one) => Math.max(most, ...one), -Infinity);
  for (const [x, one] of levels.entries()) {
    for (const [bin, level] of one.entries()) {
      const share = Math.max(0, 1 + (level - loudest) / RANGE_DB);
      const at = 4 * ((canvas.height - 1 - bin) * canvas.width + x);
      // From deep blue over teal to pale yellow, evenly brighter.
      image.data.set([255 * share ** 2.2, 245 * share ** 1.1, 70 + 110 * share, 255], at);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
