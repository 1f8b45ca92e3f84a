"""What is said of winners that may have won because they learn quickly."""

from dataclasses import replace

from zennas.designing.advice import depth_advice

SHALLOW = "SuperConvK3BNRELU(3,8,1,1)Btn[k3](8,16,2,8,1)SuperConvK1BNRELU(16,32,1,1)"
DEEP = "SuperConvK3BNRELU(3,8,1,1)Btn[k3](8,16,2,8,8)SuperConvK1BNRELU(16,32,1,1)"


def with_networks(design, winner, highest):
    """The design, its winner and the candidate of the highest score being other networks."""
    ranked = sorted(design.rounds[0].candidates, key=lambda candidate: -candidate.plan.score)
    best, top = design.winner, ranked[0]
    if best.plan.name == top.plan.name:
        top = ranked[1]
    structures = {best.plan.name: (winner, -1.0), top.plan.name: (highest, 1e6)}

    def other(candidate):
        structure, score = structures.get(candidate.plan.name, (candidate.plan.structure, candidate.plan.score))
        return replace(candidate, plan=candidate.plan.model_copy(update={"structure": structure, "score": score}))

    rounds = [replace(one, candidates=tuple(map(other, one.candidates))) for one in design.rounds]
    return replace(design, rounds=tuple(rounds)), top.plan.name


def test_a_much_shallower_winner_is_named_with_the_network_to_train_beside_it(whole):
    design, other = with_networks(whole, SHALLOW, DEEP)
    said = depth_advice(design)
    assert f"trainings of {design.config.epochs} epochs favour networks that learn quickly" in said
    network = design.directory / "candidates" / other / "architecture.yaml"
    assert str(network) in said
    assert network.is_file()


def test_nothing_is_said_of_a_winner_as_deep_or_before_there_is_one(whole):
    assert depth_advice(with_networks(whole, DEEP, DEEP)[0]) == ""
    assert depth_advice(with_networks(whole, DEEP, SHALLOW)[0]) == ""
    assert depth_advice(replace(with_networks(whole, SHALLOW, DEEP)[0], final_begun=False)) == ""
