// A size of a feature map: its side, or "HEIGHTxWIDTH".
const sidesOf = size => typeof size === "number" ? [size, size] : size.split("x").map(Number);
const sizeText = size => sidesOf(size).join("×");

// A network from left to right: height is the feature map's side (by its logarithm; of one that is not square, of the
// square with as many pixels), thickness the square root of its channels.
function drawNetwork(blocks, resolution, extra) {
  const height = 190, base = 150;
  const meanSide = ([h, w]) => h === w ? h : Math.sqrt(h * w);
  let x = 14, sides = sidesOf(resolution);
  const top = Math.log2(Math.max(2, meanSide(sides)) + 1);
  const svg = mark("svg", { height, role: "group", "aria-label": `Network of ${blocks.length} super-blocks, from input to output` });
  const put = (...nodes) => svg.append(...nodes);
  blocks.forEach((b, i) => {
    const before = sides;
    sides = sides.map(side => Math.ceil(side / b.stride));
    const h = 26 + 84 * Math.log2(meanSide(sides) + 1) / top;
    const label = b.kind.block, detail = b.kind.label.slice(b.kind.block.length).trim();
    const w = Math.max(Math.min(170, 4.2 * Math.sqrt(b.out)), 12 + 6.6 * Math.max(label.length, detail.length, `× ${b.layers}`.length));
    const gap = b.stride > 1 ? 30 : 16;
    if (i) {
      put(mark("line", { x1: x, x2: x + gap, y1: base - 18, y2: base - 18, stroke: "var(--soft)" }));
      if (b.stride > 1) put(mark("text", { x: x + gap / 2, y: base - 24, "text-anchor": "middle" }, `↓${b.stride}`));
      x += gap;
    }
    const lines = [
      `${i + 1}. ${b.kind.label} × ${b.layers}`,
      `channels ${b.in} → ${b.out}${b.bottleneck ? `, ${b.bottleneck} inside` : ""}`,
      `feature map ${before.join("×")} → ${sides.join("×")}${b.stride > 1 ? ` (stride ${b.stride})` : ""}`,
      ...(extra ? extra(i) : []),
    ];
    const box = mark("g", { class: "block", tabindex: 0, role: "img", "aria-label": lines.join("; ") },
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
    const middle = base - h / 2;
    [[label, middle - 12, "strong"], [detail, middle + 3, ""], [`× ${b.layers}`, middle + 18, "strong"]].forEach(([text, y, style]) => {
      if (h > 46 || style) box.append(mark("text", { x: x + w / 2, y: h > 46 ? y : y + (text === label ? 8 : -6), "text-anchor": "middle", class: style }, text));
    });
    box.append(mark("text", { x: x + w / 2, y: base + 15, "text-anchor": "middle" }, `${b.out}`),
      mark("text", { x: x + w / 2, y: base + 30, "text-anchor": "middle" }, sides.join("×")));
    const show = (px, py) => showTip(lines, px, py);
    box.addEventListener("pointermove", event => show(event.clientX, event.clientY));
    box.addEventListener("pointerleave", hideTip);
    box.addEventListener("focus", () => { if (box.matches(":focus-visible")) { const r = box.getBoundingClientRect(); show(r.left, r.bottom); } });
    box.addEventListener("blur", hideTip);
    put(box);
    x += w;
  });
  svg.setAttribute("width", x + 14);
  return el("div", { class: "scroll network" }, svg);
}

// Of block types the colour, so that a Res and a Btn are told apart in every chart alike; kernels are written.
const blockTypes = [...new Set(report.runs.flatMap(run => run.kinds.filter(k => k.block !== "Conv").map(groupOf)))].sort();
function groupOf(kind) { return kind.label.replace(/ k\d+/, ""); }
function blockColour(kind) { return kind.block === "Conv" ? "var(--soft)" : seriesColour(blockTypes.indexOf(groupOf(kind))); }
