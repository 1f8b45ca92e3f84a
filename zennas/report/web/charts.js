// The single charts.
const spread = (low, high, by = 0.04) => [low - (high - low || 1) * by, high + (high - low || 1) * by];
const last = list => list[list.length - 1];

function historyChart(runs) {
  const lines = runs.flatMap((run, r) => run.history.map((h, n) => ({ run, h, n: runs.length > 1 ? r : n, dash: DASHES[(runs.length > 1 ? r + n : n) % 4], name: name(run, h) })));
  function name(run, h) { return [runs.length > 1 ? run.name : "", run.history.length > 1 ? h.label : ""].filter(Boolean).join(" ") || "best"; }
  const usable = lines.filter(l => l.h.points.length);
  const all = usable.flatMap(l => l.h.points);
  const box = chart("Score over iterations", (node, width) => {
    const frame = axes(node, width, {
      x: [0, Math.max(...all.map(p => p[0]), 1)], y: spread(Math.min(...all.map(p => p[3])), Math.max(...all.map(p => p[1]))),
      xLabel: "iterations", yLabel: `score (${[...new Set(runs.map(r => r.score))].join(", ")})`, xFormat: FORMATS.iteration, yFormat: FORMATS.score,
    });
    const { svg, sx, sy } = frame;
    const points = [];
    for (const { h, n, dash, name } of usable) {
      const up = h.points.map(p => [p[0], p[1]]), down = h.points.map(p => [p[0], p[3]]).reverse();
      svg.append(
        mark("path", { d: `${path([...up, ...down], sx, sy)}Z`, style: `fill: ${seriesColour(n)}`, opacity: usable.length > 3 ? 0.06 : 0.15 }),
        mark("path", { d: path(h.points.map(p => [p[0], p[2]]), sx, sy), fill: "none", stroke: seriesColour(n), "stroke-width": 1, opacity: 0.7 }),
        mark("path", { class: "best", d: path(up, sx, sy), fill: "none", stroke: seriesColour(n), "stroke-width": 2.2, "stroke-dasharray": dash }));
      points.push(...h.points.map(p => ({
        x: p[0], y: p[1],
        lines: () => [`best ${FORMATS.score(p[1])}`, `iteration ${p[0]}${name === "best" ? "" : `, ${name}`}`, `population: median ${FORMATS.score(p[2])}, worst ${FORMATS.score(p[3])}`],
      })));
    }
    interactive(frame, points);
  });
  return [box, legend(usable.map(l => [swatch(seriesColour(l.n), l.dash), l.name]))];
}

function scatterChart(runs, quantity, open, logarithmic) {
  const able = runs.filter(run => run.candidates[quantity]);
  const fronts = able.map(run => frontier(run, quantity));
  let low = Infinity, high = -Infinity, worst = Infinity, best = -Infinity;
  for (const run of able) {
    const cost = run.candidates[quantity], { score } = run.candidates;
    for (let i = 0; i < score.length; i++) {
      if (cost[i] === null) continue;
      if (cost[i] < low) low = cost[i];
      if (cost[i] > high) high = cost[i];
      if (score[i] < worst) worst = score[i];
      if (score[i] > best) best = score[i];
    }
  }
  const bounds = able.flatMap((run, r) => run.budgets.flat().filter(b => b.quantity === quantity).flatMap(b =>
    [b.low, b.high].filter(v => v !== null).map(v => ({ v, r }))));
  for (const { v } of bounds) { low = Math.min(low, v); high = Math.max(high, v); }
  if (logarithmic) low = Math.max(low, high / 1e6);
  const whole = logarithmic ? [low, high] : spread(low, high, 0.03);
  let view = { x: whole, y: spread(worst, best) };
  const box = chart(`Score against ${report.quantities[quantity].title}`, (node, width) => {
    const frame = axes(node, width, {
      x: view.x, y: view.y, logarithmic, xLabel: report.quantities[quantity].title, yLabel: "score",
      xFormat: FORMATS[quantity], yFormat: FORMATS.score, height: 380,
    });
    const { svg, sx, sy, height, top, bottom } = frame;
    const canvas = el("canvas", { "aria-hidden": "true" });
    const ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    node.prepend(canvas);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    able.forEach((run, r) => {
      pen.fillStyle = able.length > 1 ? colour(`c${r % 6}`) : colour("dot");
      pen.globalAlpha = run.candidates.score.length > 5000 ? 0.3 : 0.55;
      const cost = run.candidates[quantity], { score } = run.candidates;
      for (let i = 0; i < score.length; i++) if (cost[i] !== null && inView(cost[i], score[i])) pen.fillRect(sx(cost[i]) - 1.2, sy(score[i]) - 1.2, 2.4, 2.4);
    });
    for (const [k, { v, r }] of bounds.filter(({ v }) => v >= view.x[0] && v <= view.x[1]).entries()) {
      svg.append(mark("line", { class: "budget", x1: sx(v), x2: sx(v), y1: top, y2: height - bottom, stroke: able.length > 1 ? seriesColour(r) : "var(--hot)", "stroke-dasharray": "5 4", "stroke-width": 1.5 }),
        mark("text", { x: sx(v) - 5, y: height - bottom - 8 - 15 * (k % 5), "text-anchor": "end", class: "strong" }, `budget ${FORMATS[quantity](v)}`));
    }
    const points = [];
    able.forEach((run, r) => {
      const { score } = run.candidates, cost = run.candidates[quantity];
      svg.append(mark("path", { class: "frontier", d: path(fronts[r].filter(i => inView(cost[i], score[i])).map(i => [cost[i], score[i]]), sx, sy), fill: "none", stroke: seriesColour(r), "stroke-width": 2, "stroke-dasharray": DASHES[r % 4] }));
      for (const w of run.winners.filter(w => inView(cost[w.id], score[w.id]))) {
        svg.append(mark("path", { class: "winner", d: "M0 -8L2.3 -2.6L8 -2.4L3.6 1.2L5 7L0 3.8L-5 7L-3.6 1.2L-8 -2.4L-2.3 -2.6Z", transform: `translate(${sx(cost[w.id])} ${sy(score[w.id])})`, style: "fill: var(--hot)", stroke: "var(--panel)" }));
      }
      for (const i of new Set([...fronts[r], ...run.winners.map(w => w.id)])) if (inView(cost[i], score[i])) points.push(point(run, i));
    });
    for (const { name, score, costs, trained } of able.flatMap(run => run.published).filter(p => p.score !== null && p.costs[quantity] !== undefined && inView(p.costs[quantity], p.score))) {
      const x = sx(costs[quantity]), y = sy(score);
      svg.append(mark("path", { class: "published", d: `M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`, style: "fill: var(--panel)", stroke: "var(--ink)", "stroke-width": 1.6 }));
      points.push({ x: costs[quantity], y: score, lines: () => [name, `score ${FORMATS.score(score)}, ${report.quantities[quantity].title} ${FORMATS[quantity](costs[quantity])}`, trained || "no published accuracy"] });
    }
    function inView(cost, score) { return cost >= view.x[0] && cost <= view.x[1] && score >= view.y[0] && score <= view.y[1]; }
    function point(run, i) {
      return { x: run.candidates[quantity][i], y: run.candidates.score[i], lines: () => describe(run, i), open: () => open(run, i) };
    }
    interactive(frame, points, (px, py) => {
      let found = null, distance = 14 * 14;
      for (const run of able) {
        const { score } = run.candidates, cost = run.candidates[quantity];
        for (let i = 0; i < score.length; i++) {
          const d = (sx(cost[i]) - px) ** 2 + (sy(score[i]) - py) ** 2;
          if (d < distance && inView(cost[i], score[i])) { distance = d; found = [run, i]; }
        }
      }
      const near = points.find(p => !p.open && (sx(p.x) - px) ** 2 + (sy(p.y) - py) ** 2 < 100);
      return near || (found && point(...found));
    });
    zoomable(frame, part => { view = part || { x: whole, y: spread(worst, best) }; box.redraw(); });
  });
  return box;
}

const kindStyle = (kinds, i) => {
  const label = kinds[i], kernel = +(/ k(\d+)/.exec(label) || [0, 3])[1];
  const group = blockTypes.indexOf(label.replace(/ k\d+/, ""));
  return { fill: group < 0 ? "var(--soft)" : seriesColour(group), opacity: kernel <= 3 ? 1 : kernel <= 5 ? 0.66 : 0.36 };
};

function sharesChart(run) {
  const { iterations, kinds, shares } = run.composition;
  const box = chart("Share of block types in the population", (node, width) => {
    const frame = axes(node, width, { x: [iterations[0], last(iterations) || 1], y: [0, 1], xLabel: "iterations", yLabel: "share of layers", xFormat: FORMATS.iteration, yFormat: v => `${Math.round(100 * v)} %`, height: 260 });
    const { svg, sx, sy } = frame;
    const sums = iterations.map(() => 0);
    const points = [];
    kinds.forEach((kind, k) => {
      const lower = iterations.map((t, i) => [t, sums[i]]);
      iterations.forEach((t, i) => { sums[i] += shares[i][k]; });
      const upper = iterations.map((t, i) => [t, sums[i]]);
      const style = kindStyle(kinds, k);
      svg.append(mark("path", { class: "area", d: `${path([...upper, ...lower.reverse()], sx, sy)}Z`, style: `fill: ${style.fill}`, "fill-opacity": style.opacity, stroke: "var(--panel)", "stroke-width": 0.7 }));
    });
    iterations.forEach((t, i) => points.push({
      x: t, y: 1,
      lines: () => [`iteration ${t}`, ...kinds.map((kind, k) => [shares[i][k], kind]).filter(p => p[0] > 0.005).sort((a, b) => b[0] - a[0]).map(p => `${p[1]}: ${(100 * p[0]).toFixed(0)} %`)],
    }));
    frame.anyHeight = true;
    interactive(frame, points);
  });
  return [box, legend(kinds.map((kind, k) => { const s = kindStyle(kinds, k); return [swatch(`fill: ${s.fill}; fill-opacity: ${s.opacity}`), kind]; }))];
}

function stagesChart(run, values, title) {
  const { iterations, stages } = run.composition;
  const box = chart(title, (node, width) => {
    const frame = axes(node, width, { x: [iterations[0], last(iterations) || 1], y: [0, Math.max(...values.flat(), 1) * 1.05], xLabel: "iterations", yLabel: title, xFormat: FORMATS.iteration, height: 240 });
    const points = [];
    stages.forEach((side, s) => {
      frame.svg.append(mark("path", { d: path(iterations.map((t, i) => [t, values[i][s]]), frame.sx, frame.sy), fill: "none", stroke: seriesColour(s), "stroke-width": 2, "stroke-dasharray": DASHES[s % 4] }));
      iterations.forEach((t, i) => points.push({ x: t, y: values[i][s], lines: () => [`${title} at ${side}×${side}: ${values[i][s].toFixed(1)}`, `iteration ${t}`] }));
    });
    interactive(frame, points);
  });
  return [box, legend(stages.map((side, s) => [swatch(seriesColour(s), DASHES[s % 4]), `${side}×${side}`]))];
}

function ancestorsChart(run, winner, open) {
  const line = winner.ancestors;
  return chart("Score of the winner's ancestors", (node, width) => {
    const scores = line.map(a => a.score);
    const frame = axes(node, width, { x: [0, Math.max(last(line).iteration, 1)], y: spread(Math.min(...scores), Math.max(...scores)), xLabel: "iteration of birth", yLabel: "score", xFormat: FORMATS.iteration, yFormat: FORMATS.score, height: 260 });
    const { svg, sx, sy } = frame;
    svg.append(mark("path", { d: path(line.map(a => [a.iteration, a.score]), sx, sy), fill: "none", stroke: "var(--c0)", "stroke-width": 1.5 }));
    for (const a of line) svg.append(mark("circle", { class: "ancestor", cx: sx(a.iteration), cy: sy(a.score), r: 3.2, style: `fill: ${a.gain < 0 ? "var(--hot)" : "var(--c0)"}` }));
    interactive(frame, line.map(a => ({ x: a.iteration, y: a.score, lines: () => ancestorLines(a), open: () => open(run, a.id) })));
  });
}
const signed = v => `${v >= 0 ? "+" : "−"}${Math.abs(v).toFixed(2)}`;
const ancestorLines = a => [`score ${FORMATS.score(a.score)} (${signed(a.gain)})`, a.change, `iteration ${a.iteration}, ${FORMATS.params(a.params)} params`];

function contributionsChart(run, winner) {
  const parts = winner.contributions;
  return chart("Contribution of each convolution to the score", (node, width) => {
    const values = parts.map(p => p.value);
    const frame = axes(node, width, { x: [0, parts.length + 1], y: [Math.min(0, ...values) * 1.05, Math.max(0, ...values) * 1.05], xLabel: "convolution on the main path", yLabel: "½·log σ²", yFormat: FORMATS.score, height: 280 });
    const { svg, sx, sy } = frame;
    const bar = Math.max(1.5, (sx(1) - sx(0)) * 0.8);
    parts.forEach((p, i) => svg.append(mark("rect", {
      class: "bar", x: sx(i + 1) - bar / 2, width: bar, y: Math.min(sy(0), sy(p.value)), height: Math.max(1, Math.abs(sy(0) - sy(p.value))),
      style: `fill: ${p.super_block % 2 ? "var(--c1)" : "var(--c0)"}`,
    })));
    frame.anyHeight = true;
    interactive(frame, parts.map((p, i) => ({
      x: i + 1, y: p.value,
      lines: () => [`½·log σ² = ${p.value.toFixed(3)}`, `convolution ${i + 1}: ${p.convolution}`, `super-block ${p.super_block + 1}: ${winner.rows[p.super_block].kind} × ${winner.rows[p.super_block].layers}`],
    })));
  });
}

function importanceChart(rows) {
  const kinds = [...new Set(rows.map(r => r.choice))].sort();
  const box = chart("Importance of choices", (node, width) => {
    const line = 22, left = 130, height = line * rows.length + 12;
    const most = Math.max(...rows.map(r => r.value + r.std), 1e-9);
    const sx = v => left + Math.max(0, v) / most * (width - left - 60);
    const svg = mark("svg", { width, height, role: "img", "aria-label": `Importance: ${rows.map(r => `${r.choice} at stage ${r.stage} ${r.value.toFixed(3)}`).join("; ")}` });
    rows.forEach((r, i) => {
      const y = 6 + line * i, middle = y + line / 2;
      svg.append(
        mark("text", { x: left - 8, y: middle + 4, "text-anchor": "end", class: "strong" }, `${r.choice}, stage ${r.stage}`),
        mark("rect", { class: "importance", x: left, y: y + 3, width: Math.max(1, sx(r.value) - left), height: line - 8, style: `fill: ${seriesColour(kinds.indexOf(r.choice))}` }),
        mark("line", { x1: sx(r.value - r.std), x2: sx(r.value + r.std), y1: middle - 1, y2: middle - 1, stroke: "var(--ink)" }),
        mark("text", { x: sx(r.value + r.std) + 6, y: middle + 4 }, r.value.toFixed(2)));
    });
    node.append(svg);
  });
  return [box, legend(kinds.map((kind, i) => [swatch(`fill: ${seriesColour(i)}`), kind]))];
}
