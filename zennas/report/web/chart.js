// Axes, and what every chart answers to: pointer, arrow keys, Enter.
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const seriesColour = i => `var(--c${i % 6})`;
const DASHES = [null, "6 3", "2 3", "8 3 2 3"];
const redraws = [];

function ticks(low, high, count) {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(s => s * power).find(s => s >= raw * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(+(k * step).toPrecision(12));
  return found;
}

// 1, 2 and 5 times powers of ten, fewer of them over many decades.
function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  if (decades < 0.5) return ticks(low, high, count);
  const steps = decades * 3 <= 1.5 * count ? [1, 2, 5] : [1];
  const found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) for (const s of steps) found.push(s * 10 ** e);
  return found.filter(t => t >= low * 0.999 && t <= high * 1.001);
}

// A chart redraws itself into its box whenever the box changes its width, or light becomes dark.
function chart(label, draw) {
  const box = el("div", { class: "chart" });
  let width = 0;
  const redraw = () => { if (width) { box.replaceChildren(); draw(box, width); } };
  new ResizeObserver(entries => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now !== width) { width = now; redraw(); }
  }).observe(box);
  redraws.push(redraw);
  box.redraw = redraw;
  box.dataset.label = label;
  return box;
}

function axes(box, width, options) {
  const { x, y, xLabel, yLabel, xFormat = String, yFormat = String, height = 300, logarithmic = false } = options;
  const left = 56, right = 12, top = 12, bottom = 42;
  const along = logarithmic ? Math.log : v => v;
  const [from, to] = x.map(along);
  const sx = v => left + (along(v) - from) / (to - from || 1) * (width - left - right);
  const back = px => { const v = from + (px - left) / (width - left - right) * (to - from); return logarithmic ? Math.exp(v) : v; };
  const sy = v => height - bottom - (v - y[0]) / (y[1] - y[0] || 1) * (height - top - bottom);
  const svg = mark("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application",
    "aria-roledescription": "chart", "aria-label": `${box.dataset.label}. Arrow keys move from point to point.`,
  });
  for (const t of ticks(y[0], y[1], 5)) {
    svg.append(mark("line", { class: "grid", x1: left, x2: width - right, y1: sy(t), y2: sy(t) }),
      mark("text", { x: left - 6, y: sy(t) + 4, "text-anchor": "end" }, yFormat(t)));
  }
  for (const t of (logarithmic ? logTicks : ticks)(x[0], x[1], Math.max(2, Math.floor(width / 110)))) {
    svg.append(mark("line", { class: "grid", y1: top, y2: height - bottom, x1: sx(t), x2: sx(t) }),
      mark("text", { x: sx(t), y: height - bottom + 16, "text-anchor": "middle" }, xFormat(t)));
  }
  svg.append(mark("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    mark("text", { x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle", class: "strong" }, xLabel),
    mark("text", { x: 0, y: 0, transform: `translate(12 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "strong" }, yLabel));
  box.append(svg);
  const up = py => y[0] + (height - bottom - py) / (height - top - bottom) * (y[1] - y[0]);
  return { svg, sx, sy, back, up, left, right, top, bottom, width, height };
}

// Dragging across a chart shows that part of it, a double click the whole: `change` gets {x, y} or null.
function zoomable(frame, change) {
  const { svg, back, up } = frame;
  const band = mark("rect", { fill: "var(--c0)", opacity: 0.15, visibility: "hidden" });
  svg.append(band);
  let start = null;
  const local = event => { const box = svg.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const sorted = (a, b) => a < b ? [a, b] : [b, a];
  svg.addEventListener("pointerdown", event => { if (event.button === 0 && event.pointerType !== "touch") start = local(event); });
  svg.addEventListener("pointermove", event => {
    if (!start) return;
    const [px, py] = local(event), [x0, x1] = sorted(start[0], px), [y0, y1] = sorted(start[1], py);
    fill(band, { x: x0, y: y0, width: x1 - x0, height: y1 - y0, visibility: "visible" }, []);
  });
  svg.addEventListener("pointerup", event => {
    if (!start) return;
    const [px, py] = local(event), [sx, sy] = start;
    start = null;
    band.setAttribute("visibility", "hidden");
    if (Math.abs(px - sx) < 8 || Math.abs(py - sy) < 8) return;
    change({ x: sorted(back(sx), back(px)), y: sorted(up(sy), up(py)) });
  });
  svg.addEventListener("pointerleave", () => { start = null; band.setAttribute("visibility", "hidden"); });
  svg.addEventListener("dblclick", () => change(null));
}

const path = (points, sx, sy) => points.map((p, i) => `${i ? "L" : "M"}${sx(p[0]).toFixed(1)} ${sy(p[1]).toFixed(1)}`).join("");

// `points` are what the arrow keys walk along: {x, y, lines(), open()}. `nearest(px, py)` finds what the pointer is at.
function interactive(frame, points, nearest) {
  const { svg, sx, sy } = frame;
  const ring = mark("circle", { r: 6, fill: "none", stroke: "var(--ink)", "stroke-width": 2, visibility: "hidden" });
  svg.append(ring);
  let current = -1;
  const show = (point, event) => {
    ring.setAttribute("cx", sx(point.x));
    ring.setAttribute("cy", sy(point.y));
    ring.setAttribute("visibility", "visible");
    const box = svg.getBoundingClientRect();
    showTip(point.lines(), event ? event.clientX : box.left + sx(point.x), event ? event.clientY : box.top + sy(point.y));
  };
  const hide = () => { ring.setAttribute("visibility", "hidden"); hideTip(); };
  const local = event => { const box = svg.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const find = nearest || ((px, py) => {
    let best = null, distance = 40 * 40;
    for (const p of points) {
      const d = (sx(p.x) - px) ** 2 + (frame.anyHeight ? 0 : (sy(p.y) - py) ** 2);
      if (d < distance) { distance = d; best = p; }
    }
    return best;
  });
  svg.addEventListener("pointermove", event => { const p = find(...local(event)); if (p) show(p, event); else hide(); });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.addEventListener("click", event => { const p = find(...local(event)); if (p && p.open) p.open(); });
  svg.addEventListener("keydown", event => {
    const last = points.length - 1;
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (step) current = current < 0 ? (step > 0 ? 0 : last) : Math.min(last, Math.max(0, current + step));
    else if (event.key === "Home") current = 0;
    else if (event.key === "End") current = last;
    else if ((event.key === "Enter" || event.key === " ") && current >= 0 && points[current].open) points[current].open();
    else return;
    event.preventDefault();
    if (points[current]) show(points[current]);
  });
}

function swatch(fillColour, dash) {
  return dash === undefined
    ? mark("svg", { width: 12, height: 12, "aria-hidden": "true" }, mark("rect", { width: 12, height: 12, rx: 2, style: fillColour }))
    : mark("svg", { width: 26, height: 12, "aria-hidden": "true" }, mark("line", { x1: 0, x2: 26, y1: 6, y2: 6, "stroke-width": 2.5, stroke: fillColour, "stroke-dasharray": dash }));
}
const legend = items => el("ul", { class: "legend" }, items.map(([picture, text]) => el("li", null, picture, text)));

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach(redraw => redraw()));
