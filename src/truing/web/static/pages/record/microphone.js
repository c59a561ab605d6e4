// The microphone: from a click to a sound file, with the level meanwhile.

const RATE = 16000;
const WISHES = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const FULL = 32767;

/** Why there is no microphone, in words a person can act on. */
export class NoMicrophone extends Error {
  /** @param {string} message @param {string} hint */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

const REASONS = {
  NotAllowedError: ["the browser may not use the microphone", "allow it beside the address, then try again"],
  NotFoundError: ["there is no microphone", "plug one in, then try again, or upload a recording below"],
  NotReadableError: ["another program has the microphone", "close it, then try again"],
};

/** Browsers give the microphone to pages on this machine and to https alone. */
export const microphoneAllowed = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Begins to record.
 * @param {{onLevel: (peak: number, clipped: boolean) => void}} listeners `peak` is 0 to 1
 * @returns {Promise<{stop: () => Promise<Blob>, cancel: () => void}>}
 */
export async function openMicrophone({ onLevel }) {
  if (!microphoneAllowed()) {
    throw new NoMicrophone("this page may not use the microphone", "open it as http://127.0.0.1 on the server's machine, or over https");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: WISHES });
  } catch (error) {
    const [message, hint] = REASONS[error.name] ?? [`the microphone cannot be used: ${error.message}`, "try again, or upload a recording below"];
    throw new NoMicrophone(message, hint);
  }
  const release = () => stream.getTracks().forEach((track) => track.stop());
  try {
    return "AudioWorkletNode" in window ? await sampled(stream, release, onLevel) : recorded(stream, release);
  } catch (error) {
    release();
    throw new NoMicrophone(`recording cannot begin: ${error.message}`, "try again, or upload a recording below");
  }
}

/** Samples as they are: what a model hears, without a codec in between. */
async function sampled(stream, release, onLevel) {
  const { context, source } = await connected(stream);
  await context.audioWorklet.addModule("/static/pages/record_worklet.js");
  const node = new AudioWorkletNode(context, "sampler", { numberOfOutputs: 0 });
  const blocks = [];
  let ended;
  const end = new Promise((resolve) => (ended = resolve));
  node.port.onmessage = ({ data }) => {
    if (data === "end") return ended();
    blocks.push(data);
    const peak = peakOf(data);
    onLevel(peak / FULL, peak >= FULL);
  };
  source.connect(node);
  await context.resume();
  const close = () => {
    source.disconnect();
    release();
    return context.close();
  };
  return {
    async stop() {
      node.port.postMessage("stop");
      await end;
      const rate = context.sampleRate;
      await close();
      return wav(blocks, rate);
    },
    cancel: () => void close(),
  };
}

/** A browser that cannot change the rate of its microphone records at the rate it has. */
async function connected(stream) {
  const wanted = new AudioContext({ sampleRate: RATE });
  try {
    return { context: wanted, source: wanted.createMediaStreamSource(stream) };
  } catch {
    await wanted.close();
    const context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}

/** For browsers without worklets: a compressed recording, which the server decodes. */
function recorded(stream, release) {
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const end = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  return {
    async stop() {
      recorder.stop();
      await end;
      release();
      return new Blob(parts, { type: recorder.mimeType });
    },
    cancel() {
      recorder.stop();
      release();
    },
  };
}

function peakOf(block) {
  let peak = 0;
  for (const value of block) peak = Math.max(peak, Math.abs(value));
  return peak;
}

/** A WAV file of 16-bit samples in one channel. */
function wav(blocks, rate) {
  const bytes = blocks.reduce((sum, block) => sum + block.byteLength, 0);
  const head = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, index) => head.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, bytes, true);
  return new Blob([head, ...blocks], { type: "audio/wav" });
}
