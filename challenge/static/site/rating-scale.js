// The slider: no thumb and no value until the first input, so that nothing pulls a score towards a default.
"use strict";

const COARSE = 0.5; // what Shift and an arrow move

class Scale {
  // `changed(value)` on every input by pointer or arrows, `confirmed()` where a value is to be taken.
  constructor(root, { low, high, step, labels, noScore, changed }) {
    Object.assign(this, { root, low, high, step, labels, noScore, changed });
    this.slider = root.querySelector("[role=slider]");
    this.thumb = root.querySelector(".thumb");
    this.output = root.querySelector("output");
    this.slider.setAttribute("aria-valuemin", low);
    this.slider.setAttribute("aria-valuemax", high);
    this.draw(root.querySelector(".ticks"), root.querySelector(".labels"));
    this.slider.addEventListener("pointerdown", (event) => this.point(event, true));
    this.slider.addEventListener("pointermove", (event) => this.point(event, false));
    this.set(null);
  }

  draw(ticks, labels) {
    for (let value = this.low; value <= this.high; value += 1) {
      const tick = document.createElement("span");
      tick.textContent = value;
      ticks.append(tick);
    }
    for (const text of this.labels) {
      const label = document.createElement("span");
      label.textContent = text;
      labels.append(label);
    }
  }

  round(value) {
    const steps = Math.round((value - this.low) / this.step);
    return Math.min(this.high, Math.max(this.low, Number((this.low + steps * this.step).toFixed(6))));
  }

  isOnScale(value) {
    return value >= this.low && value <= this.high && Math.abs(this.round(value) - value) < 1e-6;
  }

  // "3.7" for people; the word of the interval it lies in beside it.
  shown(value) {
    return this.step < 1 ? value.toFixed(1) : String(value);
  }

  word(value) {
    const share = (value - this.low) / (this.high - this.low);
    return this.labels[Math.min(this.labels.length - 1, Math.floor(share * this.labels.length))];
  }

  set(value) {
    this.value = value;
    const isSet = value !== null;
    this.thumb.hidden = !isSet;
    // A slider must have a value for assistive technology; its text says that there is no score yet.
    this.slider.setAttribute("aria-valuenow", isSet ? value : this.low);
    const text = isSet ? `${this.shown(value)}, ${this.word(value)}` : this.noScore;
    this.slider.setAttribute("aria-valuetext", text);
    this.output.textContent = isSet ? this.shown(value) : "–";
    if (isSet) this.thumb.style.insetInlineStart = `${(100 * (value - this.low)) / (this.high - this.low)}%`;
  }

  point(event, isDown) {
    if (isDown && event.button !== 0) return;
    if (isDown) this.slider.setPointerCapture(event.pointerId);
    else if (!this.slider.hasPointerCapture(event.pointerId)) return;
    const box = this.slider.getBoundingClientRect();
    const value = this.low + ((event.clientX - box.left) / box.width) * (this.high - this.low);
    this.set(this.round(value));
    this.changed(this.value);
  }

  // Arrows begin in the middle of the scale where there is no value yet.
  move(direction, isCoarse) {
    const size = Math.max(this.step, isCoarse ? COARSE : this.step);
    const from = this.value === null ? (this.low + this.high) / 2 : this.value + direction * size;
    this.set(this.round(from));
    this.changed(this.value);
  }

  jump(value) {
    this.set(this.round(value));
    this.changed(this.value);
  }
}
