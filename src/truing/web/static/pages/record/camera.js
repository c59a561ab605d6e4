// The camera: from a click to a video file whose frames carry their real times.

const WISHES = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 }, facingMode: "user" };
/** The first one a browser knows: little work for the machine comes before small files. */
const KINDS = ["video/webm;codecs=vp8", "video/webm;codecs=vp9", "video/webm", "video/mp4"];
/** Lips are small: what the codec saves there, no model can read. */
const BITS_A_SECOND = 5_000_000;
const DARK = 50;
const GLANCE = 32;

/** Why there is no camera, in words a person can act on. */
export class NoCamera extends Error {
  /** @param {string} message @param {string} hint */
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

const REASONS = {
  NotAllowedError: ["the browser may not use the camera", "allow it beside the address, then try again"],
  NotFoundError: ["there is no camera", "plug one in, then try again, or upload a video below"],
  OverconstrainedError: ["there is no camera", "plug one in, then try again, or upload a video below"],
  NotReadableError: ["another program has the camera", "close it, then try again"],
};

/** Browsers give the camera to pages on this machine and to https alone. */
export const cameraAllowed = () => Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Turns the camera on; nothing is recorded yet.
 * @param {{onLost: () => void}} listeners `onLost` is called when the camera is unplugged
 * @returns {Promise<{stream: MediaStream, close: () => void}>}
 */
export async function openCamera({ onLost }) {
  if (!cameraAllowed()) {
    throw new NoCamera("this page may not use the camera", "open it as http://127.0.0.1 on the server's machine, or over https");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: WISHES, audio: false });
  } catch (error) {
    const [message, hint] = REASONS[error.name] ?? [`the camera cannot be used: ${error.message}`, "try again, or upload a video below"];
    throw new NoCamera(message, hint);
  }
  for (const track of stream.getTracks()) track.onended = onLost;
  return { stream, close: () => stream.getTracks().forEach((track) => track.stop()) };
}

/**
 * Begins to record what the camera shows.
 * @param {MediaStream} stream
 * @returns {{stop: () => Promise<Blob>, cancel: () => void}}
 */
export function film(stream) {
  const mimeType = globalThis.MediaRecorder && KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  if (!mimeType) throw new NoCamera("this browser cannot record video", "use another browser, or upload a video below");
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: BITS_A_SECOND });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const end = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const stop = () => {
    // A camera that was unplugged has ended it already.
    if (recorder.state !== "inactive") recorder.stop();
  };
  return {
    async stop() {
      stop();
      await end;
      return new Blob(parts, { type: mimeType.split(";")[0] });
    },
    cancel: stop,
  };
}

const glass = document.createElement("canvas");

/** Whether it is too dark to see lips. */
export function isDark(video) {
  if (!video.videoWidth) return false;
  Object.assign(glass, { width: GLANCE, height: GLANCE });
  const context = glass.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, GLANCE, GLANCE);
  const { data } = context.getImageData(0, 0, GLANCE, GLANCE);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += data[at] + 2 * data[at + 1] + data[at + 2];
  return sum / data.length < DARK;
}
