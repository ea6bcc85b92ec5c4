// Ratings on their way to the server. Each lies in IndexedDB from the moment it is given until the server has said that
// it is stored: a reload, a crash, a lost connection or a closed window loses nothing. Sending is idempotent.
"use strict";

const OUTBOX_STORE = "answers";
const DEVICE_STORE = "device";
const BATCH = 50;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15000;
const HEARTBEAT_MS = 8000;

class Outbox {
  // `isDurable` is false where the browser keeps nothing (private windows of some): then memory has to do.
  static async open() {
    const made = new Outbox();
    made.lastSequence = 0;
    made.memory = new Map();
    try {
      made.database = await new Promise((resolve, reject) => {
        const request = indexedDB.open("rating", 1);
        request.onupgradeneeded = () => {
          const store = request.result.createObjectStore(OUTBOX_STORE, { keyPath: "id" });
          store.createIndex("session", "session");
          request.result.createObjectStore(DEVICE_STORE);
        };
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
        request.onblocked = () => reject(new Error("blocked"));
      });
    } catch {
      made.database = null;
    }
    return made;
  }

  get isDurable() {
    return this.database !== null;
  }

  // Answers are sent in the order in which they were given, also after a reload.
  nextSequence() {
    this.lastSequence = Math.max(this.lastSequence + 1, Date.now() * 1000);
    return this.lastSequence;
  }

  put(entry) {
    this.memory.set(entry.id, entry);
    return this.write((store) => store.put(entry));
  }

  remove(ids) {
    for (const id of ids) this.memory.delete(id);
    return this.write((store) => ids.forEach((id) => store.delete(id)));
  }

  // What this browser is called, also after a crash (which localStorage need not survive); `fresh` the first time.
  async device(fresh) {
    if (!this.database) return fresh;
    const known = await new Promise((resolve, reject) => {
      const request = this.database.transaction(DEVICE_STORE).objectStore(DEVICE_STORE).get("id");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    if (!known) await this.write((store) => store.put(fresh, "id"), DEVICE_STORE);
    return known ?? fresh;
  }

  write(change, name = OUTBOX_STORE) {
    if (!this.database) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const work = this.database.transaction(name, "readwrite", { durability: "strict" });
      change(work.objectStore(name));
      work.oncomplete = () => resolve();
      work.onerror = work.onabort = () => reject(work.error);
    });
  }

  // What a session still has to send, oldest first: also what another page or an earlier run of the browser left.
  async pending(session) {
    const found = new Map(this.memory);
    if (this.database) {
      const stored = await new Promise((resolve, reject) => {
        const index = this.database.transaction(OUTBOX_STORE).objectStore(OUTBOX_STORE).index("session");
        const request = index.getAll(session);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const entry of stored) if (!found.has(entry.id)) found.set(entry.id, entry);
    }
    return Array.from(found.values())
      .filter((entry) => entry.session === session)
      .sort((a, b) => a.sequence - b.sequence);
  }
}

// A POST of JSON; throws where there is no connection.
async function post(url, body, keepalive = false) {
  const token = document.querySelector('meta[name="csrf-token"]').content;
  return fetch(url, {
    method: "POST",
    credentials: "same-origin",
    keepalive,
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });
}

class Sender {
  // `report({ waiting, connection })` is called after every change; connection: "ok", "offline" or "signed_out".
  // `lost()` when the server says that another page holds the session.
  constructor({ outbox, session, url, page, report, lost }) {
    Object.assign(this, { outbox, session, url, page, report, lost });
    this.retryMs = FIRST_RETRY_MS;
    this.connection = "ok";
    this.waiting = 0;
    this.isSending = false;
    window.addEventListener("online", () => this.soon(0));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.flush(true);
    });
    setInterval(() => this.flush(false, true), HEARTBEAT_MS);
  }

  // An answer was given: from this moment on the page says that it is not stored yet.
  given() {
    this.waiting += 1;
    this.report(this);
  }

  soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), ms);
  }

  // Sends what is due; with `beats` also an empty batch, which tells the server that this page is alive.
  async flush(keepalive = false, beats = false) {
    if (this.isSending) {
      this.isWanted = true;
      return;
    }
    this.isSending = true;
    try {
      await this.sendAll(keepalive, beats);
    } catch {
      this.connection = "offline";
      this.soon(this.retryMs);
      this.retryMs = Math.min(2 * this.retryMs, LONGEST_RETRY_MS);
    }
    this.isSending = false;
    this.waiting = (await this.outbox.pending(this.session)).length;
    this.report(this);
    if (this.isWanted) {
      this.isWanted = false;
      this.soon(0);
    }
  }

  async sendAll(keepalive, beats) {
    for (;;) {
      const waiting = await this.outbox.pending(this.session);
      // A score that may still get its decimal waits for it, and what was given after it with it.
      const young = waiting.findIndex((entry) => entry.notBefore > Date.now());
      const due = waiting.slice(0, young < 0 ? BATCH : Math.min(young, BATCH));
      if (young === 0) this.soon(Math.max(0, waiting[0].notBefore - Date.now()) + 5);
      if (!due.length && !(beats && !waiting.length)) return;
      const answer = await post(this.url, { page: this.page, answers: due.map((entry) => entry.answer) }, keepalive);
      if ([401, 403, 404, 409].includes(answer.status)) {
        this.connection = answer.status === 409 ? "ok" : "signed_out";
        if (answer.status === 409) this.lost();
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const taken = await answer.json();
      this.connection = "ok";
      this.retryMs = FIRST_RETRY_MS;
      await this.outbox.remove([...taken.stored, ...Object.keys(taken.refused)]);
      // Never from this page as it is; should it happen, the image is asked for again.
      if (Object.keys(taken.refused).length) location.reload();
      if (!taken.holds) this.lost();
      if (!due.length) return;
      beats = false;
    }
  }

  // Until everything is stored; false where that does not happen now.
  async drain() {
    for (let round = 0; round < 20; round += 1) {
      const waiting = await this.outbox.pending(this.session);
      if (!waiting.length) return true;
      if (this.connection !== "ok") return false;
      await this.flush();
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    return false;
  }
}
