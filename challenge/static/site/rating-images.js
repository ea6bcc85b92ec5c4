// Images ahead of time: the next ones are loaded and decoded before they are needed, so that showing one costs a frame.
"use strict";

const AHEAD = 6;
const BEHIND = 3; // one can go back so far
const TRIES = 3;
const WAIT_MS = [500, 1500, 4000];

class Images {
  // `address(trial)`: where its image is. `failed(trial)`: it did not load in TRIES tries while there is a connection.
  constructor(address, failed) {
    Object.assign(this, { address, failed });
    this.held = new Map(); // trial id -> { image, isReady, ready }
  }

  // Hold the images of `wanted` (the current one first), forget the others.
  keep(wanted) {
    const ids = new Set(wanted.map((trial) => trial.id));
    for (const id of this.held.keys()) if (!ids.has(id)) this.held.delete(id);
    for (const trial of wanted) if (!this.held.has(trial.id)) this.load(trial);
  }

  load(trial) {
    const entry = { image: new Image(trial.width, trial.height), isReady: false };
    this.held.set(trial.id, entry);
    entry.image.alt = "";
    entry.image.draggable = false;
    entry.ready = this.decode(trial, entry);
  }

  async decode(trial, entry) {
    for (let tried = 0; this.held.get(trial.id) === entry; tried += 1) {
      try {
        entry.image.src = this.address(trial);
        await entry.image.decode();
        entry.isReady = true;
        return;
      } catch {
        if (!navigator.onLine) {
          await new Promise((resolve) => { window.addEventListener("online", resolve, { once: true }); });
          tried = -1;
          continue;
        }
        if (tried + 1 === TRIES) this.failed(trial);
        await new Promise((resolve) => { setTimeout(resolve, WAIT_MS[Math.min(tried, WAIT_MS.length - 1)]); });
        entry.image.removeAttribute("src");
      }
    }
  }

  get(trial) {
    return this.held.get(trial.id);
  }
}

// One image pixel is one pixel of the screen, whatever the zoom and the density of the display.
function fitPixels(image, trial) {
  image.style.width = `${trial.width / devicePixelRatio}px`;
  image.style.height = `${trial.height / devicePixelRatio}px`;
}
