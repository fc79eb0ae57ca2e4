// The participant's page: a jsPsych timeline from the consent to the debriefing.
//
// Every answer goes into the browser's own store the moment it is given, and the timeline is made
// of the trials that have none there, so that a reload goes on where it was. With a server, answers
// wait in a queue until it has acknowledged them; without one, they are saved as a file at the end.

import { arousal, valence } from "./manikins.mjs";

const WAIT = 2000; // ms until a request is made again
const SCALES = {
  valence: ["Unpleasant or pleasant?", "very unpleasant", "very pleasant", valence],
  arousal: ["Calm or excited?", "very calm", "very excited", arousal],
};
const KINDS = {
  rate_image: ["Picture", "pictures", "How does this picture feel to you?"],
  rate_song: ["Music", "pieces of music", "How does this music feel to you?"],
  choose: ["Choice", "choices", "Which picture fits the music better?"],
};

const byId = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const text = (x) => Object.assign(document.createElement("p"), { textContent: x }).outerHTML;
const heading = (title, small = "") =>
  `<h1 tabindex="-1">${small && `<small>${small}</small>`}${title}</h1>`;
const say = (x) => (byId("said").textContent = x);

// -- opening ----------------------------------------------------------------------------------

const code = location.hash.slice(1);
addEventListener("hashchange", () => location.reload());

// The code travels in the body, so that no log of a server or proxy holds it.
function post(path, body = {}) {
  return fetch(`api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ participant: code, ...body }),
    keepalive: true,
    signal: AbortSignal.timeout(15000),
  });
}

// Ask until there is an answer that is none of the server's own troubles.
async function patiently(ask) {
  for (;;) {
    const response = await ask().catch(() => null);
    if (response && response.status < 500 && ![408, 429].includes(response.status)) return response;
    byId("saved").textContent = "No connection. The page keeps trying; you need not do anything.";
    await pause(WAIT);
  }
}

const study = await (await patiently(() => fetch("study.json"))).json();
const served = study.store === "server";
const known = /^[\w-]{10,64}$/.test(code);
const found =
  known && (await patiently(() => (served ? post("plan") : fetch(`plans/${code}.json`))));
// Some hosts answer every address with a page.
const plan = found && found.ok ? await found.json().catch(() => null) : null;
const trials = plan ? plan.parts.flatMap((part) => part.trials) : [];

function message(title, ...paragraphs) {
  byId("stop").hidden = true;
  byId("stage").innerHTML = heading(title) + paragraphs.map(text).join("");
  byId("stage").querySelector("h1").focus();
}

function welcome() {
  const why = code ? "This code is not known here. " : "";
  message("Welcome", `${why}Open the link of your invitation, or type the code that stands in it.`);
  byId("stage").insertAdjacentHTML(
    "beforeend",
    `<form><label for="code">Your code</label> <input id="code" required autocomplete="off"
    autocapitalize="none" spellcheck="false"> <button class="jspsych-btn">Open the study</button></form>`,
  );
  byId("stage").querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = byId("code").value.trim();
  });
}

function withdrawn() {
  byId("saved").textContent = "";
  message("Your answers are deleted", "Nothing that you answered is kept. Thank you for your time.");
}

// -- the browser's store ----------------------------------------------------------------------

const KEY = `m2l ${code} ${plan?.plan}`;
const EMPTY = { consented: null, told: false, answers: {}, sent: [], saved: false, gone: false };
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
  state = { ...(kept ? read() : state) };
  Object.assign(state, typeof changes === "function" ? changes(state) : changes);
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    kept = false;
  }
}

const open = () => trials.filter((t) => !(t.trial in state.answers));
const unsent = () => Object.keys(state.answers).filter((id) => !state.sent.includes(id));
const own = () => Object.values(state.answers).filter((answer) => answer.at);
let shown = null; // the trial on the screen

addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  const there = read();
  if (there.gone || shown in there.answers) location.reload(); // another tab went on
});

function record(trial, answer) {
  shown = null;
  const done = { ...answer, at: new Date().toISOString() };
  // The first answer stands.
  update((s) => ({ answers: { [trial.trial]: done, ...s.answers }, saved: false }));
  flush();
}

// -- the queue --------------------------------------------------------------------------------

let sending = false;

async function flush() {
  showSaved();
  if (!served || sending || state.gone || !state.consented) return;
  sending = true;
  const taken = ({ status, ok }) => {
    if (status === 410) update({ gone: true });
    if (!ok && status !== 422) throw new Error(status); // 422: one that the server never takes
    return ok;
  };
  try {
    if (!state.told) {
      taken(await post("consent", { at: state.consented }));
      update({ told: true });
    }
    for (const id of unsent()) {
      if (taken(await post("answers", { trial: id, ...state.answers[id] })))
        update((s) => ({ sent: [...s.sent, id] }));
    }
  } catch {
    if (!state.gone) setTimeout(flush, WAIT);
  }
  sending = false;
  if (state.gone) withdrawn();
  else if (unsent().length && state.told) setTimeout(flush, WAIT);
  showSaved();
}

addEventListener("online", flush);
// A page out of the browser's memory may be older than the store.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
// An answer that is nowhere but in this window would be lost with it.
addEventListener("beforeunload", (event) => {
  if (state.gone || !state.consented) return;
  const inFile = !served && !open().length && !state.saved;
  if (inFile || (!kept && unsent().length)) event.preventDefault();
});

function showSaved() {
  const waiting = unsent().length;
  let told = "Your answers are stored.";
  if (!kept) told = "This browser keeps nothing: please do not close or reload this page.";
  else if (!served) told = "Your answers are kept in this browser until you save them at the end.";
  else if (waiting)
    told = `${waiting === 1 ? "An answer waits" : `${waiting} answers wait`} in this browser and will be sent without your doing.`;
  if (state.gone || !state.consented) told = "";
  if (byId("saved").textContent !== told) byId("saved").textContent = told;
  byId("stop").hidden = !told || !open().length;
  if (byId("file")) byId("file").hidden = served && !waiting;
}

function save() {
  const link = document.createElement("a");
  const answers = Object.entries(state.answers).filter(([, answer]) => answer.at);
  const content = {
    format: "m2l-answers",
    plan: plan.plan,
    participant: code,
    answers: answers.map(([trial, answer]) => ({ participant: code, trial, ...answer })),
  };
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)]));
  link.download = `answers-${code}.json`;
  link.click();
  update({ saved: true });
  byId("file").querySelector("p").textContent =
    `Your answers are in the file ${link.download}, where this browser saves its downloads. Send it as your invitation says.`;
}

// -- the timeline -----------------------------------------------------------------------------

const jsPsych = initJsPsych({
  display_element: "stage",
  show_progress_bar: true,
  auto_update_progress_bar: false,
  message_progress_bar: (done) => `${Math.round(done * trials.length)} of ${trials.length}`,
});

// A screen is announced by its heading, which takes the focus.
const screen = (parameters) => ({
  ...parameters,
  on_load() {
    const h1 = document.querySelector("#stage h1");
    document.title = h1 ? `${h1.textContent} · ${plan.title}` : plan.title;
    h1?.focus({ preventScroll: true });
    scrollTo(0, 0);
    jsPsych.progressBar.progress = 1 - open().length / trials.length;
    parameters.on_load?.();
  },
});

const scale = (name) => {
  const [legend, low, high, draw] = SCALES[name];
  const words = { 1: `, ${low}`, 5: ", in the middle", 9: `, ${high}` };
  const step = (n) =>
    `<label><input type="radio" name="${name}" value="${n}" required aria-label="${n}${words[n] ?? ""}">${draw(n)}<span>${n}</span></label>`;
  const steps = Array.from({ length: 9 }, (_, i) => step(i + 1)).join("");
  return `<fieldset class="scale"><legend>${legend}</legend><div class="steps">${steps}</div>
    <div class="ends" aria-hidden="true"><span>${low}</span><span>${high}</span></div></fieldset>`;
};
const scales = Object.keys(SCALES).map(scale).join("");

// The keys 1 to 9 answer the scale that has the focus, beside the browser's own arrow keys.
addEventListener("keydown", ({ key, target }) => {
  if (target.type !== "radio" || !/^[1-9]$/.test(key)) return;
  const input = target.closest("fieldset").querySelectorAll("input")[key - 1];
  input.focus();
  input.click();
});

function consent() {
  return screen({
    type: jsPsychHtmlButtonResponse,
    stimulus: `<div class="sheet">${heading(plan.title)}${plan.consent.map(text).join("")}</div>`,
    choices: ["I agree and take part", "I do not take part"],
    on_finish({ response }) {
      if (response === 1) {
        return jsPsych.abortExperiment(
          heading("Thank you") + text("Nothing has been stored. You can close this page."),
        );
      }
      update({ consented: new Date().toISOString() });
      flush();
    },
  });
}

// Everything that a part shows and plays, fetched before it begins.
function fetched(part) {
  const files = (names) => part.flatMap((t) => names.map((n) => t[n]).filter(Boolean));
  const load = {
    type: jsPsychPreload,
    images: files(["image", "left", "right"]),
    audio: files(["song"]),
    message: heading("Pictures and music are being fetched"),
    continue_after_error: true,
    max_load_time: null,
  };
  const failed = () => !jsPsych.data.get().filter({ trial_type: "preload" }).last(1).values()[0].success;
  const wait = {
    type: jsPsychHtmlButtonResponse,
    stimulus: heading("No connection") + text("The page keeps trying; your answers are safe."),
    choices: [],
    trial_duration: WAIT,
  };
  return { timeline: [load, { timeline: [wait], conditional_function: failed }], loop_function: failed };
}

function introduction(index) {
  const { instructions, trials: all } = plan.parts[index];
  const kinds = [...new Set(all.map((t) => t.kind))].filter((kind) => kind in KINDS);
  const counts = kinds.map((k) => `${all.filter((t) => t.kind === k).length} ${KINDS[k][1]}`);
  const sounds = all.some((t) => t.song);
  const first = index === 0;
  return screen({
    type: jsPsychHtmlButtonResponse,
    stimulus: `<div class="sheet">${heading(counts.join(", "), `Part ${index + 1} of ${plan.parts.length}`)}
      ${text(instructions)}
      ${first ? `<h2>Try the two scales</h2>${text("Nothing is stored here. Press a face, or use the keys 1 to 9 and the arrow keys.")}<form>${scales}</form>` : ""}
      ${sounds ? `${text("Headphones are best. Press the button, and set the volume so that the three notes are pleasant to hear.")}<button id="chime" type="button">Play three notes</button>` : ""}</div>`,
    choices: ["Begin"],
    on_load: () => byId("chime")?.addEventListener("click", chime),
  });
}

function chime() {
  const context = jsPsych.pluginAPI.audioContext();
  [523.25, 659.25, 783.99].forEach((frequency, i) => {
    const [tone, gain] = [context.createOscillator(), context.createGain()];
    const at = context.currentTime + 0.28 * i;
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0.25, at);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.8);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.8);
  });
}

const title = (trial) => {
  const all = trials.filter((t) => t.kind === trial.kind);
  const [one, , question] = KINDS[trial.kind] ?? ["A short check", "", "Please read this"];
  return heading(question, trial.kind in KINDS ? `${one} ${all.indexOf(trial) + 1} of ${all.length}` : one);
};

// Two scales under a picture or a text; `before` gives what was found before they were shown.
function rating(trial, before = () => ({})) {
  const picture = `<img class="single" src="${trial.image}" alt="The picture to be rated">`;
  return screen({
    type: jsPsychSurveyHtmlForm,
    preamble: title(trial) + (trial.image ? picture : "") + (trial.text ? text(trial.text) : ""),
    html: scales,
    button_label: "Next",
    on_start: () => (shown = trial.trial),
    on_finish({ response, rt }) {
      const [v, a] = [response.valence, response.arousal].map(Number);
      record(trial, { valence: v, arousal: a, ms: Math.round(rt), ...before() });
    },
  });
}

// Seconds of a song that sounded, by the clock of the sound, which stands still when it does.
function hearing(trial) {
  const clock = () => jsPsych.pluginAPI.audioContext().currentTime;
  let since = 0;
  return {
    start: () => (since = clock()),
    heard: () => Math.round(100 * Math.min(clock() - since, trial.seconds)) / 100,
  };
}

// Here is the music, and it ends the trial.
function song(trial) {
  const clock = hearing(trial);
  let heard = 0;
  const listen = screen({
    type: jsPsychAudioButtonResponse,
    stimulus: trial.song,
    choices: [],
    trial_ends_after_audio: true,
    prompt: `${title(trial)}<div class="player"><div style="animation-duration: ${trial.seconds}s"></div></div>
      ${text("Listen to the music. The two scales follow.")}`,
    on_start: () => (shown = trial.trial),
    on_load: clock.start,
    on_finish: () => (heard = clock.heard()),
  });
  return { timeline: [listen, rating(trial, () => ({ heard }))] };
}

function choice(trial) {
  const clock = hearing(trial);
  return screen({
    type: jsPsychAudioButtonResponse,
    stimulus: trial.song,
    choices: ["left", "right"],
    button_html: (side) =>
      `<button class="picture" type="button"><img src="${trial[side]}" alt="${side === "left" ? "Left" : "Right"} picture"></button>`,
    enable_button_after: 1000 * trial.listen,
    prompt: `<div class="above">${title(trial)}<div class="player"><div style="animation-duration: ${trial.seconds}s"></div></div>
      <p id="todo">Listen for ${Math.round(trial.listen)} seconds, then choose.</p></div>`,
    on_start: () => (shown = trial.trial),
    on_load() {
      clock.start();
      // That the pictures can be chosen is seen, and said.
      new MutationObserver(() => say((byId("todo").textContent = "Choose the picture that fits."))).observe(
        document.querySelector(".picture"),
        { attributeFilter: ["disabled"] },
      );
    },
    on_finish: ({ response, rt }) =>
      record(trial, { choice: ["left", "right"][response], ms: rt, heard: clock.heard() }),
  });
}

function debriefing() {
  const last = served
    ? "Some answers are still to be sent: please leave this page open. If you cannot wait, save them as a file, and send it to the people who invited you."
    : "One last step: your answers are only in this browser so far. Save them as a file, and send it as your invitation says.";
  return screen({
    type: jsPsychHtmlButtonResponse,
    stimulus: `<div class="sheet">${heading("Thank you")}
      <div id="file">${text(last)}<button class="jspsych-btn" type="button">Save my answers</button></div>
      ${plan.debriefing.map(text).join("")}<h2>If you change your mind</h2>
      <p>Your code is <strong>${code}</strong>. Keep it if you want to have your answers deleted later
      on, or delete them now.</p><button class="risky" type="button">Delete my answers</button></div>`,
    choices: [],
    on_load() {
      byId("file").querySelector("button").addEventListener("click", save);
      byId("stage").querySelector(".risky").addEventListener("click", () => byId("delete").showModal());
      showSaved();
    },
  });
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
  update({ ...EMPTY, gone: true });
  if (served) await patiently(() => post("withdraw"));
  location.reload();
}

// -- off we go --------------------------------------------------------------------------------

if (found?.status === 410 || state.gone) withdrawn();
else if (!plan) welcome();
else {
  // What the server has counts as answered in any browser.
  update((s) => ({
    consented: s.consented ?? plan.consented ?? null,
    told: s.told || Boolean(plan.consented),
    answers: { ...Object.fromEntries((plan.done ?? []).map((id) => [id, {}])), ...s.answers },
    sent: [...new Set([...s.sent, ...(plan.done ?? [])])],
  }));
  const pose = { rate_image: rating, check: rating, rate_song: song, choose: choice };
  const timeline = state.consented ? [] : [consent()];
  plan.parts.forEach((part, index) => {
    const left = part.trials.filter((t) => !(t.trial in state.answers));
    if (left.length)
      timeline.push(fetched(left), introduction(index), ...left.map((t) => pose[t.kind](t)));
  });
  flush();
  byId("stage").replaceChildren();
  jsPsych.run([...timeline, debriefing()]);
}
