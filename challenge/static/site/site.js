// What the pages do beyond plain HTML. Every form and link works without this file; nothing here decides anything.
// Sections: time, announcements and htmx, forms, passkeys, copy buttons, prompts in doubt, leaderboard.
"use strict";

document.documentElement.classList.add("js");
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));

// --- time: the viewer's zone beside UTC, countdowns that trust the server's clock -------------------------------------

// «Thu 23:55 CET»: the date stands beside it in UTC, so the weekday is enough. The zone's name is the viewer's own word.
const CLOCK = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const ZONE = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });

function localTime(date) {
  const zone = ZONE.formatToParts(date).find((part) => part.type === "timeZoneName").value;
  return `${CLOCK.format(date).replace(",", "")} ${zone}`;
}

function addLocalTimes(root) {
  for (const time of all("main time[datetime]:not([data-local])", root)) {
    const date = new Date(time.dateTime);
    time.dataset.local = "";
    if (date.getTimezoneOffset() === 0) continue; // the viewer's time is UTC already
    const local = document.createElement("span");
    local.className = "local";
    local.textContent = localTime(date);
    time.after(" ", local);
  }
}

// How far this computer's clock is behind the server's, in ms. A page from the browser's cache tells nothing about it.
function clockSkew() {
  const stated = Date.parse(document.querySelector('meta[name="server-time"]')?.content);
  const load = performance.getEntriesByType("navigation")[0];
  const fromCache = load && (load.type === "back_forward" || load.transferSize === 0);
  return Number.isNaN(stated) || fromCache ? 0 : stated - Date.now();
}
const skew = clockSkew();

// Same words as the filter `duration` in core/templatetags/display.py.
function duration(ms) {
  const total = Math.floor(ms / 1000);
  const [days, hours, minutes] = [Math.floor(total / 86400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return `${minutes} min ${total % 60} s`;
}

function runCountdowns() {
  for (const element of all(".countdown[data-until]")) {
    const left = Date.parse(element.dataset.until) - Date.now() - skew;
    const text = left > 0 ? duration(left) : "now";
    if (element.textContent === text) continue;
    element.textContent = text;
    if (left <= 0 && !element.dataset.over) {
      element.dataset.over = "";
      announce("The time is up. Reload the page to see what has changed.");
    }
  }
}

// --- announcements and htmx -------------------------------------------------------------------------------------------

function announce(text) {
  const place = document.getElementById("announcer");
  if (place && place.textContent !== text) place.textContent = text;
}

const lastAnswers = new Map(); // address -> text: an unchanged answer is not swapped in, so focus and selection stay

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (requestConfig.verb !== "get") return;
  if (new URL(xhr.responseURL, location.href).pathname !== requestConfig.path) {
    event.detail.shouldSwap = false; // signed out meanwhile: the login page must not land inside this one
    location.reload();
  } else if (lastAnswers.get(requestConfig.path) === xhr.response) {
    event.detail.shouldSwap = false;
  } else {
    lastAnswers.set(requestConfig.path, xhr.response);
  }
});

document.addEventListener("htmx:afterSettle", (event) => {
  const settled = event.detail.elt;
  addLocalTimes(document);
  if (settled.dataset.announce) announce(settled.dataset.announce);
});

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (event.detail.target?.id !== "validation") return; // polling simply goes on
    const status = event.detail.xhr?.status;
    event.detail.target.textContent = status === 413
      ? "The file is larger than the server takes. Send it as a zip."
      : `The check did not run (${status ? `error ${status}` : "no connection"}). You can submit the file all the same.`;
  });
}

// --- forms: one submission per click, a file zone ---------------------------------------------------------------------

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-once]")) return;
  if (form.dataset.sent !== undefined) event.preventDefault();
  form.dataset.sent = "";
  for (const button of all("button[type=submit]", form)) button.setAttribute("aria-busy", "true");
});

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // came back through history: the form may be sent again
  for (const form of all("form[data-sent]")) {
    delete form.dataset.sent;
    for (const button of all("button[aria-busy]", form)) button.removeAttribute("aria-busy");
  }
});

// A file that is too large is not sent at all, neither to be checked nor by the form: it would be minutes for a refusal.
function refuseTooLarge(input) {
  const most = Number(input.dataset.maxBytes);
  const isTooLarge = most > 0 && input.files.length > 0 && input.files[0].size > most;
  const message = isTooLarge ? `The file is larger than ${most / 1e6} MB. Send it as a zip.` : "";
  input.setCustomValidity(message); // with hx-validate, this holds back the check as well
  if (isTooLarge) document.querySelector(input.getAttribute("hx-target")).textContent = message;
}

function installFileZone(zone) {
  const input = zone.querySelector("input[type=file]");
  zone.addEventListener("change", () => refuseTooLarge(input), true); // before htmx hears of it
  const over = (is) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", is);
  };
  zone.addEventListener("dragover", over(true));
  zone.addEventListener("dragleave", over(false));
  zone.addEventListener("drop", (event) => {
    over(false)(event);
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// --- passkeys: what the browser or the key says when it does not work -------------------------------------------------

document.addEventListener("allauth.error", (event) => {
  const place = document.getElementById("key-problem");
  if (!place) return;
  event.preventDefault();
  const { name, message } = event.detail.exception;
  place.textContent = name === "NotAllowedError" ? "The key was not used: cancelled, or too slow." : message;
  place.hidden = false;
});

// --- copy buttons -----------------------------------------------------------------------------------------------------

function installCopyButton(holder) {
  const input = holder.querySelector("input");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
  button.addEventListener("click", async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
    } catch {
      document.execCommand("copy"); // the clipboard API needs https
    }
    button.textContent = "Copied";
    announce("Copied.");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  holder.append(button);
}

// --- prompts in doubt: a key decides on the prompt that has the focus ---------------------------------------------------

const DECIDING_KEYS = { a: "allow", r: "block", u: "" };

function installReview(form) {
  const rows = all("fieldset", form);
  const focus = (row) => (row?.querySelector("input:checked") ?? row?.querySelector("input"))?.focus();
  form.addEventListener("keydown", (event) => {
    const row = event.target.closest("fieldset:not(:disabled)");
    const key = event.key.toLowerCase();
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const place = rows.indexOf(row);
    if (key in DECIDING_KEYS) {
      row.querySelector(`input[value="${DECIDING_KEYS[key]}"]`).checked = true;
      focus(rows[place + 1] ?? row);
    } else if (key === "j" || key === "k") {
      focus(rows[place + (key === "j" ? 1 : -1)]);
    } else {
      return;
    }
    event.preventDefault();
  });
}

// --- leaderboard: my team, filter, refresh ----------------------------------------------------------------------------

const POLL_MS = 10000;

function installBoard(board) {
  const filter = document.querySelector('[data-filter="#board"]');
  let etag = board.dataset.etag;

  function dress() {
    document.getElementById(`team-${board.dataset.myTeam}`)?.classList.add("mine");
    const wanted = filter.value.trim().toLowerCase();
    const rows = all("tbody tr", board);
    for (const row of rows) row.hidden = !row.dataset.name.includes(wanted);
    return rows.filter((row) => !row.hidden).length;
  }

  async function refresh() {
    if (document.hidden) return;
    try {
      const answer = await fetch(board.dataset.poll, { headers: { "If-None-Match": etag } });
      if (answer.status !== 200 || answer.redirected) return; // 304: nothing new
      etag = answer.headers.get("ETag");
      board.innerHTML = await answer.text();
      dress();
      addLocalTimes(board);
      announce("The leaderboard has changed.");
    } catch {
      // no connection: the next round tries again
    }
  }

  filter.addEventListener("input", () => announce(`${dress()} rows`));
  dress();
  setInterval(refresh, POLL_MS);
}

// --- start ------------------------------------------------------------------------------------------------------------

const board = document.getElementById("board");
if (board?.dataset.poll) installBoard(board);
all("[data-file-zone]").forEach(installFileZone);
all("[data-copy]").forEach(installCopyButton);
all("[data-review]").forEach(installReview);
addLocalTimes(document);
runCountdowns();
setInterval(runCountdowns, 1000);
