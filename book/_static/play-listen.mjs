// What a song feels like, from second to second, heard in the browser: decoded and resampled by it,
// then given to the networks of m2l.music.tagging and the regressor, in windows of three seconds.

const SIZE = 400; // of an embedding

// A song at the networks' rate, its channels averaged. Throws where it is none.
export async function decode(file, rate) {
  const context = new OfflineAudioContext(1, 1, rate);
  const sound = await context.decodeAudioData(await file.arrayBuffer());
  const samples = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++) {
    const channel = sound.getChannelData(c);
    for (let i = 0; i < samples.length; i++) samples[i] += channel[i] / sound.numberOfChannels;
  }
  return samples;
}

const cut = (samples, start, length) => {
  const window = new Float32Array(length);
  window.set(samples.subarray(Math.max(0, start), start + length), Math.max(0, -start));
  return window;
};

// Windows' embeddings, and emotions of their weighted means.
export class Ear {
  constructor(run, hearing) {
    Object.assign(this, { run, hearing, times: [], held: new Float32Array() });
  }

  async add(time, samples) {
    const { embedding } = await this.run({
      samples: [samples, [1, samples.length]],
      held: [new Float32Array(), [0, SIZE]],
      mix: [new Float32Array(1), [1, 1]],
    });
    const held = new Float32Array(this.held.length + SIZE);
    held.set(this.held);
    held.set(embedding, this.held.length);
    this.held = held;
    this.times.push(time);
  }

  forget(keep) {
    this.times = this.times.slice(-keep);
    this.held = this.held.slice(-keep * SIZE);
  }

  // Ratings (valence, arousal), one pair for each row of weights on the windows.
  async feel(rows) {
    const mix = rows.flatMap((row) => {
      const sum = row.reduce((a, b) => a + b);
      return row.map((x) => x / sum);
    });
    const { emotion } = await this.run({
      samples: [new Float32Array(), [0, this.hearing.window]],
      held: [this.held, [this.times.length, SIZE]],
      mix: [Float32Array.from(mix), [rows.length, this.times.length]],
    });
    return rows.map((_, i) => [emotion[2 * i], emotion[2 * i + 1]]);
  }
}

// Hear a song: first a window every few seconds, which is what its emotion as a whole is told by,
// then those between. Each second is felt by the windows about it, as m2l.over_time has it.
// Tells its path [seconds, valence, arousal] and the whole as they grow, until told false.
export async function hear(samples, run, hearing, tell) {
  const { rate, window, every, about } = hearing;
  const before = Math.floor(about / 2); // to the last window that ends as late after the moment
  const after = before - 2;
  const edge = 256; // of silence that the first frame looks into
  const count = Math.floor((samples.length - window + 2 * edge) / rate) + 1; // one starts each second
  if (count < 1) throw new RangeError("short");
  const ear = new Ear(run, hearing);
  const starts = [...Array(count).keys()];
  const coarse = starts.filter((start) => start % every === 0);
  const order = [...coarse, ...starts.filter((start) => start % every)];
  const near = (second) => {
    const first = Math.min(Math.max(0, second - before), count - 1);
    const end = Math.max(first + 1, second + after);
    const row = ear.times.map((start) => Number(start >= first && start < end));
    if (!row.includes(1)) { // none of these is heard yet
      const away = ear.times.map((start) => Math.abs(start - second));
      row[away.indexOf(Math.min(...away))] = 1;
    }
    return row;
  };
  let whole, path;
  for (let i = 1; i <= count; i++) {
    const start = order[i - 1];
    await ear.add(start, cut(samples, start * rate - edge, window));
    if (i === coarse.length) [whole] = await ear.feel([ear.times.map(() => 1)]);
    if (i === coarse.length || i === count || (i > coarse.length && i % 10 === 0)) {
      const felt = await ear.feel([...Array(count + 2).keys()].map(near));
      path = felt.map((va, second) => [second, ...va]);
    }
    if (!tell({ done: i / count, whole, path })) return; // another was given
  }
}

// Hear the microphone until the returned function is called; tells (valence, arousal) about every
// second, or null where it is too quiet.
export async function overhear(run, hearing, tell) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext();
  const code = `registerProcessor("tap", class extends AudioWorkletProcessor {
    process([[channel]]) { if (channel) this.port.postMessage(channel); return true; } })`;
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url);
  URL.revokeObjectURL(url);
  const tap = new AudioWorkletNode(context, "tap");
  context.createMediaStreamSource(stream).connect(tap);
  const length = Math.ceil((hearing.window / hearing.rate) * context.sampleRate);
  const ring = new Float32Array(length);
  let heard = 0;
  tap.port.onmessage = ({ data }) => {
    ring.copyWithin(0, data.length);
    ring.set(data, length - data.length);
    heard += data.length;
  };
  const ear = new Ear(run, hearing);
  let going = true;
  const stop = () => {
    going = false;
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  };
  (async () => {
    while (going) {
      await new Promise((done) => setTimeout(done, 1000));
      if (!going || heard < length) continue;
      const peak = ring.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      if (peak < 1e-3) {
        tell(null);
        continue;
      }
      const offline = new OfflineAudioContext(1, hearing.window, hearing.rate);
      const source = offline.createBufferSource();
      source.buffer = new AudioBuffer({ length, sampleRate: context.sampleRate });
      // As loud as a record: the networks know nothing else.
      source.buffer.copyToChannel(ring.map((x) => (x * 0.9) / peak), 0);
      source.connect(offline.destination);
      source.start();
      const samples = (await offline.startRendering()).getChannelData(0);
      await ear.add(0, samples);
      ear.forget(4);
      const [va] = await ear.feel([ear.times.map(() => 1)]);
      if (going) tell(va);
    }
  })();
  return stop;
}
