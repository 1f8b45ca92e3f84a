"""The toy networks of Figures 1 and 2: P of growing depth, Q of growing bottleneck, with and without links."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from zennas.blocks.chain import Chain
from zennas.blocks.layers import Convolution
from zennas.charts import Chart, Panel, Series
from zennas.errors import ScoreError
from zennas.paper.report import Comparison, Reproduction
from zennas.paper.settings import ReproductionSettings
from zennas.scores.zen import ALPHA, in_float32, phi_score, repeat_generator, zen_score

RESOLUTION = 32
WIDTH = 64
DEPTHS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 29, 30, 31, 32)
BOTTLENECKS = (2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64)


def p_network(depth: int) -> tuple[Convolution, ...]:
    """`depth` layers C₃(64)BR on three channels."""
    return tuple(Convolution(3 if i == 0 else WIDTH, WIDTH, 3) for i in range(depth))


def q_network(bottleneck: int) -> tuple[Convolution, ...]:
    """C₃(3, 64)BR, C₃(64, m)BR, C₃(m, 64)BR."""
    return (Convolution(3, WIDTH, 3), Convolution(WIDTH, bottleneck, 3), Convolution(bottleneck, WIDTH, 3))


def residual_phi(depth: int, settings: ReproductionSettings, *, links: bool, norm: bool) -> float:
    """ln Φ of P with a link around every layer but the first, I(C₃(64))R (paper, Figure 2).

    Args:
        depth: layers.
        settings: batch size, seed and device.
        links: whether there are links.
        norm: whether batch norms stay in.

    Returns:
        Not a number where float32 overflows.
    """
    generator = repeat_generator(settings.seed, 0, settings.device)
    shape = (settings.batch_size, 3, RESOLUTION, RESOLUTION)
    with torch.inference_mode():
        x = torch.randn(shape, generator=generator, device=generator.device)
        x = torch.cat([x, x + ALPHA * torch.randn(shape, generator=generator, device=generator.device)])
        for layer in p_network(depth):
            weight = torch.randn((WIDTH, layer.in_channels, 3, 3), generator=generator, device=generator.device)
            with in_float32(x):
                y = F.conv2d(x, weight, padding=1)
            if norm:
                y = torch.cat([F.batch_norm(half, None, None, training=True) for half in y.chunk(2)])
            x = F.relu(x + y if links and layer.in_channels == WIDTH else y)
        clean, perturbed = x.double().chunk(2)
        value = float((clean - perturbed).abs().flatten(1).sum(1).mean())
    return math.log(value) if 0 < value < math.inf else math.nan


def _or_nan(compute: Callable[[], float]) -> float:
    try:
        return compute()
    except ScoreError:
        return math.nan


def _scores(what: str, chain: Chain, settings: ReproductionSettings) -> tuple[float, float, float]:
    """ln Φ without batch norms in float32 as it is, ln Φ with them, and the Zen-score, of the network called `what`."""
    name = settings.named(f"Φ, Φ with BN and Zen-score of {what}", settings.batch_size, settings.repeats, settings.seed)
    plain, kept, zen = settings.drawn.numbers(name, lambda: _drawn_scores(chain, settings))
    return plain, kept, zen


def _drawn_scores(chain: Chain, settings: ReproductionSettings) -> tuple[float, float, float]:
    options: dict[str, Any] = {
        "batch_size": settings.batch_size,
        "repeats": settings.repeats,
        "seed": settings.seed,
        "device": settings.device,
    }
    plain = _or_nan(lambda: phi_score(chain, RESOLUTION, rescale=False, **options).score)
    kept = phi_score(chain, RESOLUTION, keep_norm=True, **options).score
    return plain, kept, zen_score(chain, RESOLUTION, **options).score


def figure_1(settings: ReproductionSettings) -> Reproduction:
    """Φ with and without batch norms and the Zen-score, over depth and over bottleneck channels."""
    panels = []
    findings = []
    columns: dict[str, list[tuple[float, float, float]]] = {}
    for label, letter, sizes, network in (
        ("layers", "P", DEPTHS, p_network),
        ("bottleneck channels", "Q", BOTTLENECKS, q_network),
    ):
        columns[label] = [_scores(f"{letter} of {size}", network(size), settings) for size in sizes]
        for title, index in (("Φ without BN", 0), ("Φ with BN", 1), ("Zen-score", 2)):
            values = [row[index] for row in columns[label]]
            y_label = "Zen-score" if index == 2 else "ln Φ"
            panels.append(Panel(f"{title}", label, y_label, [Series(title, sizes, values, line=True)]))
    depth = columns["layers"]
    overflow = next((d for d, row in zip(DEPTHS, depth, strict=True) if math.isnan(row[0])), None)
    last = max(i for i, row in enumerate(depth) if not math.isnan(row[0]))
    findings.append(
        f"Φ without BN: ln Φ grows from {depth[0][0]:.1f} at 1 layer to {depth[last][0]:.1f} at {DEPTHS[last]} layers; "
        + ("no overflow of float32." if overflow is None else f"at {overflow} layers float32 overflows (a gap above).")
    )
    findings.append(
        f"Φ with BN collapses: over {DEPTHS[-1]} layers ln Φ moves from {min(r[1] for r in depth):.2f} to "
        f"{max(r[1] for r in depth):.2f} only."
    )
    gaps = [row[2] - row[0] for row in depth if not math.isnan(row[0])]
    findings.append(
        f"The Zen-score follows ln Φ without BN: their difference stays between {min(gaps):.2f} and {max(gaps):.2f}."
    )
    wide = columns["bottleneck channels"]
    findings.append(
        f"Over the bottleneck from {BOTTLENECKS[0]} to {BOTTLENECKS[-1]} channels: ln Φ without BN rises by "
        f"{wide[-1][0] - wide[0][0]:.2f}, the Zen-score by {wide[-1][2] - wide[0][2]:.2f}, Φ with BN by "
        f"{wide[-1][1] - wide[0][1]:.2f}."
    )
    return Reproduction(
        "figure1",
        "Φ- and Zen-scores over depth and bottleneck",
        f"Input {RESOLUTION}×{RESOLUTION}, batch {settings.batch_size}, {settings.repeats} repeat(s). Φ without BN is "
        "computed in float32 as it is, so that it overflows as in the paper. The paper prints curves, no "
        "numbers; its text says that Φ without BN overflows “after 30 layers”.",
        [
            Comparison(
                "layers at which Φ without BN first overflows float32 (the paper: after 30)",
                None,
                None if overflow is None else float(overflow),
            )
        ],
        findings,
        Chart("Figure 1", panels),
    )


def _residual_phis(
    what: str, depths: Sequence[int], settings: ReproductionSettings, *, links: bool, norm: bool
) -> list[float]:
    """`residual_phi` over depth, of the networks called `what`."""
    name = settings.named(f"ln Φ of {what}, {depths[0]} to {depths[-1]} layers", settings.batch_size, 1, settings.seed)
    return settings.drawn.numbers(
        name, lambda: [residual_phi(depth, settings, links=links, norm=norm) for depth in depths]
    )


def figure_2(settings: ReproductionSettings) -> Reproduction:
    """Φ of P with residual links, without and with batch norms."""
    depths = [d for d in DEPTHS if d <= 28]
    plain = _residual_phis("P", depths, settings, links=False, norm=False)
    linked = _residual_phis("P with links", depths, settings, links=True, norm=False)
    normed = _residual_phis("P with links and BN", depths, settings, links=True, norm=True)
    gap = max(abs(a - b) / abs(a) for a, b in zip(plain, linked, strict=True))
    peak = depths[max(range(len(depths)), key=lambda i: normed[i])]
    return Reproduction(
        "figure2",
        "Φ with residual links",
        f"Input {RESOLUTION}×{RESOLUTION}, batch {settings.batch_size}; a link around every layer but the first. "
        "The paper prints curves, no numbers.",
        findings=[
            f"(a) Without BN a link changes ln Φ by {gap:.2%} at most: it adds no complexity.",
            f"(b) With BN and links ln Φ is {normed[0]:.2f} at 1 layer, {normed[-1]:.2f} at {depths[-1]} layers and "
            f"highest at {peak}: {(normed[-1] - normed[0]) / (linked[-1] - linked[0]):.1%} of the growth without BN. "
            + (
                "The paper's curve falls for deep networks; ours does not within these depths."
                if peak == depths[-1]
                else "It falls for deep networks, as the paper's."
            ),
        ],
        chart=Chart(
            "Figure 2",
            [
                Panel(
                    "(a) without BN",
                    "layers",
                    "ln Φ",
                    [Series("no link", depths, plain, line=True), Series("links", depths, linked, line=True)],
                ),
                Panel("(b) BN and links", "layers", "ln Φ", [Series("links and BN", depths, normed, line=True)]),
            ],
        ),
    )
