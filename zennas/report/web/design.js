// The page of a design.
const percent = v => v === null || v === undefined ? "–" : `${v.toFixed(2)} %`;
const roundColour = round => seriesColour(round - 1);

function outcomeSection() {
  const { winner, test } = report;
  const best = report.candidates.find(c => c.name === report.best);
  if (!winner) return section("winner", report.name, note("Nothing has been measured yet."));
  const title = test === null ? `${winner.name} is the best so far` : `${winner.name}, trained in full`;
  const held = `${percent(best.accuracies[best.accuracies.length - 1])}`;
  return el("section", { id: "winner", "aria-labelledby": "winner-title" },
    el("h1", { id: "winner-title" }, title),
    note(`${report.data}, ${sizeText(report.resolution)}, ${report.num_classes} classes; ${report.status}. Chosen as ${winner.why}.`),
    note(`Networks were compared on ${(100 * report.holdout).toPrecision(3)} % of the training images, which none of them had learned from. The test images were ${test === null ? "not looked at yet" : "looked at once, after the last epoch of the winner's training on all training images"}.`),
    report.advice ? [note(`Mind: ${report.advice}.`)] : [],
    el("div", { class: "cards" },
      card("accuracy on the test images", percent(test), test === null ? "" : `after ${counted(report.final_epochs, "epoch")}`),
      card("on the held-out images", held, `after ${counted(best.accuracies.length, "epoch")}; the best of many reads high`),
      card("training in all", report.seconds, `${report.candidates.length} candidates; the winner ${report.final_seconds}`),
      winner.costs.map(c => card(c.title, c.text, c.budget ? `budget ${c.budget}` : "", c.share))),
    el("h3", null, "The network"),
    note("Press a box to see what it is made of."),
    drawNetwork(winner.blocks, report.resolution, null, i => winner.blocks[i].inside),
    el("details", null, el("summary", null, "Structure string"), copyable(winner.structure)));
}

function roundsSection() {
  return section("rounds", "What each round brought",
    note("Gain: the best of the round over the best before it, both trained to the last epoch. Time is that of the optimiser's steps."),
    table(["round", "candidates", "epochs", "best", "gain", "time", "chosen"], report.rounds.map(r => row([
      `${r.number}`, `${r.candidates}${r.failed ? `, ${r.failed} failed` : ""}`, `${r.epochs}`,
      percent(r.best), r.gain === null ? "–" : `${r.gain >= 0 ? "+" : ""}${r.gain.toFixed(2)}`, r.seconds, el("td", { class: "text" }, r.note)]))));
}

function predictedSection() {
  const known = report.candidates.filter(c => c.predicted !== null && c.estimated !== null);
  if (!known.length) return section("predicted", "Predicted and measured", note("No round was chosen by what was learned: that takes eight trained candidates, and a correction of the zero-shot score that errs less than the score does."));
  const values = known.flatMap(c => [c.predicted, c.estimated]);
  const low = Math.min(...values), high = Math.max(...values), by = 0.08 * (high - low || 1);
  const box = chart("Measured against predicted accuracy", (node, width) => {
    const frame = axes(node, width, { x: [low - by, high + by], y: [low - by, high + by], xLabel: "predicted accuracy (%)", yLabel: "measured accuracy (%)", height: 380 });
    const { svg, sx, sy } = frame;
    const within = v => Math.min(high + by, Math.max(low - by, v));
    svg.append(mark("line", { class: "axis", x1: sx(low - by), y1: sy(low - by), x2: sx(high + by), y2: sy(high + by) }));
    for (const c of known) {
      svg.append(
        mark("line", { x1: sx(within(c.interval[0])), x2: sx(within(c.interval[1])), y1: sy(c.estimated), y2: sy(c.estimated), stroke: roundColour(c.round), opacity: 0.5 }),
        mark("circle", { cx: sx(c.predicted), cy: sy(c.estimated), r: 4, style: c.accuracies.length >= report.epochs ? `fill: ${roundColour(c.round)}` : `fill: none; stroke: ${roundColour(c.round)}` }));
    }
    interactive(frame, known.map(c => ({ x: c.predicted, y: c.estimated, lines: () => [c.name, `predicted ${percent(c.predicted)} (${c.interval.map(v => v.toFixed(1)).join(" to ")})`, `measured ${percent(c.estimated)}${c.accuracies.length >= report.epochs ? "" : `, estimated after ${counted(c.accuracies.length, "epoch")}`}`, c.why] })));
  });
  const inside = known.filter(c => c.estimated >= c.interval[0] && c.estimated <= c.interval[1]).length;
  return section("predicted", "Predicted and measured",
    note(`Before they were trained, and after. Lines are 95 % intervals: ${inside} of ${known.length} measured accuracies lie within them. An open circle was given up on before its last epoch; its accuracy is an estimate.`),
    box, legend(report.rounds.filter(r => known.some(c => c.round === r.number)).map(r => [swatch(`fill: ${roundColour(r.number)}`), `round ${r.number}`])));
}

function candidatesTable() {
  const drawn = report.candidates.filter(c => c.accuracies.length);
  const all = drawn.flatMap(c => c.accuracies);
  const box = drawn.length ? chart("Accuracy over epochs", (node, width) => {
    const frame = axes(node, width, { x: [0, report.epochs], y: [Math.min(...all), Math.max(...all)], xLabel: "epochs", yLabel: "accuracy on the held-out images (%)" });
    const { svg, sx, sy } = frame;
    for (const c of drawn) svg.append(mark("path", { d: path(c.accuracies.map((a, i) => [i + 1, a]), sx, sy), fill: "none", stroke: roundColour(c.round), "stroke-width": c.name === report.best ? 3 : 1.4 }));
    interactive(frame, drawn.flatMap(c => c.accuracies.map((a, i) => ({ x: i + 1, y: a, lines: () => [`${c.name}: ${percent(a)}`, `epoch ${i + 1}`, c.why] }))));
  }) : "";
  return section("candidates", "The candidates",
    note("The worse half of a round is given up on early; a candidate's last accuracy is therefore that of its own last epoch. The winner's line is the thick one."),
    box, legend(report.rounds.map(r => [swatch(`fill: ${roundColour(r.number)}`), `round ${r.number}`])),
    table(["name", "accuracy", "epochs", "predicted", "score", "params", "multiply-adds", "time", "why it was chosen"], report.candidates.map(c => row([
      c.name, percent(c.accuracies[c.accuracies.length - 1]), `${c.accuracies.length}`, percent(c.predicted), c.predicted === null ? FORMATS.score(c.score) : "–",
      FORMATS.params(c.params), FORMATS.flops(c.flops), c.seconds, el("td", { class: "text" }, c.failed ? `${c.why}; failed: ${c.failed}` : c.why)]))));
}

function designMain() {
  document.getElementById("subtitle").textContent = report.name;
  document.title = `${report.name} – zennas design`;
  document.getElementById("page").replaceChildren(outcomeSection(), roundsSection(), predictedSection(), candidatesTable(),
    section("repeat", "Do it again", copyable(report.command)));
  const titles = [["winner", "winner"], ["rounds", "rounds"], ["predicted", "predictions"], ["candidates", "candidates"], ["repeat", "repeat"]];
  document.getElementById("nav").replaceChildren(...titles.map(([id, text]) => el("a", { href: `#${id}` }, text)));
}
designMain();
