// Puts the page together; one run and one of its winners are looked at more closely.
function main() {
  const { runs } = report;
  const page = document.getElementById("page");
  document.getElementById("subtitle").textContent = runs.map(run => run.name).join(" · ");
  document.title = `${runs.map(run => run.name).join(", ")} – zennas report`;
  const groups = comparable(runs);
  const [candidates, open] = candidatesSection(groups);
  const openAndGo = (run, id) => { open(run, id); document.getElementById("selected").scrollIntoView({ block: "center" }); };
  const closer = el("div", { style: "display: contents" }), first = el("div", { style: "display: contents" }), after = el("div", { style: "display: contents" });
  const show = (run, winner) => {
    first.replaceChildren(winnerSection(run, winner), knownSection(run), publishedSection(run, winner), winnersTable(run));
    closer.replaceChildren(changesSection(run), familySection(run, winner, openAndGo), contributionsSection(run, winner), importanceSection(run));
    after.replaceChildren(nextSection(run));
  };
  const choices = runs.flatMap((run, r) => run.winners.map((winner, w) => ({ run, winner, value: `${r}.${w}`, best: w === run.best })));
  const start = choices.find(c => c.run === runs[0] && c.best);
  const pick = el("select", { id: "which", onchange: () => { const c = choices.find(c => c.value === pick.value); show(c.run, c.winner); } },
    choices.map(c => el("option", { value: c.value, selected: c === start ? "" : null }, `${runs.length > 1 ? `${c.run.name}: ` : ""}${c.winner.label}`)));
  show(start.run, start.winner);
  page.replaceChildren(
    choices.length > 1 ? el("div", { class: "controls", style: "margin-top: 14px" }, el("label", { for: "which" }, "network"), pick) : "",
    first,
    historySection(groups),
    candidates, closer, runs.length > 1 ? compareSection(runs) : "", after, repeatSection(runs));
  const titles = [["winner", "winner"], ["accuracy", "accuracy"], ["history", "score"], ["candidates", "networks"], ["changes", "blocks"], ["family", "family"], ["layers", "layers"], ["importance", "choices"], ["compare", "compare"], ["next", "next"], ["repeat", "repeat"]];
  document.getElementById("nav").replaceChildren(...titles.filter(([id]) => document.getElementById(id)).map(([id, text]) => el("a", { href: `#${id}` }, text)));
}
main();
