// Elements are made here alone, and text only ever becomes a text node: nothing from a run is read as markup.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

const counted = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const mark = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function scaled(value, steps, digits = 3) {
  for (const [size, suffix] of steps) if (Math.abs(value) >= size * 0.9995) return `${+(value / size).toPrecision(3)}${suffix}`;
  return `${+value.toPrecision(digits)}`;
}
// How values are written; data.js adds the quantities of the report.
const FORMATS = {
  iteration: v => scaled(v, [[1e6, "M"], [1e3, "k"]]),
  score: v => `${+v.toPrecision(5)}`,
};

const tip = document.getElementById("tip");
function showTip(lines, x, y) {
  tip.replaceChildren(el("b", null, lines[0]), ...lines.slice(1).map(line => el("div", null, line)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? Math.max(4, x - box.width - 14) : x + 14;
  const top = y + 14 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 14;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}
const hideTip = () => { tip.hidden = true; };
addEventListener("keydown", event => { if (event.key === "Escape") hideTip(); });

// A title stands over its column as the cells below do.
function table(titles, rows, left = 1) {
  const place = i => rows.length ? rows[0].cells[i]?.className || null : i < left ? "left" : null;
  return el("div", { class: "scroll" }, el("table", null,
    el("thead", null, el("tr", null, titles.map((t, i) => el("th", { scope: "col", class: place(i) }, t)))),
    el("tbody", null, rows)));
}
const row = (cells, left = 1, attributes = null) =>
  el("tr", attributes, cells.map((c, i) => c instanceof HTMLTableCellElement ? c : el("td", { class: i < left ? "left" : null }, c)));
