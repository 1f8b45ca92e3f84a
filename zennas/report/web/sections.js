// The sections of the page.
function section(id, title, ...content) {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), ...content);
}
const note = text => el("p", { class: "note" }, text);

function copyable(text) {
  const button = el("button", { type: "button", onclick: () => navigator.clipboard.writeText(text).then(() => { button.textContent = "copied"; }, () => { button.textContent = "select it by hand"; }) }, "copy");
  return el("div", null, el("pre", { tabindex: 0 }, text), button);
}

function card(title, value, detail, share, what) {
  return el("div", { class: "card", title: what || null }, el("span", null, title), el("b", null, value), what ? el("span", { class: "what" }, what) : null, detail ? el("span", null, detail) : null,
    share ? el("div", { class: "meter", "aria-hidden": "true" }, el("i", { style: `width: ${Math.min(100, 100 * share).toFixed(1)}%` })) : null);
}

function winnerSection(run, winner) {
  const blocks = structureOf(run, winner.id);
  const zen = winner.zen && card("Zen-score by Monte Carlo", winner.zen.score.toFixed(2), `by ${winner.zen.by}; 95 % interval ${winner.zen.ci95.map(v => v.toFixed(1)).join(" to ")}`);
  const inputs = `${sizeText(run.resolution)}, ${run.num_classes} classes`;
  const drawing = drawNetwork(blocks, run.resolution, i => [`params ${FORMATS.params(winner.rows[i].params)}, multiply-adds ${FORMATS.flops(winner.rows[i].flops)}, ${winner.rows[i].convolutions} convolutions`], i => madeOf(run, blocks[i]));
  return el("section", { id: "winner", "aria-labelledby": "winner-title" },
    el("h1", { id: "winner-title" }, winner.name),
    note(`${run.notes.length ? "The chosen network" : "The network of the highest score within the budgets"}, for ${inputs}. ${run.iterations.toLocaleString("en")} of ${run.planned.toLocaleString("en")} iterations, ${run.scored.toLocaleString("en")} networks scored; ${run.status}.`),
    run.notes.map(text => note(`${text[0].toUpperCase()}${text.slice(1)}.`)),
    el("div", { class: "cards" }, card(`score (${run.score})`, winner.score.toFixed(2)), zen,
      winner.costs.map(c => card(c.title, c.text, c.budget ? `budget ${c.budget}${c.share ? `, ${(100 * c.share).toFixed(0)}\u00a0%\u00a0used` : ""}` : "", c.share, c.what === c.title ? "" : c.what))),
    el("h3", null, "The network"),
    note("Height is the side of the feature map, thickness the channels; an arc is a residual link, ↓2 a stride. Below each box: channels and feature map. Press a box to see what it is made of."),
    drawing, downloads(winner, drawing),
    el("details", null, el("summary", null, "Table of super-blocks"), table(
      ["", "type", "in", "out", "stride", "bottleneck", "layers", "output", "params", "multiply-adds"],
      winner.rows.map((r, i) => row([`${i + 1}`, r.kind, `${r.in_channels}`, `${r.out_channels}`, `${r.stride}`, r.bottleneck ? `${r.bottleneck}` : "–", `${r.layers}`, sizeText(r.side), FORMATS.params(r.params), FORMATS.flops(r.flops)], 2)), 2)),
    el("details", null, el("summary", null, "Structure string"), copyable(winner.structure)));
}

// Runs share an axis only where their scores mean the same: one input, one number of classes, one score.
const inputOf = run => `${sizeText(run.resolution)}, ${run.num_classes} classes, ${run.score}`;
function comparable(runs) {
  const groups = new Map();
  for (const run of runs) groups.set(inputOf(run), [...(groups.get(inputOf(run)) || []), run]);
  return [...groups.values()];
}
const apart = groups => groups.length > 1 ? note("Scores of different inputs, numbers of classes or scores do not compare: such runs are drawn apart.") : null;

function historySection(groups) {
  return section("history", "Score over iterations", note("The best of the population, its median, and the band down to its worst member."), apart(groups),
    groups.map(runs => el("div", null, groups.length > 1 ? el("h3", null, inputOf(runs[0])) : null, historyChart(runs))));
}

function candidatesSection(groups) {
  const all = groups.flat();
  const selected = el("div", { id: "selected", "aria-live": "polite" });
  const open = (run, id) => {
    const blocks = structureOf(run, id);
    selected.replaceChildren(el("div", { class: "selected" }, el("h3", null, `Network ${numberOf(run, id)}${all.length > 1 ? ` of ${run.name}` : ""}: score ${FORMATS.score(run.candidates.score[id])}`),
      note(`${costLines(run, id).join(", ")}; iteration ${run.candidates.iteration[id]}. Press a box to see what it is made of.`), drawNetwork(blocks, run.resolution, null, i => madeOf(run, blocks[i])), copyable(structureText(blocks))));
  };
  const thinned = all.filter(run => run.candidates.id);
  return [section("candidates", thinned.length ? "The networks that were scored" : "Every network that was scored",
    thinned.map(run => note(`${all.length > 1 ? `${run.name}: ` : ""}${run.candidates.id.length.toLocaleString("en")} of ${run.scored.toLocaleString("en")} networks are drawn: winners with their ancestors, frontiers, the highest and lowest score at every cost, and a random sample of the rest.`)),
    note("A star is a winner, a diamond a published network. Point at a network for its structure; click, or walk along the frontier with the arrow keys and press Enter, to draw it below. Drag across the chart to look closer, double-click to see all."),
    apart(groups), groups.map((runs, number) => groupOfCandidates(runs, number, groups.length > 1, open)), selected), open];
}

function groupOfCandidates(runs, number, several, open) {
  const quantities = Object.keys(report.quantities).filter(q => runs.some(run => run.candidates[q]));
  const budgeted = quantities.find(q => runs[0].budgets.flat().some(b => b.quantity === q)) || quantities[0];
  const place = el("div"), hidden = new Set();
  const choice = el("select", { id: `against${number || ""}`, onchange: () => show() }, quantities.map(q => el("option", { value: q, selected: q === budgeted ? "" : null }, report.quantities[q].title)));
  const log = el("input", { type: "checkbox", id: `log${number || ""}`, onchange: () => show() });
  const show = () => place.replaceChildren(scatterChart(runs.filter(run => !hidden.has(run)), choice.value, open, log.checked));
  const switches = runs.length > 1 ? runs.map(run => el("label", null, el("input", { type: "checkbox", checked: "", onchange: event => { if (event.target.checked) hidden.delete(run); else hidden.add(run); show(); } }), ` ${run.name}`)) : [];
  show();
  const items = runs.length > 1
    ? runs.map((run, r) => [swatch(seriesColour(r), DASHES[r % 4]), `${run.name}: frontier`])
    : [[swatch("fill: var(--dot)"), "candidate"], [swatch(seriesColour(0), null), "frontier"], [swatch("var(--hot)", "5 4"), "budget"]];
  items.push([swatch("fill: var(--hot)"), "winner"]);
  if (runs.some(run => run.published.length)) items.push([swatch("fill: var(--panel); stroke: var(--ink)"), "published network"]);
  return el("div", null, several ? el("h3", null, inputOf(runs[0])) : null,
    el("div", { class: "controls" }, el("label", { for: choice.id }, "score against"), choice, el("label", { for: log.id }, log, " logarithmic"), switches), place, legend(items));
}

function changesSection(run) {
  return section("changes", "What the population was made of",
    note("Shares of block types (the full colour is a 3×3 kernel, fainter ones are larger kernels), each layer between the stem and the last convolution counted once."),
    sharesChart(run),
    el("div", { class: "two" },
      el("div", null, el("h3", null, "Depth by size of the feature map"), stagesChart(run, run.composition.depth, "mean layers")),
      el("div", null, el("h3", null, "Width by size of the feature map"), stagesChart(run, run.composition.width, "mean channels"))));
}

function familySection(run, winner, open) {
  const line = winner.ancestors;
  const rows = line.map(a => row([`${a.iteration}`, el("td", { class: "text" }, a.change), FORMATS.score(a.score), el("td", null, el("span", { class: a.gain > 0 ? "up" : null }, a.change === "start" ? "" : signed(a.gain))), FORMATS.params(a.params), FORMATS.flops(a.flops)]));
  const steps = line.slice(1).map(a => a.gain), gains = steps.filter(g => g > 0).length;
  return section("family", "How the winner came about",
    note(`${counted(steps.length, "mutation")} ${steps.length === 1 ? "leads" : "lead"} from the start to the winner; ${gains === steps.length ? "each raised the score" : `${gains} raised the score, the rest paid later`}.`),
    ancestorsChart(run, winner, open),
    el("details", null, el("summary", null, counted(steps.length, "mutation")), table(["iteration", "mutation", "score", "gain", "params", "multiply-adds"], rows, 2)));
}

function contributionsSection(run, winner) {
  if (!winner.contributions.length) return section("layers", "Why it scores as it does", note(`Not known for this network: ${winner.contributions_missing}`));
  const total = winner.contributions.reduce((sum, c) => sum + c.value, 0);
  const sums = winner.rows.map((r, i) => winner.contributions.filter(c => c.super_block === i).reduce((s, c) => s + c.value, 0));
  const own = ["meanfield", "zen"].includes(run.score);
  return section("layers", own ? "Why it scores as it does" : "Where its Zen-score arises",
    note(`${own ? "" : `The search maximised ${run.score}; this is of the paper's Zen-score. `}The closed form's ½·log σ² of each convolution: what the batch norm after it adds to the score. Together ${total.toFixed(2)}; the rest of ${own ? "the score" : "it"} is the logarithm of the output's response. Colours alternate by super-block.`),
    contributionsChart(run, winner),
    el("details", null, el("summary", null, "Sum by super-block"), table(["", "super-block", "½·log σ²"], winner.rows.map((r, i) => row([`${i + 1}`, `${r.kind} ${r.in_channels}→${r.out_channels} × ${r.layers}`, sums[i].toFixed(2)], 2)), 2)));
}

function importanceSection(run) {
  if (!run.importance) return "";
  const { rows, r2, candidates } = run.importance;
  const shown = rows.slice(0, 15).filter((r, i) => i < 3 || r.value >= 0.005);
  return section("importance", "Which choices moved the score",
    note(`A random forest learns the score of ${candidates.toLocaleString("en")} networks of this run from their choices, stage by stage; a bar is what its R² on held-out networks loses where that choice is permuted among them. Its R² is ${r2.toFixed(2)}: ${r2 > 0.8 ? "it knows the score well" : r2 > 0.5 ? "it knows the score roughly" : "it hardly knows the score, so read little into this"}. A stage ends where a stride begins the next; the first has the stem.`),
    importanceChart(shown),
    el("details", null, el("summary", null, "All choices"), table(["choice", "stage", "loss of R²", "±"], rows.map(r => row([r.choice, `${r.stage}`, r.value.toFixed(3), r.std.toFixed(3)])))));
}

function compareSection(runs) {
  const winners = runs.map(run => run.winners[run.best]);
  const titles = [...new Set(winners.flatMap(w => w.costs.map(c => c.title)))];
  const costs = titles.map(title => row([title, ...winners.map(w => (w.costs.find(c => c.title === title) || { text: "–" }).text)]));
  const scores = row(["score", ...winners.map((w, i) => `${w.score.toFixed(2)} (${runs[i].score})`)]);
  const zens = row(["Zen-score by Monte Carlo", ...winners.map(w => w.zen ? w.zen.score.toFixed(2) : "–")]);
  const inputs = row(["input, classes", ...runs.map(run => `${sizeText(run.resolution)}, ${run.num_classes}`)]);
  return section("compare", "The winners side by side", apart(comparable(runs)), table(["", ...runs.map(run => run.name)], [inputs, scores, zens, ...costs]),
    report.diffs.map((rows, i) => el("div", null, el("h3", null, `${runs[0].name} and ${runs[i + 1].name}`),
      table([runs[0].name, runs[i + 1].name, "differs in"], rows.map(r => row([
        r.left || "–", el("td", { class: `left${r.changed.length || !r.left ? " changed" : ""}` }, r.right || "–"),
        el("td", { class: "left" }, r.changed.map(f => f.replace("_channels", "").replace("_", " ")).join(", ") || (r.left && r.right ? "" : "only on one side"))])), 3))));
}

function repeatSection(runs) {
  return section("repeat", "Repeat it", runs.map(run => el("div", null,
    runs.length > 1 ? el("h3", null, run.name) : null, copyable(run.command),
    note(`Seed ${run.seed}; made with ${Object.entries(run.versions).map(v => v.join(" ")).join(", ") || "unknown versions"}. The result does not depend on the number of workers.`))));
}
