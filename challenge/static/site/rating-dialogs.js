// What stands before the image at times: dialogs, a window that is too small, a session that another window holds.
// Used by rating.js, whose state it reads.
"use strict";

// --- dialogs ----------------------------------------------------------------------------------------------------------

const STAYING = ["finished", "held-dialog", "small-dialog"]; // Escape does not close these

function openDialog(id) {
  const dialog = byId(id);
  if (dialog.open) return;
  // A dialog that must be answered gives way to none.
  const open = document.querySelector("dialog[open]");
  if (open && STAYING.includes(open.id) && id !== "held-dialog") return;
  if (open) open.close();
  if (id !== "flag-dialog") {
    wasHidden = wasHidden || isShown();
    shownAt = 0;
  }
  byId("frame").hidden = id === "pause-dialog" || id === "time-dialog" || STAYING.includes(id);
  dialog.showModal();
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("cancel", (event) => { if (STAYING.includes(dialog.id)) event.preventDefault(); });
  dialog.addEventListener("close", () => {
    if (document.querySelector("dialog[open]")) return;
    byId("frame").hidden = false;
    scale.slider.focus();
    requestAnimationFrame(() => requestAnimationFrame(startClock));
  });
}

function flagImage(flag) {
  byId("flag-dialog").close();
  if (!isShown()) shownAt = performance.now(); // also an image that does not load can be flagged
  answer(null, flag, "key");
}

function tellTime() {
  if (isTimeTold || activeMs < scaleOf.minutes * 60000 || queue.length === 0) return;
  isTimeTold = true;
  byId("time-text").textContent = say(texts.time_is_up_text, { count: queue.length });
  openDialog("time-dialog");
}

function checkSize() {
  if (!total) return;
  const all = [...queue, ...done];
  const [width, height] = ["width", "height"].map((side) =>
    Math.ceil(Math.max(...all.map((trial) => trial[side])) / devicePixelRatio));
  const stage = byId("stage");
  const missing = { width: width - stage.clientWidth, height: height - stage.clientHeight };
  if (missing.width <= 0 && missing.height <= 0) {
    byId("small-dialog").close();
    return;
  }
  const values = { width: innerWidth + Math.max(0, missing.width), height: innerHeight + Math.max(0, missing.height) };
  byId("small-text").textContent = say(texts.too_small, { ...values, window_width: innerWidth, window_height: innerHeight });
  openDialog("small-dialog");
}

window.addEventListener("resize", () => {
  if (current && images.get(current)) fitPixels(images.get(current).image, current);
  checkSize();
});

document.addEventListener("visibilitychange", () => { if (document.hidden) wasHidden = true; });

async function finishSession() {
  byId("finish").disabled = true;
  if (!config.preview) {
    byId("finish-state").textContent = texts.finish_wait;
    const isStored = await sender.drain().catch(() => false);
    const isDone = isStored && await post(config.finish, {}).then((reply) => reply.ok, () => false);
    if (!isDone) {
      byId("finish").disabled = false;
      byId("finish-state").textContent = byId("saved").textContent;
      return;
    }
  }
  location.assign(config.home);
}

// --- holding the session ----------------------------------------------------------------------------------------------

// Of the tabs of one browser only one may rate: the lock is let go when its tab is closed or crashes.
function lockTab(takesOver) {
  if (!navigator.locks) return Promise.resolve(true); // without https: the server lets the newest page rate
  return new Promise((resolve) => {
    const options = takesOver ? { steal: true } : { ifAvailable: true };
    navigator.locks
      .request(`rating:${config.session}`, options, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise(() => {});
      })
      .catch(() => lose("second_tab")); // another tab took over
  });
}

function lose(why) {
  if (!holds && byId("held-dialog").open) return;
  holds = false;
  byId("held-text").textContent = texts[why];
  openDialog("held-dialog");
}

function environment() {
  return {
    dpr: devicePixelRatio,
    width: innerWidth,
    height: innerHeight,
    screen: `${screen.width}x${screen.height}`,
    zoom: Number((outerWidth / innerWidth).toFixed(2)),
    fullscreen: Boolean(document.fullscreenElement),
    touch: navigator.maxTouchPoints > 0,
    language: navigator.language,
  };
}

async function acquire(takesOver) {
  if (!(await lockTab(takesOver))) return "second_tab";
  const device = await outbox.device(page).catch(() => page);
  const body = { page, device, take_over: takesOver, environment: environment() };
  const reply = await post(config.hold, body).catch(() => null);
  if (reply?.status === 409) return "second_device";
  return reply?.ok ? "" : "signed_out";
}
