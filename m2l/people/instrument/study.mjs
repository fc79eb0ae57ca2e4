// The participant's page: one trial at a time, from the consent to the debriefing.
//
// Every answer goes into the browser's own store the moment it is given; what the page shows next
// follows from that store alone, so that a reload, a second tab or the back button change nothing.
// With a server, answers wait in a queue until it has acknowledged them; without one, they are
// saved as a file at the end.

import { arousal, valence } from "./manikins.mjs";

const AHEAD = 8; // trials whose media are fetched before they are needed
const SHORT = 0.1; // s that a browser's clock may lack when a song has ended
const WAIT = 1000; // ms until a request is made again, doubled each time up to
const LONGEST = 20000;

const SCALES = {
  valence: {
    row: "upper",
    legend: "Unpleasant or pleasant?",
    low: "very unpleasant",
    high: "very pleasant",
    draw: valence,
  },
  arousal: {
    row: "lower",
    legend: "Calm or excited?",
    low: "very calm",
    high: "very excited",
    draw: arousal,
  },
};

const KINDS = {
  rate_image: { one: "Picture", many: "pictures", ask: "How does this picture feel to you?" },
  rate_song: { one: "Music", many: "pieces of music", ask: "How does this music feel to you?" },
  choose: { one: "Choice", many: "choices", ask: "Which picture fits the music better?" },
  check: { one: "A short check", ask: "Please read this" },
};

const stage = document.getElementById("stage");
const clone = (id) => document.importNode(byId(`t-${id}`).content, true);
const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function say(text) {
  byId("said").textContent = "";
  setTimeout(() => (byId("said").textContent = text), 50); // the same words are said again, too
}

function paragraphs(element, texts) {
  const parts = [texts].flat().flatMap((text) => text.split(/\n\s*\n/));
  element.replaceChildren(
    ...parts.map((text) => Object.assign(document.createElement("p"), { textContent: text })),
  );
}

function show(content, title) {
  stage.replaceChildren(content);
  document.title = title ? `${title} · ${study.title}` : study.title;
  scrollTo(0, 0);
  stage.querySelector("h1").focus({ preventScroll: true });
}

function message(title, ...texts) {
  const content = clone("message");
  content.querySelector("h1").textContent = title;
  paragraphs(content.querySelector(".text"), texts);
  show(content, title);
}

// -- opening ----------------------------------------------------------------------------------

const code = location.hash.slice(1);
addEventListener("hashchange", () => location.reload());

const study = await patiently(async () => {
  const response = await fetch("study.json");
  if (!response.ok) throw new Error();
  return response.json();
});
const served = study.store === "server";
byId("title").textContent = study.title;

const plan = await patiently(getPlan);
const parts = plan?.parts ?? [];
const trials = parts.flatMap((part, index) =>
  part.trials.map((trial) => ({ ...trial, part: index })),
);

// Ask until there is an answer; say so when it takes more than one try.
async function patiently(ask) {
  for (let wait = WAIT; ; wait = Math.min(2 * wait, LONGEST)) {
    try {
      return await ask();
    } catch {
      const h1 = stage.querySelector("h1");
      h1.textContent = "No connection";
      h1.nextElementSibling.textContent =
        "The study cannot be reached. The page keeps trying; you need not do anything.";
      await pause(wait);
    }
  }
}

function ask(path, options = {}) {
  const headers = { Authorization: `Bearer ${code}`, "Content-Type": "application/json" };
  return fetch(path, {
    ...options,
    headers,
    cache: "no-store",
    signal: AbortSignal.timeout?.(15000),
  });
}

// The participant's plan; null when there is none, which has been said then.
async function getPlan() {
  if (!/^[\w-]{10,64}$/.test(code)) return welcome(code && "This is not a code of this study.");
  const response = served ? await ask("api/plan") : await fetch(`plans/${code}.json`);
  if (response.status === 410) return withdrawn();
  if ([401, 404].includes(response.status)) return welcome("This code is not known here.");
  if (!response.ok) throw new Error();
  // Some hosts answer every address with a page.
  return response.json().catch(() => welcome("This code is not known here."));
}

function welcome(why) {
  const content = clone("code");
  content.querySelector("#code-why").textContent =
    `${why ? `${why} ` : ""}Open the link of your invitation, or type the code that stands in it.`;
  content.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = byId("code").value.trim();
  });
  show(content, "Welcome");
  return null;
}

function withdrawn() {
  byId("stop").hidden = byId("progress").hidden = true;
  byId("saved").textContent = "";
  message(
    "Your answers are deleted",
    "Nothing that you answered is kept. Thank you for your time.",
  );
  return null;
}

// -- the browser's store ----------------------------------------------------------------------

const KEY = `m2l ${code} ${plan?.plan}`;
const EMPTY = {
  consented: null,
  told: false,
  begun: 0,
  answers: {},
  sent: [],
  refused: [],
  draft: null,
  saved: false,
  gone: false,
};
let kept = true; // false in a browser that stores nothing
let state = EMPTY;
state = read();

function read() {
  try {
    return { ...EMPTY, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return state;
  }
}

function update(changes) {
  if (kept) state = read();
  state = { ...state, ...(typeof changes === "function" ? changes(state) : changes) };
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    kept = false;
  }
}

addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const before = current();
  state = read();
  if (state.gone) withdrawn();
  else if (current() !== before) next(); // another tab went on
});

const current = () => trials.find((trial) => !(trial.position in state.answers));
const unsent = () =>
  Object.keys(state.answers).filter((p) => ![...state.sent, ...state.refused].includes(Number(p)));

// -- the queue --------------------------------------------------------------------------------

let sending = false;
let retry;
let delay = WAIT;

class Later extends Error {}

async function put(path, body) {
  const { status, ok } = await ask(path, {
    method: "PUT",
    body: JSON.stringify(body),
    keepalive: true,
  });
  if (status === 410) update({ gone: true });
  if (status === 410 || status === 401 || status === 408 || status === 429 || status >= 500)
    throw new Later();
  return { status, ok };
}

async function flush() {
  if (!served || sending || state.gone || !state.consented) return;
  sending = true;
  clearTimeout(retry);
  try {
    while (!state.told || unsent().length) {
      if (!state.told) {
        await put("api/consent", { at: state.consented });
        update({ told: true });
        continue;
      }
      const position = Number(unsent()[0]);
      const { status, ok } = await put(`api/answers/${position}`, state.answers[position]);
      if (status === 403) update({ told: false });
      else if (ok || status === 409) update((s) => ({ sent: [...s.sent, position] }));
      else update((s) => ({ refused: [...s.refused, position] }));
    }
    delay = WAIT;
  } catch {
    retry = setTimeout(flush, delay);
    delay = Math.min(2 * delay, LONGEST);
  }
  sending = false;
  if (state.gone) withdrawn();
  else showSaved();
}

// A page out of the browser's memory may be older than the store.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("online", flush);
document.addEventListener("visibilitychange", flush);
// An answer that is nowhere but in this window would be lost with it.
addEventListener("beforeunload", (event) => {
  const inFile = served ? state.refused.length : Object.keys(state.answers).length;
  if (state.gone || !state.consented) return;
  if ((!kept && unsent().length) || (!current() && inFile && !state.saved)) event.preventDefault();
});

function showSaved() {
  const waiting = unsent().length;
  let text = "Your answers are stored.";
  if (!kept) text = "This browser keeps nothing: please do not close or reload this page.";
  else if (!served) text = "Your answers are kept in this browser until you save them at the end.";
  else if (waiting)
    text = `No connection: ${waiting === 1 ? "an answer waits" : `${waiting} answers wait`} in this browser and will be sent by themselves.`;
  const saved = byId("saved");
  saved.classList.toggle("waits", !kept || (served && waiting > 0));
  if (saved.textContent !== text) saved.textContent = text;
  if (!current()) atEnd();
}

// -- media ------------------------------------------------------------------------------------

const fetched = new Map();

// A picture or a song as a whole, so that neither the network nor the host's ways with parts of
// files come between a participant and a trial.
function media(path) {
  if (!fetched.has(path)) {
    fetched.set(
      path,
      (async () => {
        for (let wait = WAIT; ; wait = Math.min(2 * wait, LONGEST)) {
          try {
            const response = await fetch(path);
            if (response.ok) return URL.createObjectURL(await response.blob());
          } catch {}
          byId("late")?.removeAttribute("hidden");
          await pause(wait);
        }
      })(),
    );
  }
  return fetched.get(path);
}

const needed = (trial) => ["song", "image", "left", "right"].map((k) => trial[k]).filter(Boolean);

function prefetch(from) {
  const soon = trials.slice(from, from + AHEAD).flatMap(needed);
  for (const [path, url] of fetched) {
    if (!soon.includes(path)) {
      fetched.delete(path);
      url.then(URL.revokeObjectURL);
    }
  }
  soon.reduce((before, path) => before.then(() => media(path)), Promise.resolve());
}

async function picture(img, path) {
  img.src = await media(path);
  await img.decode();
}

// -- screens ----------------------------------------------------------------------------------

function next() {
  halt?.();
  halt = null;
  const trial = current();
  const done = trials.length - trials.filter((t) => !(t.position in state.answers)).length;
  const begun = Boolean(state.consented);
  if (trial) prefetch(trials.indexOf(trial));
  byId("progress").hidden = !begun;
  byId("stop").hidden = !begun || !trial;
  byId("bar").max = trials.length;
  byId("bar").value = done;
  byId("progress").firstElementChild.textContent = trial
    ? `${done + 1} of ${trials.length}`
    : `${trials.length} of ${trials.length}`;
  if (!begun) return consent();
  showSaved();
  if (!trial) return end();
  if (state.begun <= trial.part) return introduce(trial.part);
  return pose(trial);
}

let halt = null; // leaves what is on the screen

function consent() {
  const content = clone("consent");
  content.querySelector("h1").textContent = plan.title;
  paragraphs(content.querySelector(".text"), plan.consent);
  content.querySelector("#agree").addEventListener("click", () => {
    update({ consented: new Date().toISOString() });
    flush();
    next();
  });
  content
    .querySelector("#decline")
    .addEventListener("click", () =>
      message("Thank you", "Nothing has been stored. You can close this page."),
    );
  show(content);
}

function introduce(index) {
  const { instructions, trials: own } = parts[index];
  const content = clone("part");
  const [small, title] = content.querySelectorAll("h1 > *");
  small.textContent = `Part ${index + 1} of ${parts.length}`;
  const kinds = [...new Set(own.map((t) => t.kind).filter((kind) => kind !== "check"))];
  title.textContent = kinds
    .map((kind) => `${own.filter((t) => t.kind === kind).length} ${KINDS[kind].many}`)
    .join(", ");
  paragraphs(content.querySelector(".text"), instructions);
  const before = parts.slice(0, index).flatMap((part) => part.trials);
  if (own.some(rates) && !before.some(rates)) {
    content.querySelector("#try-scales").hidden = false;
    content.querySelector(".scales").append(...Object.keys(SCALES).map(scale));
  }
  if (own.some((t) => t.song) && !before.some((t) => t.song)) {
    content.querySelector("#try-sound").hidden = false;
    content.querySelector("#chime").addEventListener("click", chime);
  }
  content.querySelector("#begin").addEventListener("click", () => {
    update({ begun: index + 1 });
    next();
  });
  show(content, small.textContent);
}

const rates = (trial) => trial.kind !== "choose";

function chime() {
  const context = new AudioContext();
  [523.25, 659.25, 783.99].forEach((frequency, i) => {
    const [tone, gain, at] = [
      context.createOscillator(),
      context.createGain(),
      context.currentTime + 0.28 * i,
    ];
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.25, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.8);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.8);
  });
  setTimeout(() => context.close(), 2000);
}

function scale(name) {
  const { legend, low, high, draw } = SCALES[name];
  const words = { 1: `, ${low}`, 5: ", in the middle", 9: `, ${high}` };
  const field = document.createElement("fieldset");
  field.className = "scale";
  const steps = Array.from({ length: 9 }, (_, i) => i + 1).map(
    (n) =>
      `<label><input type="radio" name="${name}" value="${n}" aria-label="${n}${words[n] ?? ""}">${draw(n)}<span>${n}</span></label>`,
  );
  field.innerHTML =
    `<legend>${legend}</legend><div class="steps">${steps.join("")}</div>` +
    `<div class="ends" aria-hidden="true"><span>${low}</span><span>${high}</span></div>`;
  field.addEventListener("keydown", ({ key }) => {
    if (!/^[1-9]$/.test(key)) return;
    const input = field.querySelectorAll("input")[key - 1];
    input.focus();
    input.click();
  });
  return field;
}

// -- music ------------------------------------------------------------------------------------

const WAVE = Array.from({ length: 151 }, (_, i) => {
  const x = i / 150;
  const swell =
    Math.sin(Math.PI * x) ** 0.6 * (0.55 + 0.45 * Math.sin(9.5 * x + 1) * Math.sin(23 * x));
  return [2 * i, swell * Math.abs(Math.sin(41 * x + 3 * Math.sin(7 * x)))];
});
const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  again: "M12 5V1L7 6l5 5V7a5.5 5.5 0 1 1-5.5 5.5h-2A7.5 7.5 0 1 0 12 5z",
};
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

// A player without a way to skip: what has been heard is what `played` holds, plus what was heard
// before a reload, from where it goes on.
async function player(trial, before, changed) {
  const audio = new Audio(await media(trial.song));
  // Some browsers look into a song only once it is to be played.
  const lasts = () => (Number.isFinite(audio.duration) ? audio.duration : trial.seconds);
  const heard = () => {
    let sum = before;
    for (let i = 0; i < audio.played.length; i++)
      sum += audio.played.end(i) - audio.played.start(i);
    return Math.min(sum, lasts());
  };
  const lacks = () => Math.max(0, Math.min(trial.listen, lasts()) - SHORT - heard());

  const element = clone("player").firstElementChild;
  const button = element.querySelector("button");
  const line = (sign, high) =>
    `M0 36${WAVE.map(([x, y]) => `L${x} ${(36 + sign * (1 + high * y)).toFixed(1)}`).join("")}L300 36Z`;
  for (const wave of element.querySelectorAll(".above")) wave.setAttribute("d", line(-1, 34));
  for (const wave of element.querySelectorAll(".below")) wave.setAttribute("d", line(1, 18));
  const mask = element.querySelector("#played rect");
  const place = () => mask.setAttribute("width", 300 * Math.min(1, audio.currentTime / lasts()));
  const draw = () => {
    const what = audio.ended ? "again" : audio.paused ? "play" : "pause";
    button.querySelector("path").setAttribute("d", ICONS[what]);
    button.setAttribute(
      "aria-label",
      { play: "Play the music", pause: "Pause the music", again: "Play the music again" }[what],
    );
    place();
    element.querySelector(".clock").textContent = `${clock(audio.currentTime)} / ${clock(lasts())}`;
    changed();
  };
  button.addEventListener("click", () =>
    audio.paused ? audio.play().catch(() => {}) : audio.pause(),
  );
  for (const event of ["play", "pause", "ended", "timeupdate", "seeked"])
    audio.addEventListener(event, draw);
  if (before)
    audio.addEventListener(
      "loadedmetadata",
      () => (audio.currentTime = Math.max(0, Math.min(before, lasts() - SHORT))),
      { once: true },
    );
  let frame;
  const animate = () => {
    place();
    frame = requestAnimationFrame(animate);
  };
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) animate();
  const stop = () => {
    cancelAnimationFrame(frame);
    audio.pause();
    audio.removeAttribute("src");
  };
  return { element, audio, heard, lacks, draw, stop };
}

// -- trials -----------------------------------------------------------------------------------

async function pose(trial) {
  const own = parts[trial.part].trials.filter((t) => t.kind === trial.kind);
  const { one, ask: question } = KINDS[trial.kind];
  const content = clone("trial");
  const form = content.querySelector("form");
  const [small, title] = form.querySelectorAll("h1 > *");
  const index = own.findIndex((t) => t.position === trial.position) + 1;
  small.textContent = trial.kind === "check" ? one : `${one} ${index} of ${own.length}`;
  title.textContent = question;
  form.classList.toggle("beside", trial.kind === "rate_image");
  form.classList.toggle("choice", trial.kind === "choose");
  const [shown, answer, go, todo] = [".shown", ".answer", ".go", "#todo"].map((s) =>
    form.querySelector(s),
  );
  shown.innerHTML = `<p id="late" role="status" hidden>Still loading. The page keeps trying; your answers are safe.</p>`;
  answer.hidden = go.hidden = true;
  show(content, small.textContent);

  let left = false;
  let music = null;
  const keep = () => {
    if (!left && onset !== null) update({ draft: { position: trial.position, ...given() } });
  };
  halt = () => {
    left = true;
    music?.stop();
    removeEventListener("pagehide", keep);
  };
  addEventListener("pagehide", keep);
  const draft = state.draft?.position === trial.position ? state.draft : {};
  let onset = null;
  let asked = false;
  let enough = false;

  const broken = () => {
    if (left) return;
    byId("late").textContent =
      "This browser cannot play the music or show the picture. Please open your link in another browser, such as Firefox or Chrome.";
    byId("late").hidden = false;
  };
  const now = () => Math.round((draft.ms ?? 0) + (onset === null ? 0 : performance.now() - onset));
  const given = () => {
    const data = new FormData(form);
    const number = (name) => (data.has(name) ? Number(data.get(name)) : null);
    return {
      valence: number("valence"),
      arousal: number("arousal"),
      choice: data.get("choice"),
      heard: music && Math.round(music.heard() * 100) / 100,
      ms: now(),
    };
  };
  // What is still to be done, with the element that does it.
  const lacking = () => {
    const values = given();
    const found = [];
    if (music) {
      const rest = music.lacks();
      if (rest > 0)
        found.push([
          music.audio.currentTime || values.heard
            ? `listen for ${Math.ceil(rest)} more second${rest > 1 ? "s" : ""}`
            : "play the music",
          music.element.querySelector("button"),
        ]);
    }
    if (trial.kind === "choose") {
      if (!values.choice) found.push(["choose a picture", form.querySelector("input")]);
    } else {
      const open = Object.keys(SCALES).filter((name) => !values[name]);
      if (open.length)
        found.push([
          `choose a face in ${open.length === 2 ? "both rows" : `the ${SCALES[open[0]].row} row`}`,
          form.elements[open[0]][0],
        ]);
    }
    return found;
  };
  const look = () => {
    if (left || onset === null) return;
    const missing = lacking();
    const text = missing.map(([what]) => what).join(", then ");
    todo.textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`;
    go.querySelector("button").classList.toggle("early", missing.length > 0);
    if (music && !enough && !music.lacks()) {
      enough = true;
      say("You have heard enough to answer.");
    }
  };

  try {
    if (trial.song) {
      music = await player(trial, draft.heard ?? 0, look);
      if (left) return music.stop();
      music.audio.addEventListener("error", broken);
      shown.append(music.element);
      let second = 0;
      music.audio.addEventListener("timeupdate", () => {
        if (Math.abs(music.audio.currentTime - second) < 1) return;
        second = music.audio.currentTime;
        keep();
      });
    }
    if (trial.image) {
      const img = Object.assign(new Image(), { alt: "The picture to be rated" });
      await picture(img, trial.image);
      const figure = document.createElement("figure");
      figure.append(img);
      shown.append(figure);
    }
    if (trial.text) {
      const note = Object.assign(document.createElement("div"), { className: "note" });
      paragraphs(note, trial.text);
      shown.append(note);
    }
    if (trial.kind === "choose") {
      const pair = clone("pair");
      const [first, second] = pair.querySelectorAll("img");
      await Promise.all([picture(first, trial.left), picture(second, trial.right)]);
      answer.append(pair);
    } else {
      answer.classList.add("scales");
      answer.append(...Object.keys(SCALES).map(scale));
    }
  } catch {
    return broken();
  }
  if (left) return;
  byId("late").hidden = true;
  for (const name of ["valence", "arousal", "choice"])
    if (draft[name]) form.elements[name].value = draft[name];
  answer.hidden = go.hidden = false;
  onset = performance.now();
  music?.draw();
  look();

  form.addEventListener("change", () => {
    look();
    keep();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (left || asked) return;
    const [first] = lacking();
    if (first) {
      say(todo.textContent);
      first[1].focus();
      return;
    }
    asked = true; // a second press must not answer the next trial
    const done = { ...given(), at: new Date().toISOString() };
    update((s) => ({
      answers: { [trial.position]: done, ...s.answers },
      draft: null,
      saved: false,
    }));
    flush();
    next();
  });
}

// -- the end ----------------------------------------------------------------------------------

function end() {
  if (byId("file")) return;
  const content = clone("end");
  paragraphs(content.querySelector(".text"), plan.debriefing);
  content.querySelector(".code").textContent = code;
  content.querySelector("#withdraw").addEventListener("click", () => byId("delete").showModal());
  content.querySelector("#file button").addEventListener("click", save);
  show(content, "Thank you");
  atEnd();
}

function atEnd() {
  const box = byId("file");
  if (!box) return;
  const name = `answers-${code}.json`;
  const lost = state.refused.length;
  const waiting = unsent().length;
  let text = "";
  if (!served)
    text = state.saved
      ? `Your answers are in the file ${name}, where this browser saves its downloads. Send it as your invitation says.`
      : "One last step: your answers are only in this browser so far. Save them as a file, and send it as your invitation says.";
  else if (lost)
    text = `The server did not take ${lost === 1 ? "one answer" : `${lost} answers`}. Please save them as a file, and send it to the people who invited you.`;
  else if (waiting)
    text =
      "Please leave this page open until the connection is back: your last answers are still to be sent. If you cannot wait, save them as a file, and send it to the people who invited you.";
  box.hidden = !text;
  box.firstElementChild.textContent = text;
  box.querySelector("button").textContent = state.saved ? "Save them again" : "Save my answers";
}

function save() {
  const answers = Object.entries(state.answers).filter(([, answer]) => answer.at);
  const content = {
    format: "m2l-answers",
    version: 1,
    plan: plan.plan,
    participant: code,
    consented: state.consented,
    answers: answers.map(([position, answer]) => ({ position: Number(position), ...answer })),
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(
    new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }),
  );
  link.download = `answers-${code}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  update({ saved: true });
  atEnd();
  say("Your answers are saved as a file.");
}

// -- pause and stop ---------------------------------------------------------------------------

byId("stop").addEventListener("click", () => byId("pause").showModal());
for (const [dialog, then] of [
  ["pause", () => byId("delete").showModal()],
  ["delete", withdraw],
])
  byId(dialog).addEventListener("close", ({ target }) => {
    if (target.returnValue === "delete") then();
    target.returnValue = "";
  });

async function withdraw() {
  halt?.();
  const inFile = state.saved;
  update({ ...EMPTY, gone: true });
  for (let wait = WAIT; served; wait = Math.min(2 * wait, LONGEST)) {
    try {
      const { ok } = await ask("api/answers", { method: "DELETE" });
      if (ok) break;
    } catch {}
    message(
      "Deleting your answers",
      "The server does not answer. Please leave this page open; it keeps trying.",
    );
    await pause(wait);
  }
  withdrawn();
  if (inFile) stage.querySelector(".text p").append(" Delete the file that you saved, too.");
}

// -- off we go --------------------------------------------------------------------------------

if (plan && state.gone) withdraw();
else if (plan) {
  update((s) => ({
    consented: s.consented ?? plan.consented ?? null,
    told: s.told || Boolean(plan.consented),
    // What the server has counts as answered in any browser.
    answers: { ...Object.fromEntries((plan.answered ?? []).map((p) => [p, {}])), ...s.answers },
    sent: [...new Set([...s.sent, ...(plan.answered ?? [])])],
  }));
  next();
  flush();
}
