// What helps to choose: what is known of the score, published networks, what comes next, files to take along.
function knownSection(run) {
  if (!run.known.length) return section("accuracy", "What is known of accuracy", note(`No benchmark of trained networks says how well ${run.score} ranks by accuracy. \`zennas study\` ranks networks of yours.`));
  const above = run.known.filter(k => k.spearman > k.baseline).length;
  return section("accuracy", "What is known of accuracy",
    note(`The score is no accuracy. On ${run.known.length} benchmarks of trained networks ${run.score} ranks by accuracy as below (1: exactly, 0: not at all), on ${above} of them better than multiply-adds do. How far that holds for your images, only training tells: train two or three networks of this run before you settle on one.`),
    table(["benchmark", "networks", `rank correlation of ${run.score}`, "95 % interval", "of multiply-adds"], run.known.map(k => row([el("td", { class: "left name" }, k.benchmark), k.networks.toLocaleString("en"), k.spearman.toFixed(2), `${k.low.toFixed(2)} to ${k.high.toFixed(2)}`, k.baseline.toFixed(2)]))));
}

// The quantities that have a column of their own in tables: all but those aside, unless there is a budget of them.
const listed = run => Object.keys(report.quantities).filter(q => !report.quantities[q].aside || run.budgets.flat().some(b => b.quantity === q));

function publishedSection(run, winner) {
  if (!run.published.length) return "";
  const quantities = listed(run).filter(q => run.published.some(p => p.costs[q] !== undefined));
  const cells = costs => quantities.map(q => costs[q] === undefined || costs[q] === null ? "–" : FORMATS[q](costs[q]));
  const score = v => v === null ? "–" : v.toFixed(2);
  const own = Object.fromEntries(quantities.map(q => [q, run.candidates[q] ? run.candidates[q][winner.id] : null]));
  const rows = run.published.map(p => row([p.name, score(p.score), ...cells(p.costs), el("td", { class: "text" }, p.trained || "–")]));
  return section("published", "Published networks at this input",
    note(`Counted and scored at ${sizeText(run.resolution)} and ${run.num_classes} classes; accuracies are those of the paper, at its own inputs and training. They are the diamonds in the chart of all networks.`),
    table(["network", `score (${run.score})`, ...quantities.map(q => report.quantities[q].title), "accuracy, as published"], [row([`this winner`, winner.score.toFixed(2), ...cells(own), el("td", { class: "text" }, "not trained")], 1, { class: "own" }), ...rows]));
}

function winnersTable(run) {
  if (run.winners.length < 2) return "";
  const quantities = listed(run).filter(q => run.candidates[q]);
  const rows = run.winners.map(w => row([w.label, w.score.toFixed(2), w.zen ? w.zen.score.toFixed(2) : "–", ...quantities.map(q => run.candidates[q][w.id] === null ? "–" : FORMATS[q](run.candidates[q][w.id]))]));
  const said = run.bend && note(`Along ${report.quantities[run.bend.quantity].title} the curve bends at ${run.bend.label}: each doubling behind it gains much less score than those before.`);
  return section("winners", "All winners", said || "", table(["budget", `score (${run.score})`, "Monte Carlo", ...quantities.map(q => report.quantities[q].title)], rows));
}

function nextSection(run) {
  if (!run.next.length) return "";
  return section("next", "What comes next", run.next.map(step => el("div", null, el("h3", null, step.what), copyable(step.command))));
}

function saved(name, type, content) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// A drawing with the page's colours written into it, so that it stands alone.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", ["fill", "stroke", "stroke-width", "font-size", "font-family"].map(k => `${k}: ${style.getPropertyValue(k)}`).join("; "));
    for (const replaced of ["tabindex", "fill", "stroke"]) to[i].removeAttribute(replaced);
  });
  copy.setAttribute("xmlns", SVG);
  const box = svg.getBoundingClientRect();
  copy.prepend(mark("rect", { width: box.width, height: box.height, style: `fill: ${colour("panel")}` }));
  return { text: new XMLSerializer().serializeToString(copy), width: box.width, height: box.height };
}

function savePicture(svg, name) {
  const { text, width, height } = standalone(svg);
  const image = new Image();
  image.onload = () => {
    const canvas = el("canvas", { width: 2 * width, height: 2 * height });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    pen.drawImage(image, 0, 0);
    canvas.toBlob(blob => saved(name, "image/png", blob));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

// Buttons that save a winner: as a file that commands take, as text, as a picture.
function downloads(winner, drawing) {
  const svg = () => drawing.querySelector("svg");
  const button = (text, save) => el("button", { type: "button", onclick: save }, text);
  return el("div", { class: "controls", id: "downloads" },
    button("YAML", () => saved(`${winner.name}.yaml`, "application/yaml", winner.yaml)),
    button("structure (.txt)", () => saved(`${winner.name}.txt`, "text/plain", `${winner.structure}\n`)),
    button("SVG", () => saved(`${winner.name}.svg`, "image/svg+xml", standalone(svg()).text)),
    button("PNG", () => savePicture(svg(), `${winner.name}.png`)));
}
