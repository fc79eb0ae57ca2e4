// The player of the page "Play with it": the released generator, run in the browser.
//
// The state is a point u = (valence, arousal) of the plane, each a quantile in [-1, 1], and a
// scene. Until the generator is started, and where it cannot be, the nearest picture of a grid
// computed with the book is shown. Everything comes from this folder, nothing from elsewhere.

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
const small = new OffscreenCanvas(facts.resolution, facts.resolution).getContext("2d");
const sliders = player.querySelectorAll("input[type=range]");
const audio = $("audio");
const n = facts.grid;
const size = grid.naturalWidth / n;
picture.imageSmoothingQuality = map.imageSmoothingQuality = "high";

const u = [0, 0];
let scene = facts.scene;
let generator = null; // (u, scene) -> small, filled; null until it is started
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
  later = setTimeout(() => ($("[role=status]").textContent = words()), 400);
}

// -- pictures ----------------------------------------------------------------------------------

// Draw the picture of a point: the generator's, or the nearest of the grid.
async function put(point, context, x, y, side) {
  if (generator) {
    await generator(point, scene);
    context.drawImage(small.canvas, x, y, side, side);
  } else {
    const column = Math.round(((point[0] + 1) / 2) * (n - 1));
    const row = Math.round(((1 - point[1]) / 2) * (n - 1));
    context.drawImage(grid, column * size, row * size, size, size, x, y, side, side);
  }
}

// One picture at a time: the newest wish first, then the tiles of a new scene's map.
let wish = null;
let blank = [];
let working = false;

async function work() {
  if (working) return;
  working = true;
  try {
    while (wish !== null || blank.length) {
      if (wish !== null) {
        const since = wish;
        wish = null;
        const begin = performance.now();
        await put(u, picture, 0, 0, picture.canvas.width);
        const end = performance.now();
        if (generator) $(".player-time").textContent = `${Math.max(1, Math.round(end - begin))} ms`;
        player.dispatchEvent(new CustomEvent("painted", { detail: end - since }));
      } else {
        const tile = blank.shift();
        const [column, row] = [tile % n, Math.floor(tile / n)];
        const side = map.canvas.width / n;
        const point = [(2 * column) / (n - 1) - 1, 1 - (2 * row) / (n - 1)];
        await put(point, map, column * side, row * side, side);
        await new Promise((done) => setTimeout(done)); // lets a hand that moves go first
      }
    }
  } finally {
    working = false;
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
  if (how === "pointer" || how === "key") following = false; // a hand leads, until the next play
  wish = since;
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

async function load() {
  const bar = $("progress");
  let got = 0;
  const get = async (name) => {
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
  };
  const [graph, wasm, noise, ort] = await Promise.all([
    get("play/generator.onnx"),
    get("ort/ort-wasm-simd-threaded.wasm"),
    get("play/noise.bin"),
    import(at("ort/ort.wasm.min.mjs")),
  ]);
  bar.removeAttribute("value"); // compiling, of unknown length
  ort.env.wasm.numThreads = 1; // more need headers that plain hosting does not send
  ort.env.wasm.wasmBinary = wasm;
  const session = await ort.InferenceSession.create(new Uint8Array(graph));
  const z = new Float32Array(noise);
  const image = small.createImageData(facts.resolution, facts.resolution);
  const pixels = facts.resolution ** 2;
  return async (point, scene) => {
    const out = await session.run({
      z: new ort.Tensor("float32", z.slice(scene * facts.z, (scene + 1) * facts.z), [1, facts.z]),
      u: new ort.Tensor("float32", Float32Array.from(point), [1, 2]),
    });
    const rgb = out.image.data; // (1, 3, H, W) in [-1, 1]
    for (let i = 0; i < pixels; i++) {
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = (rgb[c * pixels + i] + 1) * 127.5;
      image.data[4 * i + 3] = 255;
    }
    small.putImageData(image, 0, 0);
  };
}

async function start() {
  button.disabled = true;
  player.dataset.state = "loading";
  try {
    const ready = await load();
    await ready(u, scene); // the first run is slower: it prepares the rest
    generator = ready;
    player.dataset.state = "running";
    $(".player-new").focus({ preventScroll: true });
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
  blank = [...Array(n * n).keys()];
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
  path = facts.pieces[chosen()][$("input[name=path]:checked").value];
  $("polyline").setAttribute("points", path.map(([, v, a]) => `${v},${-a}`).join(" "));
  const source = held.get(chosen()) ?? at(`play/${chosen()}.mp3`);
  if (audio.src !== source) {
    const playing = !audio.paused;
    audio.src = source;
    if (playing) play();
  }
  following = true;
  follow();
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

for (const [name, piece] of Object.entries(facts.pieces)) {
  const label = document.createElement("label");
  label.innerHTML = `<input type="radio" name="piece" value="${name}"><span></span>`;
  label.lastChild.textContent = piece.title;
  $(".player-pieces").append(label);
}
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

$("svg").setAttribute("viewBox", [-n, -n, 2 * n, 2 * n].map((x) => x / (n - 1)).join(" "));
map.drawImage(grid, 0, 0, map.canvas.width, map.canvas.height);
choose();
player.hidden = false;
