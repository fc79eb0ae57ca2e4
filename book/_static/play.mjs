// The player of the page "Play with it": the released generator, run in the browser.
//
// The state is a point u = (valence, arousal) of the plane, each a quantile in [-1, 1], and a
// scene. Until the generator is started, and where it cannot be, the nearest picture of a grid
// computed with the book is shown. A song of the visitor's own is heard by play-listen.mjs.
// Everything comes from this folder, nothing from elsewhere, and nothing goes anywhere.

import { decode, hear, overhear } from "./play-listen.mjs";

const at = (name) => new URL(name, import.meta.url).href;
const player = document.querySelector(".player");
const $ = (selector) => player.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)");

const facts = await (await fetch(at("play/generator.json"))).json();
const grid = new Image();
grid.src = at("play/grid.jpg");
await grid.decode();

const picture = $(".player-picture").getContext("2d");
const map = $(".player-map").getContext("2d");
const sliders = player.querySelectorAll("input[type=range]");
const audio = $("audio");
const n = facts.grid;
const size = grid.naturalWidth / n;
picture.imageSmoothingQuality = map.imageSmoothingQuality = "high";

const u = [0, 0];
let scene = facts.scene;
let generator = null; // paints, once it is started
let path = [];
let following = false;

// -- words -------------------------------------------------------------------------------------

const lerp = (a, b, x) => a + (b - a) * x;

function rating(axis) {
  const knots = facts.ratings[axis];
  const x = ((u[axis] + 1) / 2) * (knots.length - 1);
  const i = Math.min(Math.floor(x), knots.length - 2);
  return lerp(knots[i], knots[i + 1], x - i).toFixed(2);
}

const words = () => `valence ${rating(0)}, arousal ${rating(1)}`;

let later;
function announce() {
  clearTimeout(later);
  later = setTimeout(() => ($(".player-told").textContent = words()), 400);
}

// -- pictures ----------------------------------------------------------------------------------

// Draw the nearest picture of the grid.
function near(point, context, x, y, side) {
  const column = Math.round(((point[0] + 1) / 2) * (n - 1));
  const row = Math.round(((1 - point[1]) / 2) * (n - 1));
  context.drawImage(grid, column * size, row * size, size, size, x, y, side, side);
}

const REST = 150; // ms without a wish before detail is painted
let pace = 0; // ms that a whole picture takes
let hand = false; // whether one leads, rather than a song

function put(image, since) {
  const { width } = picture.canvas;
  picture.drawImage(image, 0, 0, width, width);
  const detail = { ms: performance.now() - since, side: image.width };
  player.dispatchEvent(new CustomEvent("painted", { detail }));
}

// Draw the picture of the point. Where painting is slow, a hand sees it at half its side first.
async function show(since) {
  if (!generator) return near(u, picture, 0, 0, picture.canvas.width);
  const begin = performance.now();
  const lead = await generator.lead(u, scene);
  if (hand && pace > 50) {
    put(lead, since);
    if (wish !== null) return undefined;
  }
  put(await generator.whole(), since);
  pace = performance.now() - begin;
  $(".player-time").textContent = `${Math.max(1, Math.round(pace))} ms`;
  return undefined;
}

// One picture at a time: the newest wish first, then its detail if no other comes for a moment, then
// the tiles of a new scene's map.
let wish = null;
let rough = null; // the wish whose picture has detail to come
let blank = [];
let working = false;
let wake = () => {};
const rest = () =>
  new Promise((done) => {
    wake = done;
    setTimeout(done, REST);
  });

async function work() {
  if (working) return;
  working = true;
  player.ariaBusy = "true";
  try {
    while (wish !== null || rough !== null || blank.length) {
      if (wish !== null) {
        const since = wish;
        wish = null;
        await show(since);
        rough = generator?.finest ? since : null;
      } else if (rough !== null) {
        await rest();
        if (wish !== null) continue;
        put(await generator.finest(), rough);
        rough = null;
      } else {
        const tile = blank.shift();
        const [column, row] = [tile % n, Math.floor(tile / n)];
        const side = map.canvas.width / n;
        const point = [(2 * column) / (n - 1) - 1, 1 - (2 * row) / (n - 1)];
        map.drawImage(await generator.lead(point, scene), column * side, row * side, side, side);
        await new Promise((done) => setTimeout(done)); // lets a hand that moves go first
      }
    }
  } finally {
    working = false;
    player.ariaBusy = "false";
  }
}

// -- the plane ---------------------------------------------------------------------------------

function move(point, how, since = performance.now()) {
  point.forEach((x, axis) => (u[axis] = Math.min(1, Math.max(-1, x))));
  const inset = 1 / (2 * n); // the outermost points are the middles of the outermost tiles
  const percent = (x) => `${100 * lerp(inset, 1 - inset, (x + 1) / 2)}%`;
  $(".player-marker").style.left = percent(u[0]);
  $(".player-marker").style.bottom = percent(u[1]);
  sliders.forEach((slider, axis) => {
    slider.value = u[axis];
    slider.ariaValueText = words();
  });
  $(".player-words").textContent = words();
  $(".player-scene").textContent = `scene ${scene}`;
  $(".player-picture").ariaLabel = `Landscape for ${words()}, scene ${scene}`;
  if (how === "pointer") announce();
  hand = how === "pointer" || how === "key";
  if (hand) following = false; // until the next play
  wish = since;
  wake();
  work();
}

const plane = $(".player-plane");

function point(event) {
  const box = plane.getBoundingClientRect();
  const inset = 1 / (2 * n);
  const part = (x) => (2 * (x - inset)) / (1 - 2 * inset) - 1;
  const x = (event.clientX - box.left) / box.width;
  const y = (event.clientY - box.top) / box.height;
  move([part(x), part(1 - y)], "pointer", event.timeStamp);
}

plane.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  plane.setPointerCapture(event.pointerId);
  event.preventDefault();
  sliders[0].focus({ preventScroll: true });
  point(event);
});
plane.addEventListener("pointermove", (event) => {
  if (plane.hasPointerCapture(event.pointerId)) point(event);
});

const ARROWS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowUp: [1, 1], ArrowDown: [1, -1] };

plane.addEventListener("keydown", (event) => {
  const [axis, sign] = ARROWS[event.key] ?? [];
  if (axis === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  sliders[axis].focus();
  const to = [...u];
  to[axis] += sign * (event.shiftKey ? 0.25 : 0.05);
  move(to, "key", event.timeStamp);
});
// What a slider does by itself: Home, End, Page Up, Page Down, and screen readers' gestures.
sliders.forEach((slider, axis) =>
  slider.addEventListener("input", (event) => {
    const to = [...u];
    to[axis] = slider.valueAsNumber;
    move(to, "key", event.timeStamp);
  }),
);

// -- the generator -----------------------------------------------------------------------------

const button = $(".player-start");
const megabytes = (facts.bytes.generator + facts.bytes.runtime) / 1e6;
const bar = $(".player-loading progress");
let got = 0;

async function get(name) {
  const response = await fetch(at(name));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const parts = [];
  const reader = response.body.getReader();
  for (let { done, value } = {}; !done; ) {
    ({ done, value } = await reader.read());
    if (done) break;
    parts.push(value);
    got += value.length;
    bar.value = got / (megabytes * 1e6);
  }
  return new Blob(parts).arrayBuffer();
}

let runtime; // fetched once for all networks
let gpu = facts.bytes.gpu && "Suspending" in WebAssembly; // whether to ask for one

// What runs networks: WebGPU where the browser has it, and WebAssembly for the rest or for all.
async function prepare() {
  const adapter = gpu && (await navigator.gpu?.requestAdapter());
  gpu = Boolean(adapter && !adapter.info?.isFallbackAdapter); // a made-up one is the slower
  const kind = gpu ? "jspi" : "wasm";
  const wasm = await get(`ort/ort-wasm-simd-threaded${gpu ? ".jspi" : ""}.wasm`);
  return { runtime: at(`ort/ort.${kind}.min.mjs`), wasm };
}

// Networks in a worker of their own: (feeds {name: [data, shape]}, which) to {name: data}.
async function network(names, providers) {
  runtime ??= prepare();
  runtime.catch(() => (runtime = undefined));
  const [prepared, ...graphs] = await Promise.all([runtime, ...names.map(get)]);
  const worker = new Worker(at("play-worker.mjs"), { type: "module" });
  const calls = [];
  worker.onmessage = ({ data: { id, answer, error } }) =>
    error ? calls[id].reject(new Error(error)) : calls[id].resolve(answer);
  const call = (how, what) =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, reject });
      worker.postMessage({ id: calls.length - 1, how, what });
    });
  await call("load", { ...prepared, graphs, providers: providers() });
  return (feeds, which = 0) => call("run", { which, feeds });
}

async function load() {
  got = 0;
  const graphs = ["lead", "generator", "finest"].slice(0, facts.sides.length);
  const [run, noise] = await Promise.all([
    network(graphs.map((name) => `play/${name}.onnx`), () => (gpu ? ["webgpu", "wasm"] : ["wasm"])),
    get("play/noise.bin"),
  ]);
  const z = new Float32Array(noise);
  const canvas = (side) => new OffscreenCanvas(side, side).getContext("2d");
  const drawn = facts.sides.map(canvas);
  const paint = async (which, feeds) => {
    const { image: rgb } = await run(feeds, which); // (1, 3, H, W) in [-1, 1]
    const side = drawn[which].canvas.width;
    const image = new ImageData(side, side);
    for (let i = 0; i < side ** 2; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = (rgb[c * side ** 2 + i] + 1) * 127.5;
      image.data[4 * i + 3] = 255;
    }
    drawn[which].putImageData(image, 0, 0);
    return drawn[which].canvas;
  };
  return {
    // The picture at half its side, in half the time.
    lead: (point, scene) =>
      paint(0, {
        z: [z.slice(scene * facts.z, (scene + 1) * facts.z), [1, facts.z]],
        u: [Float32Array.from(point), [1, 2]],
      }),
    // The same picture whole, and then with its detail.
    whole: () => paint(1),
    finest: graphs[2] && (() => paint(2)),
  };
}

// A generator that has painted: the first run is slower, since it prepares the rest.
async function warm() {
  const ready = await load();
  await ready.lead(u, scene);
  await ready.whole();
  await ready.finest?.();
  return ready;
}

async function start() {
  if (generator || button.disabled) return;
  const pressed = document.activeElement === button; // which is about to go
  button.disabled = true;
  player.dataset.state = "loading";
  try {
    generator = await warm().catch((error) => {
      if (!gpu) throw error;
      console.warn(error); // without the GPU, then
      gpu = runtime = undefined;
      return warm();
    });
    player.dataset.state = "running";
    if (pressed) $(".player-new").focus({ preventScroll: true });
    move(u, "start");
  } catch (error) {
    player.dataset.state = "failed";
    button.disabled = false;
    console.warn(error);
  }
}

button.addEventListener("click", start);
$(".player-size").textContent = `${megabytes.toFixed(0)} MB`;
player.dataset.state = facts.bytes.runtime ? "waiting" : "grid";

$(".player-new").addEventListener("click", () => {
  scene = (scene + 1 + Math.floor(Math.random() * (facts.scenes - 1))) % facts.scenes;
  if (generator) blank = [...Array(n * n).keys()];
  move(u, "scene");
  announce();
});

$(".player-save").addEventListener("click", () => {
  const name = `landscape-v${rating(0)}-a${rating(1)}-seed${scene}.png`;
  $(".player-picture").toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  });
});

// -- pieces ------------------------------------------------------------------------------------

// Pieces that were played, each held whole: it can then be wound to any place, which a plain
// server of files does not allow.
const held = new Map();
const chosen = () => $("input[name=piece]:checked").value;

function choose() {
  const piece = facts.pieces[chosen()];
  path = piece[$("input[name=path]:checked").value] ?? piece.heard;
  $(".player-ways").hidden = !piece.composed;
  draw();
  const source = held.get(chosen()) ?? at(`play/${chosen()}.mp3`);
  if (audio.src !== source) {
    const playing = !audio.paused;
    audio.src = source;
    if (playing) play();
  }
  following = true;
  follow();
}

function draw() {
  $("polyline").setAttribute("points", path.map(([, v, a]) => `${v},${-a}`).join(" "));
}

// A press of pause may come first, which is no error.
const play = () => audio.play().catch(() => {});

async function hold(name) {
  audio.pause();
  const piece = await fetch(at(`play/${name}.mp3`));
  held.set(name, URL.createObjectURL(await piece.blob()));
  if (name !== chosen()) return;
  audio.src = held.get(name);
  play();
}

// Where the path is at the piece's present moment.
function follow() {
  let now = audio.currentTime;
  if (still.matches) now = 2 * Math.floor(now / 2); // a new picture every other second, no film
  if (!path.length) return;
  const after = path.findIndex(([t]) => t > now);
  const [a, b] = after < 0 ? [path.at(-1), path.at(-1)] : [path[Math.max(0, after - 1)], path[after]];
  const x = b[0] > a[0] ? (now - a[0]) / (b[0] - a[0]) : 0;
  const to = [1, 2].map((i) => lerp(a[i], b[i], Math.max(0, x)));
  if (to[0] !== u[0] || to[1] !== u[1]) move(to, "song");
}

let frame;
function walk() {
  cancelAnimationFrame(frame);
  if (audio.paused) return;
  if (following) follow();
  frame = requestAnimationFrame(walk);
}

function offer(name, piece) {
  const label = document.createElement("label");
  label.innerHTML = `<input type="radio" name="piece" value="${name}"><span></span>`;
  label.lastChild.textContent = piece.title;
  $(".player-pieces").append(label);
  facts.pieces[name] = piece;
}
for (const [name, piece] of Object.entries(facts.pieces)) offer(name, piece);
$("input[name=piece][value=journey]").checked = true;
player.addEventListener("change", (event) => {
  if (event.target.type === "radio") choose();
});
audio.addEventListener("play", () => {
  if (!held.has(chosen())) return hold(chosen());
  following = true;
  walk();
});
audio.addEventListener("seeked", () => following && follow());

// -- a song of one's own -----------------------------------------------------------------------

const [heard, share] = $(".player-heard").children; // the second is for the eye alone
let ear; // a promise of the network
let song = 0; // how many were given: only the last one is told of
let quiet = null; // ends the microphone

const listen = () => {
  ear ??= network(["play/ear.onnx"], () => ["wasm"]);
  ear.catch(() => (ear = undefined));
  return ear;
};

// From ratings among songs to the same quantiles among landscapes.
const place = (va) =>
  va.map((x, axis) => {
    const { [axis]: levels } = facts.hearing.quantiles; // of ratings from 1 to 9
    return levels[Math.round(((x - 1) / 8) * (levels.length - 1))];
  });
const feeling = ([v, a]) => `valence ${v.toFixed(1)}, arousal ${a.toFixed(1)}`;

async function take(file) {
  const mine = ++song;
  const tell = (text, rest = "") => {
    if (mine !== song) return;
    if (heard.textContent !== text) heard.textContent = text;
    share.textContent = rest;
  };
  quiet?.();
  tell(`Opening ${file.name} …`);
  let samples;
  try {
    samples = await decode(file, facts.hearing.rate);
  } catch {
    tell(`${file.name} is no song that this browser can play; try an mp3, m4a, ogg, flac or wav.`);
    return;
  }
  tell(`Loading what listens (${(facts.bytes.ear / 1e6).toFixed(0)} MB) …`);
  try {
    const [run] = await Promise.all([listen(), start()]);
    if (mine !== song) return;
    URL.revokeObjectURL(held.get("own"));
    held.set("own", URL.createObjectURL(file));
    facts.pieces.own ?? offer("own", {});
    const piece = Object.assign(facts.pieces.own, { title: file.name, heard: [] });
    const radio = $("input[name=piece][value=own]");
    radio.nextSibling.textContent = file.name;
    await hear(samples, run, facts.hearing, ({ done, whole, path: felt }) => {
      if (mine !== song) return false;
      const rest = done < 1 ? ` · listening, ${Math.round(100 * done)} %` : "";
      tell(whole ? `${file.name}: ${feeling(whole)} among songs` : file.name, rest);
      if (!felt) return true;
      const first = !piece.heard.length;
      piece.heard = felt.map(([t, ...va]) => [t, ...place(va)]);
      if (first) {
        radio.checked = true;
        choose();
        play();
      } else if (chosen() === "own") {
        path = piece.heard;
        draw();
      }
      return true;
    });
  } catch (error) {
    console.warn(error);
    tell(
      error instanceof RangeError
        ? `${file.name} is shorter than three seconds; give a longer one.`
        : "What listens could not be loaded; give the song again to try again.",
    );
  }
}

const file = $(".player-own input");
file.addEventListener("change", () => file.files[0] && take(file.files[0]));
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  player.classList.add("player-over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) player.classList.remove("player-over");
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  player.classList.remove("player-over");
  player.scrollIntoView({ block: "nearest" });
  take(event.dataTransfer.files[0]);
});

const microphone = $(".player-microphone");
microphone.hidden = !navigator.mediaDevices; // there is none outside of https and this machine

microphone.addEventListener("click", async () => {
  if (quiet) {
    quiet();
    return;
  }
  const mine = ++song;
  audio.pause();
  share.textContent = "";
  heard.textContent = "Waiting for the microphone …";
  try {
    const [run] = await Promise.all([listen(), start()]);
    path = [];
    draw();
    const stop = await overhear(run, facts.hearing, (va) => {
      if (mine !== song) return;
      heard.textContent = va ? `Heard: ${feeling(va)} among songs` : "It is quiet here: play something.";
      if (!va) return;
      const to = place(va);
      path = [...path, [0, ...to]].slice(-60);
      draw();
      move([0, 1].map((i) => lerp(u[i], to[i], 0.6)), "song");
    });
    quiet = () => {
      stop();
      quiet = null;
      microphone.ariaPressed = "false";
      heard.textContent = "";
    };
    microphone.ariaPressed = "true";
    heard.textContent = "Listening …";
  } catch (error) {
    heard.textContent =
      error.name === "NotAllowedError"
        ? "The microphone was not allowed; the browser's bar at the top lets you change that."
        : "No microphone could be opened.";
  }
});
$(".player-own").hidden = !facts.bytes.runtime || !facts.hearing;

$("svg").setAttribute("viewBox", [-n, -n, 2 * n, 2 * n].map((x) => x / (n - 1)).join(" "));
map.drawImage(grid, 0, 0, map.canvas.width, map.canvas.height);
choose();
player.hidden = false;
