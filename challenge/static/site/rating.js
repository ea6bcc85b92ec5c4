// The rating page: one key rates an image and shows the next one. Sections: what the page knows, showing, answering,
// keys, start. Sending is in rating-outbox.js, the slider in rating-scale.js, loading in rating-images.js, dialogs and
// the right to rate in rating-dialogs.js. The server decides what counts; this page decides only what to show.
"use strict";

const read = (id) => JSON.parse(document.getElementById(id).textContent);
const config = read("config-data");
const texts = read("texts-data");
const scaleOf = read("scale-data");
const byId = (id) => document.getElementById(id);
const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

const DECIMAL_MS = 400; // a second digit within this time is a decimal of the first
const MOST_BACK = 3;
const LONGEST_LOOK_MS = 60000; // more than that was no looking at an image

// --- what the page knows ----------------------------------------------------------------------------------------------

const page = newId();
const known = new Map(); // trial id -> the answer that counts
let total = 0;
let queue = []; // trials without an answer, the current one first
let done = []; // answered trials, the last one last
let steps = 0; // how far one has gone back
let current = null;
let shownAt = 0;
let firstAt = null;
let wasHidden = false;
let lastDigit = null; // { entry, digit, at } while a decimal may follow
let activeMs = 0;
let isTimeTold = false;
let holds = config.preview;
let outbox;
let sender;

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // without https there is no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const setting = {
  get: (name, usual) => { try { return localStorage.getItem(name) ?? usual; } catch { return usual; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* it holds for this page only */ } },
};

// --- showing ----------------------------------------------------------------------------------------------------------

const address = (trial) => config.image.replace("00000000-0000-0000-0000-000000000000", trial.id);

// An image that does not load comes again at the end: the others need not wait for it.
const images = new Images(address, (trial) => {
  const place = queue.indexOf(trial);
  if (place < 0) return;
  queue.push(...queue.splice(place, 1));
  if (trial !== current) return;
  if (queue.length === 1) {
    tell(texts.not_loading, true);
  } else {
    announce(texts.broken_later);
    show();
  }
});

const scale = new Scale(byId("scale"), {
  low: scaleOf.low,
  high: scaleOf.high,
  step: scaleOf.step,
  labels: texts.labels.split("|"),
  noScore: texts.no_score,
  changed: () => {
    noteInput();
    byId("confirm").disabled = !isShown();
  },
});

const announce = (text) => { byId("announcer").textContent = text; };
const isShown = () => shownAt > 0;

function tell(text, isProblem = false) {
  byId("state").textContent = text;
  byId("state").toggleAttribute("data-problem", isProblem);
}

function show() {
  current = queue[0] ?? null;
  shownAt = 0;
  firstAt = null;
  wasHidden = document.hidden;
  scale.set(null);
  byId("confirm").disabled = true;
  images.keep([...queue.slice(0, AHEAD + 1), ...done.slice(-BEHIND)]);
  drawProgress();
  if (current === null) {
    byId("frame").replaceChildren();
    openDialog("finished");
    return;
  }
  const trial = current;
  byId("prompt").textContent = trial.prompt;
  byId("translation").textContent = trial.translation;
  byId("translation-box").hidden = !trial.translation;
  byId("practice").hidden = !trial.practice;
  const held = images.get(trial);
  if (held.isReady) {
    place(held.image, trial);
    return;
  }
  byId("frame").replaceChildren();
  tell(texts.loading);
  held.ready.then(() => {
    if (current === trial && held.isReady && !isShown()) place(held.image, trial);
  });
}

function place(image, trial) {
  fitPixels(image, trial);
  byId("frame").replaceChildren(image);
  tell("");
  const began = known.get(trial.id);
  if (began && began.value !== null) {
    scale.set(began.value);
    byId("confirm").disabled = false;
  }
  // The clock starts when the image is on the screen: after the frame that paints it.
  requestAnimationFrame(() => requestAnimationFrame(() => {
    if (current !== trial || document.querySelector("dialog[open]")) return;
    startClock();
  }));
}

function startClock() {
  if (current === null || !images.get(current)?.isReady) return;
  shownAt = performance.now();
  firstAt = null; // after a dialog both clocks start anew
  byId("confirm").disabled = scale.value === null;
  byId("frame").dataset.trial = current.id;
}

function drawProgress() {
  const answered = total - queue.length;
  byId("progress").max = total;
  byId("progress").value = answered;
  byId("progress-text").textContent = say(texts.progress, { done: answered, total });
  const each = answered > 5 && activeMs ? activeMs / answered : (scaleOf.minutes * 60000) / Math.max(1, total);
  byId("time-left").textContent = say(texts.time_left, { minutes: Math.ceil((queue.length * each) / 60000) });
}

function drawSaved({ waiting, connection }) {
  const place = byId("saved");
  if (connection === "signed_out") place.textContent = texts.signed_out;
  else if (connection === "offline") place.textContent = say(texts.offline, { count: waiting });
  else if (waiting) place.textContent = say(texts.saving, { count: waiting });
  else place.textContent = outbox.isDurable ? texts.saved : texts.not_stored;
  if (connection !== "ok" && place.dataset.connection !== connection) announce(place.textContent);
  place.dataset.connection = connection;
  place.dataset.waiting = waiting;
}

// --- answering --------------------------------------------------------------------------------------------------------

function noteInput() {
  if (firstAt === null && isShown()) firstAt = performance.now();
}

// Keep an answer and go on at once; storing and sending happen meanwhile.
function answer(value, flag, input, mayGetDecimal = false) {
  if (!isShown() || !holds) return null;
  noteInput();
  const now = performance.now();
  const trial = current;
  const entry = {
    id: newId(),
    session: config.session,
    sequence: config.preview ? 0 : outbox.nextSequence(),
    notBefore: mayGetDecimal ? Date.now() + DECIMAL_MS + 50 : 0,
    answer: {
      trial: trial.id,
      value,
      flag,
      supersedes: known.get(trial.id)?.id ?? null,
      input,
      response_ms: Math.round(now - shownAt),
      first_ms: Math.max(0, Math.round(firstAt - shownAt)),
      was_hidden: wasHidden,
      client_at: new Date().toISOString(),
    },
  };
  entry.answer.id = entry.id;
  known.set(trial.id, { id: entry.id, value, flag });
  activeMs += Math.min(entry.answer.response_ms, LONGEST_LOOK_MS);
  keep(entry);
  done.push(queue.shift());
  steps = Math.max(0, steps - 1);
  announce(value === null ? "" : say(texts.rated_as, { value: scale.shown(value) }));
  show();
  tellTime();
  return entry;
}

async function keep(entry) {
  if (config.preview) return;
  sender.given();
  try {
    await outbox.put(entry);
  } catch {
    tell(texts.not_stored, true);
  }
  sender.flush();
}

function confirmScore(input) {
  if (scale.value !== null && isShown()) answer(scale.value, "", input);
}

function giveDigit(digit, at) {
  const asks = setting.get("rating-ask", "no") === "yes";
  if (lastDigit && at - lastDigit.at < DECIMAL_MS && scaleOf.step < 1) {
    const value = lastDigit.digit + digit / 10;
    const { entry } = lastDigit;
    lastDigit = null;
    if (!scale.isOnScale(value)) announce(say(texts.off_scale, { value: value.toFixed(1) }));
    else if (entry === null) scale.jump(value);
    else {
      entry.answer.value = value;
      if (known.get(entry.answer.trial).id === entry.id) known.get(entry.answer.trial).value = value;
      keep(entry);
      announce(say(texts.corrected, { value: value.toFixed(1) }));
    }
    return;
  }
  if (!scale.isOnScale(digit)) {
    announce(say(texts.off_scale, { value: digit }));
    return;
  }
  if (!isShown()) return;
  if (asks) scale.jump(digit);
  const entry = asks ? null : answer(digit, "", "key", scaleOf.step < 1);
  lastDigit = { entry, digit, at };
}

function goBack() {
  lastDigit = null;
  if (!done.length || steps >= MOST_BACK) {
    announce(texts.undo_limit);
    return;
  }
  byId("finished").close();
  steps += 1;
  queue.unshift(done.pop());
  const { value } = known.get(queue[0].id);
  show();
  if (value !== null) announce(say(texts.back_at, { value: scale.shown(value) }));
}

// --- keys -------------------------------------------------------------------------------------------------------------

const ACTIONS = {
  Backspace: goBack,
  f: () => openDialog("flag-dialog"),
  p: () => openDialog("pause-dialog"),
  t: toggleTranslation,
  "?": () => openDialog("help-dialog"),
};

function toggleTranslation() {
  const text = byId("translation");
  text.hidden = !text.hidden;
  byId("translation-off").hidden = !text.hidden;
}

// Single keys can be switched off (WCAG 2.1.4): then they work on the slider only.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isOnSlider = event.target === scale.slider;
  const isOnControl = !isOnSlider && event.target.closest("button, a, input, summary");
  const areKeysOn = isOnSlider || setting.get("rating-keys", "on") === "on";
  const arrows = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  let isTaken = true;
  if (event.key in arrows && !event.target.closest(".text-box")) {
    lastDigit = null;
    if (isShown()) scale.move(arrows[event.key], event.shiftKey);
  } else if (isOnSlider && (event.key === "Home" || event.key === "End")) {
    if (isShown()) scale.jump(event.key === "Home" ? scaleOf.low : scaleOf.high);
  } else if (event.repeat) {
    isTaken = /^[0-9]$|^Backspace$|^Enter$|^ $/.test(event.key) && !isOnControl;
  } else if (!isOnControl && (event.key === "Enter" || event.key === " ")) {
    confirmScore(firstAt === null ? "key" : "slider");
  } else if (areKeysOn && /^[0-9]$/.test(event.key)) {
    giveDigit(Number(event.key), event.timeStamp);
  } else if (areKeysOn && ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key]) {
    ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key]();
  } else {
    isTaken = false;
  }
  if (isTaken) event.preventDefault();
});

// --- start ------------------------------------------------------------------------------------------------------------

async function begin(takesOver = false) {
  if (!config.preview) {
    const problem = await acquire(takesOver);
    if (problem) {
      lose(problem);
      return;
    }
    await sender.drain(); // what an earlier page left: the server's answer below then has it
  }
  const reply = await fetch(config.state, { credentials: "same-origin" }).catch(() => null);
  if (!reply?.ok) {
    lose("signed_out");
    return;
  }
  const { trials, active_ms: active = 0 } = await reply.json();
  known.clear();
  for (const trial of trials) if (trial.answer) known.set(trial.id, trial.answer);
  if (!config.preview) {
    for (const { answer: left } of await outbox.pending(config.session)) known.set(left.trial, left);
  }
  total = trials.length;
  activeMs = active;
  done = trials.filter((trial) => known.has(trial.id));
  queue = trials.filter((trial) => !known.has(trial.id));
  steps = 0;
  holds = true;
  byId("held-dialog").close();
  show();
  scale.slider.focus();
  checkSize();
}

async function start() {
  outbox = await Outbox.open();
  if (!config.preview) {
    sender = new Sender({
      outbox, session: config.session, url: config.answers, page, report: drawSaved, lost: () => lose("second_device"),
    });
  }
  byId("saved").textContent = config.preview ? texts.preview : texts.saved;
  const actions = {
    confirm: () => confirmScore("slider"),
    undo: goBack,
    flag: () => openDialog("flag-dialog"),
    pause: () => openDialog("pause-dialog"),
    help: () => openDialog("help-dialog"),
    "take-over": () => begin(true),
    "flag-broken": () => flagImage("broken"),
    "flag-offensive": () => flagImage("offensive"),
    finish: finishSession,
    "finished-back": goBack,
  };
  for (const [id, act] of Object.entries(actions)) byId(id).addEventListener("click", act);
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const [id, name, on, off] of [["keys-on", "rating-keys", "on", "off"], ["ask-first", "rating-ask", "yes", "no"]]) {
    byId(id).checked = setting.get(name, id === "keys-on" ? on : off) === on;
    byId(id).addEventListener("change", () => setting.set(name, byId(id).checked ? on : off));
  }
  begin();
}

start();
