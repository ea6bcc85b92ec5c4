// Interactive plots of the diagnostics page, by uPlot, in place of the SVG that the server has drawn. Data come once, from
// the address in data-source; without them, or without this file, the SVG and the tables stay.
// Sections: colours and numbers, plots, reading an image, start.
"use strict";

(() => {
  const RATIO = 0.62; // height of a plot over its width
  const LEAST_HEIGHT = 260; // px
  const REACH = 40; // px between the pointer and the image that is read
  const DOT = 3; // px
  const PAGE = 0.05; // share of the images that Page Up and Page Down step over

  // --- colours and numbers --------------------------------------------------------------------------------------------

  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const muted = colour("--pico-muted-color");
  const lines = colour("--pico-table-border-color");
  const dots = colour("--plot-dots");
  const curve = colour("--plot-curve");
  const band = colour("--plot-band");
  const font = () => `12px ${getComputedStyle(document.body).fontFamily}`;
  const digits = (number) => String(Number(number.toPrecision(5))).replace("-", "−");

  function span(values, margin = 0.03) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = (high - low || 1) * margin;
    return { min: low - pad, max: high + pad };
  }

  // --- plots ----------------------------------------------------------------------------------------------------------

  const axis = (label, size) => ({
    label, size, labelSize: 20, labelGap: 0, stroke: muted, font: font(), labelFont: font(),
    grid: { stroke: lines, width: 1 }, ticks: { stroke: lines, width: 1 },
    values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : digits(tick))),
  });

  // What each plot is made of: the points that can be read, in ascending x, the home of both scales, uPlot's series.
  const PLOTS = {
    scatter({ points, curve: fit }) {
      return {
        labels: ["prediction", "MOS"],
        points: images(points, points.mos),
        home: { x: span(points.prediction), y: span(points.mos) },
        data: [fit.prediction, fit.mos, ...(fit.low ? [fit.low, fit.high] : [])],
        series: [line(), ...(fit.low ? [edge(), edge()] : [])],
        bands: fit.low ? [{ series: [3, 2], fill: band }] : [],
      };
    },
    residuals({ points, running_mean: mean }) {
      return {
        labels: ["prediction", "MOS − mapped prediction"],
        points: images(points, points.residual),
        home: { x: span(points.prediction), y: span(points.residual) },
        data: [mean.prediction, mean.residual],
        series: [line()],
        zero: true,
      };
    },
    distribution({ histogram: { edges, counts } }) {
      const middle = (i) => (edges[i] + edges[i + 1]) / 2;
      return {
        labels: ["MOS − mapped prediction", "images"],
        points: counts.map((count, i) => ({
          x: middle(i), y: count, text: [`${digits(edges[i])} to ${digits(edges[i + 1])}`, `${count} images`],
        })),
        home: { x: span(edges, 0), y: { min: 0, max: Math.max(...counts) * 1.05 } },
        data: [edges, [...counts, null]],
        series: [{ fill: dots, stroke: dots, width: 0, points: { show: false },
          paths: uPlot.paths.bars({ align: 1, size: [1, Infinity], gap: 1 }) }],
        bars: true,
      };
    },
  };

  const line = () => ({ stroke: curve, width: 2, pxAlign: 0, points: { show: false } });
  const edge = () => ({ width: 0, pxAlign: 0, points: { show: false } });

  function images(points, y) {
    return points.name
      .map((name, i) => ({
        x: points.prediction[i], y: y[i],
        text: [name, `prediction ${digits(points.prediction[i])}`, `MOS ${digits(points.mos[i])}`,
          `residual ${digits(points.residual[i])}`],
      }))
      .sort((a, b) => a.x - b.x);
  }

  function drawDots(u, points) {
    const { ctx, bbox } = u;
    const size = DOT * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = dots();
    ctx.globalAlpha = points.length > 1000 ? 0.45 : 0.7;
    for (const point of points) {
      ctx.beginPath();
      ctx.arc(u.valToPos(point.x, "x", true), u.valToPos(point.y, "y", true), size / 2, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  }

  function drawZero(u) {
    const { ctx, bbox } = u;
    const y = u.valToPos(0, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) return;
    ctx.save();
    ctx.strokeStyle = muted();
    ctx.lineWidth = devicePixelRatio;
    ctx.lineCap = "butt";
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  const sizeOf = (holder) => {
    const width = Math.max(240, holder.clientWidth);
    return { width, height: Math.round(Math.max(LEAST_HEIGHT, width * RATIO)) };
  };

  function install(holder, residuals) {
    const plot = PLOTS[holder.dataset.plot](residuals);
    const { x, y } = plot.home;
    const u = new uPlot({
      ...sizeOf(holder),
      padding: [8, 12, 0, 0],
      scales: { x: { time: false, auto: false, ...x }, y: { auto: false, ...y } },
      axes: [axis(plot.labels[0], 30), axis(plot.labels[1], 46)],
      series: [{}, ...plot.series],
      bands: plot.bands,
      legend: { show: false },
      cursor: {
        x: false, y: false, points: { show: false }, drag: { x: true, y: !plot.bars, uni: 20 },
        bind: { dblclick: () => () => goHome(u, plot) },
      },
      hooks: {
        drawAxes: [(self) => {
          if (plot.zero) drawZero(self);
          if (!plot.bars) drawDots(self, plot.points);
        }],
      },
    }, plot.data, (self, start) => {
      holder.replaceChildren(self.root);
      start();
    });
    installReading(holder, u, plot);
    new ResizeObserver(() => {
      if (Math.abs(u.width - holder.clientWidth) > 1) u.setSize(sizeOf(holder));
    }).observe(holder);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => u.redraw(false));
  }

  function goHome(u, plot) {
    u.batch(() => {
      u.setScale("x", plot.home.x);
      u.setScale("y", plot.home.y);
    });
  }

  // --- reading an image: with the pointer, with the arrow keys ---------------------------------------------------------

  function installReading(holder, u, plot) {
    const ring = u.over.appendChild(Object.assign(document.createElement("div"), { className: "plot-ring" }));
    const tip = u.over.appendChild(Object.assign(document.createElement("div"), { className: "plot-tip" }));
    let selected = -1;

    const place = (point) => ({ left: u.valToPos(point.x, "x"), top: u.valToPos(point.y, "y") });
    const isShown = ({ left, top }) => left >= 0 && top >= 0 && left <= u.over.clientWidth && top <= u.over.clientHeight;

    function select(index) {
      selected = index;
      const at = index < 0 ? null : place(plot.points[index]);
      ring.hidden = tip.hidden = !at || !isShown(at);
      if (ring.hidden) return;
      tip.replaceChildren(...plot.points[index].text.map((text) =>
        Object.assign(document.createElement("span"), { textContent: text })));
      ring.style.left = `${at.left}px`;
      ring.style.top = `${at.top}px`;
      const [width, height] = [u.over.clientWidth - tip.offsetWidth, u.over.clientHeight - tip.offsetHeight];
      const below = at.top + 12 <= height ? at.top + 12 : at.top - 12 - tip.offsetHeight;
      tip.style.left = `${Math.max(0, Math.min(width, at.left - tip.offsetWidth / 2))}px`;
      tip.style.top = `${Math.max(0, below)}px`;
    }

    function nearest(left, top) {
      let [best, least] = [-1, REACH * REACH];
      plot.points.forEach((point, i) => {
        const at = place(point);
        const distance = (at.left - left) ** 2 + (plot.bars ? 0 : (at.top - top) ** 2);
        if (distance < least && (plot.bars || isShown(at))) [best, least] = [i, distance];
      });
      return best;
    }

    function zoom(factor) {
      const focus = selected < 0 ? null : plot.points[selected];
      u.batch(() => {
        for (const key of plot.bars ? ["x"] : ["x", "y"]) {
          const { min, max } = u.scales[key];
          const centre = focus ? focus[key] : (min + max) / 2;
          const half = ((max - min) / 2) * factor;
          u.setScale(key, { min: centre - half, max: centre + half });
        }
      });
    }

    const last = plot.points.length - 1;
    const page = Math.max(1, Math.round(plot.points.length * PAGE));
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -page, PageDown: page, Home: -last - 1, End: last + 1 };
    const zooms = { "+": 0.6, "=": 0.6, "-": 1 / 0.6 };

    holder.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in steps) {
        const from = selected < 0 && steps[event.key] < 0 ? last + 1 : selected;
        select(Math.max(0, Math.min(last, from + steps[event.key])));
        announce(plot.points[selected].text.join(", "));
      } else if (event.key in zooms) {
        zoom(zooms[event.key]);
      } else if (event.key === "0") {
        goHome(u, plot);
      } else if (event.key === "Escape") {
        select(-1);
      } else {
        return;
      }
      event.preventDefault();
    });
    u.over.addEventListener("mousemove", (event) => {
      const box = u.over.getBoundingClientRect();
      select(nearest(event.clientX - box.left, event.clientY - box.top));
    });
    u.over.addEventListener("mouseleave", () => select(-1));
    const again = () => select(selected);
    u.hooks.setScale = [...(u.hooks.setScale ?? []), again];
    u.hooks.setSize = [...(u.hooks.setSize ?? []), again];

    holder.tabIndex = 0;
    holder.setAttribute("role", "application");
    holder.setAttribute("aria-roledescription", "interactive plot");
    select(-1);
  }

  // --- start ----------------------------------------------------------------------------------------------------------

  async function start(holders) {
    try {
      const answer = await fetch(holders[0].dataset.source);
      if (!answer.ok || answer.redirected) return;
      const residuals = await answer.json();
      for (const holder of holders) install(holder, residuals);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no connection: what the server has drawn stays
    }
  }

  const holders = all("[data-plot]");
  if (holders.length) start(holders);
})();
