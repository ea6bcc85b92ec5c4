// Checks before a study: measure the display, show pictures pixel by pixel, answer with single keys.
"use strict";

(() => {
  const form = document.querySelector("form[data-display]");
  if (form) {
    const say = (name, value) => {
      const field = form.elements[name];
      if (field && value > 0) field.value = value.toFixed(3);
    };
    const measure = () => {
      say("ratio", window.devicePixelRatio);
      say("width", window.innerWidth);
      say("height", window.innerHeight);
      say("zoom", (100 * window.outerWidth) / window.innerWidth); // an estimate: the browser's own frame is in it
    };
    measure();
    window.addEventListener("resize", measure);
    form.addEventListener("submit", measure);
    const card = form.elements.card;
    const box = document.getElementById("card-box");
    if (card && box) {
      const fit = () => {
        box.setAttribute("width", card.value);
        box.setAttribute("height", String((card.value * 53.98) / 85.6));
      };
      card.addEventListener("input", fit);
      fit();
    }
  }

  // One pixel of the picture is one of the screen.
  for (const image of document.querySelectorAll("img[data-ratio]")) {
    const fit = () => image.setAttribute("width", String(image.naturalWidth / window.devicePixelRatio));
    if (image.complete && image.naturalWidth) fit();
    else image.addEventListener("load", fit);
  }

  let answered = false;
  document.addEventListener("keydown", (event) => {
    if (answered || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input, textarea, select")) return;
    if (event.key === "Enter" && event.target.matches("a, button")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!found) return;
    event.preventDefault();
    answered = true;
    found.click();
  });
})();
