// A size of a feature map: its side, or "HEIGHTxWIDTH".
const sidesOf = size => typeof size === "number" ? [size, size] : size.split("x").map(Number);
const sizeText = size => sidesOf(size).join("×");

// Around a line of boxes: room for links above, for channels and feature map below, and at its ends.
const ROOM = { above: 30, below: 40, side: 14 };

// Where each block goes: boxes from left to right, in as many lines as the width asks for. A box that begins a line after
// the first has its stride before it, as every other has.
function inLines(blocks, resolution, width) {
  const meanSide = ([h, w]) => h === w ? h : Math.sqrt(h * w);
  const top = Math.log2(Math.max(2, meanSide(sidesOf(resolution))) + 1);
  let x = ROOM.side, sides = sidesOf(resolution), widest = 0;
  const heights = [0], places = blocks.map((b, i) => {
    const before = sides;
    sides = sides.map(side => Math.ceil(side / b.stride));
    const detail = b.kind.label.slice(b.kind.block.length).trim();
    const w = Math.max(Math.min(170, 4.2 * Math.sqrt(b.out)), 12 + 6.6 * Math.max(b.kind.block.length, detail.length, `× ${b.layers}`.length, sides.join("×").length - 2));
    const gap = i ? (b.stride > 1 ? 30 : 16) : 0;
    if (i && x + gap + w + ROOM.side > width) { x = ROOM.side; heights.push(0); }
    const line = heights.length - 1, h = 26 + 84 * Math.log2(meanSide(sides) + 1) / top;
    heights[line] = Math.max(heights[line], h);
    const place = { x: x + gap, w, gap, line, h, before, after: sides, detail };
    x += gap + w;
    widest = Math.max(widest, x);
    return place;
  });
  let y = 0;
  const bases = heights.map(height => { y += ROOM.above + height; const base = y; y += ROOM.below; return base; });
  return { places: places.map(place => ({ ...place, base: bases[place.line] })), lines: heights.length, width: widest + ROOM.side, height: y };
}

// In lines of about the same length: the narrowest picture that has no more of them than the width asks for.
function laidOut(blocks, resolution, width) {
  let found = inLines(blocks, resolution, width);
  while (found.lines > 1) {
    const narrower = inLines(blocks, resolution, found.width - 1);
    if (narrower.lines > found.lines || narrower.width >= found.width) break;
    found = narrower;
  }
  return found;
}

// A network from left to right: height is the feature map's side (by its logarithm; of one that is not square, of the
// square with as many pixels), thickness the square root of its channels. `extra` adds lines to what a box says; a box
// that `inside` knows opens what it is made of.
function drawNetwork(blocks, resolution, extra, inside) {
  const picture = el("div"), opened = el("div", { "aria-live": "polite" });
  let width = document.getElementById("page").clientWidth - 38, shown = -1, boxes = [];
  const open = i => {
    shown = shown === i ? -1 : i;
    opened.replaceChildren(shown < 0 ? "" : insideOf(`${i + 1}. ${blocks[i].kind.label} × ${blocks[i].layers}`, inside(i)));
    marked();
  };
  const marked = () => boxes.forEach((box, i) => { if (inside) box.setAttribute("aria-expanded", `${shown === i}`); });
  const draw = () => {
    const { places, width: wide, height } = laidOut(blocks, resolution, width);
    const svg = mark("svg", { width: wide, height, role: "group", "aria-label": `Network of ${blocks.length} super-blocks, from input to output` });
    boxes = blocks.map((b, i) => drawBlock(svg, b, i, places[i], extra ? extra(i) : [], inside ? () => open(i) : null));
    picture.replaceChildren(svg);
    marked();
  };
  draw();
  new ResizeObserver(entries => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now && now !== width) { width = now; draw(); }
  }).observe(picture);
  return el("div", { class: "network" }, picture, opened);
}

function drawBlock(svg, b, i, place, extra, open) {
  const { x, w, gap, h, base, before, after, detail } = place;
  if (i) {
    svg.append(mark("line", { x1: x - gap, x2: x, y1: base - 18, y2: base - 18, stroke: "var(--soft)" }));
    if (b.stride > 1) svg.append(mark("text", { x: x - gap / 2, y: base - 24, "text-anchor": "middle" }, `↓${b.stride}`));
  }
  const lines = [
    `${i + 1}. ${b.kind.label} × ${b.layers}`,
    `channels ${b.in} → ${b.out}${b.bottleneck ? `, ${b.bottleneck} inside` : ""}`,
    `feature map ${before.join("×")} → ${after.join("×")}${b.stride > 1 ? ` (stride ${b.stride})` : ""}`,
    ...extra,
  ];
  const box = mark("g", { class: "block", tabindex: 0, role: open ? "button" : "img", "aria-label": lines.join("; ") },
    mark("rect", {
      x, y: base - h, width: w, height: h, rx: 4, stroke: blockColour(b.kind), "stroke-width": 1.5,
      style: `fill: color-mix(in srgb, ${blockColour(b.kind)} 18%, var(--panel))`,
    }));
  for (let k = 1; k < Math.min(b.layers, 8); k++) {
    const at = x + w * k / Math.min(b.layers, 8);
    box.append(mark("line", { x1: at, x2: at, y1: base - 3, y2: base - 8, stroke: blockColour(b.kind) }));
  }
  if (b.kind.residual) {
    box.append(mark("path", { d: `M${x + 4} ${base - h}C${x + 4} ${base - h - 18} ${x + w - 4} ${base - h - 18} ${x + w - 4} ${base - h}`, fill: "none", stroke: "var(--soft)", "stroke-width": 1.4 }));
  }
  const middle = base - h / 2, label = b.kind.block;
  [[label, middle - 12, "strong"], [detail, middle + 3, ""], [`× ${b.layers}`, middle + 18, "strong"]].forEach(([text, y, style]) => {
    if (h > 46 || style) box.append(mark("text", { x: x + w / 2, y: h > 46 ? y : y + (text === label ? 8 : -6), "text-anchor": "middle", class: style }, text));
  });
  box.append(mark("text", { x: x + w / 2, y: base + 15, "text-anchor": "middle" }, `${b.out}`),
    mark("text", { x: x + w / 2, y: base + 30, "text-anchor": "middle" }, after.join("×")));
  const show = (px, py) => showTip(lines, px, py);
  box.addEventListener("pointermove", event => show(event.clientX, event.clientY));
  box.addEventListener("pointerleave", hideTip);
  box.addEventListener("focus", () => { if (box.matches(":focus-visible")) { const r = box.getBoundingClientRect(); show(r.left, r.bottom); } });
  box.addEventListener("blur", hideTip);
  if (open) {
    box.addEventListener("click", open);
    box.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); hideTip(); open(); } });
  }
  svg.append(box);
  return box;
}

// The layers of a super-block, with the link around them.
function insideOf(title, parts) {
  return el("div", { class: "selected inside" }, el("h3", null, `Inside ${title}`), parts.map(part => el("div", null,
    el("h4", null, part.title), part.units.map(unit => el("div", null,
      table(["layer", "channels", "kernel", "stride", "groups", "then"], unit.rows.map(cells => row(cells, 6)), 6),
      note([unit.times > 1 ? `${unit.times} of these, one after the other.` : "", unit.link ? `Link: ${unit.link}.` : "No link.", unit.then ? `${unit.link ? "After the sum" : "At the end"}: ${unit.then}.` : ""].join(" ").trim()))))));
}

// Of block types the colour, so that a Res and a Btn are told apart in every chart alike; kernels are written.
const blockTypes = [...new Set(report.runs.flatMap(run => run.kinds.filter(k => k.block !== "Conv").map(groupOf)))].sort();
function groupOf(kind) { return kind.label.replace(/ k\d+/, ""); }
function blockColour(kind) { return kind.block === "Conv" ? "var(--soft)" : seriesColour(blockTypes.indexOf(groupOf(kind))); }
