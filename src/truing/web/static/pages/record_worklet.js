// Runs beside the page: mixes what the microphone gives to one channel of 16-bit samples.

const BLOCK = 512;

class Sampler extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
    this.ended = false;
    this.port.onmessage = () => this.finish();
  }

  /** The last block is hardly ever full: what it holds is given out all the same. */
  finish() {
    if (this.filled) this.send(this.block.slice(0, this.filled));
    this.ended = true;
    this.port.postMessage("end");
  }

  send(samples) {
    this.filled = 0;
    this.port.postMessage(samples, [samples.buffer]);
  }

  process([channels]) {
    if (this.ended) return false;
    const length = channels.length ? channels[0].length : 0;
    for (let at = 0; at < length; at += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[at];
      const value = Math.round((sum / channels.length) * 32768);
      this.block[this.filled] = Math.max(-32768, Math.min(32767, value));
      this.filled += 1;
      if (this.filled === BLOCK) {
        this.send(this.block);
        this.block = new Int16Array(BLOCK);
      }
    }
    return true;
  }
}

registerProcessor("sampler", Sampler);
