// Structures of candidates, rebuilt along their parents as the search made them.
const report = JSON.parse(document.getElementById("data").textContent);
for (const [name, { steps, digits }] of Object.entries(report.quantities)) FORMATS[name] = v => scaled(v, steps, digits);

function decode(run, change) {
  const blocks = [];
  for (let i = 1; i < change.length; i += 6) {
    blocks.push({
      kind: run.kinds[change[i]], in: change[i + 1], out: change[i + 2],
      stride: change[i + 3], bottleneck: change[i + 4], layers: change[i + 5],
    });
  }
  return blocks;
}

function structureOf(run, id) {
  const line = [];
  for (let i = id; i >= 0; i = run.candidates.parent[i]) line.push(i);
  let blocks = [];
  for (const i of line.reverse()) {
    for (const change of run.candidates.changes[i]) {
      const made = decode(run, change);
      if (change[0] < 0) { blocks = made; continue; }
      const rest = blocks.slice(change[0] + 1);
      if (rest.length) rest[0] = { ...rest[0], in: made[made.length - 1].out };
      blocks = [...blocks.slice(0, change[0]), ...made, ...rest];
    }
  }
  return blocks;
}

// What a super-block is made of: texts that many share, with this one's numbers in their places.
function madeOf(run, block) {
  const [parts, others] = run.insides.of[[run.kinds.indexOf(block.kind), block.in, block.out, block.stride, block.bottleneck, block.layers]];
  const numbers = [1, block.in, block.out, block.bottleneck, block.layers, ...others];
  const { templates } = run.insides;
  const texts = JSON.stringify(parts.map(([title, ...units]) => ({ title: templates[title], units: units.map(unit => templates[unit]) })));
  return JSON.parse(texts.replace(/\{(\d+)\}/g, (_, place) => numbers[place]));
}

function structureText(blocks) {
  return blocks.map(b => {
    const values = b.kind.arguments === 4 ? [b.in, b.out, b.stride, b.layers] : [b.in, b.out, b.stride, b.bottleneck, b.layers];
    return `${b.kind.prefix}(${values.join(",")})`;
  }).join("");
}

// Of a long search not all candidates are here; the columns then say which number each has.
const numberOf = (run, id) => run.candidates.id ? run.candidates.id[id] : id;

function costLines(run, id) {
  const c = run.candidates;
  return Object.keys(report.quantities).filter(q => c[q] && c[q][id] !== null).map(q => `${report.quantities[q].title} ${FORMATS[q](c[q][id])}`);
}

function describe(run, id) {
  const c = run.candidates;
  return [
    `score ${FORMATS.score(c.score[id])}`,
    costLines(run, id).join(", "),
    `network ${numberOf(run, id)}, iteration ${c.iteration[id]}${report.runs.length > 1 ? `, ${run.name}` : ""}`,
    structureText(structureOf(run, id)),
  ];
}

// The highest score at no more than each cost.
function frontier(run, quantity) {
  const { score } = run.candidates, cost = run.candidates[quantity];
  const order = [...score.keys()].filter(i => cost[i] !== null).sort((a, b) => cost[a] - cost[b] || score[b] - score[a]);
  const front = [];
  for (const i of order) if (!front.length || score[i] > score[front[front.length - 1]]) front.push(i);
  return front;
}
