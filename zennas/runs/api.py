"""`zennas.search(...)`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zennas.input_size import GivenResolution
from zennas.runs.carrying_out import RunContext, Watcher
from zennas.runs.founding import with_purpose
from zennas.runs.result import SearchResult
from zennas.runs.run import start_run
from zennas.searching.executors import Execution
from zennas.searching.settings import DEFAULT_ALGORITHM, DEFAULT_SCORE, FLOPS_PER_PARAM, checked_config, search_settings

Bound = float | str | Sequence[float | str] | None
"""A budget: a number in the quantity's unit as an upper bound, a text such as `"1M"`, `"0.5M..1M"` for both bounds or
`"0.5M.."` for a lower one, or several of those for a frontier; `None` for no bound."""


def search(
    space: str = "resnet",
    resolution: GivenResolution = 32,
    num_classes: int = 100,
    *,
    channels: int | None = None,
    task: str = "classification",
    params: Bound = None,
    flops: Bound = None,
    layers: Bound = None,
    convolutions: Bound = None,
    memory: Bound = None,
    latency: Bound = None,
    effectiveness: Bound = None,
    weights: Bound = None,
    peak_memory: Bound = None,
    dtype: str | None = None,
    flops_per_param: float = FLOPS_PER_PARAM,
    latency_predictor: str | os.PathLike[str] | None = None,
    latency_backend: str | None = None,
    latency_dtype: str | None = None,
    latency_batch_size: int | None = None,
    latency_layout: str | None = None,
    se: bool = False,
    score: str = DEFAULT_SCORE,
    algorithm: str = DEFAULT_ALGORITHM,
    iterations: int = 48_000,
    population: int = 256,
    round_size: int = 64,
    islands: int = 1,
    rescore: int = 16,
    seed: int = 0,
    batch_size: int = 16,
    repeats: int = 1,
    device: str = "cpu",
    start: str | os.PathLike[str] | None = None,
    from_run: str | os.PathLike[str] | None = None,
    freeze: Sequence[str] = (),
    plugins: Sequence[str] = (),
    time_limit: float | None = None,
    patience: int | None = None,
    target_score: float | None = None,
    pareto: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    watch: Watcher | None = None,
    workers: int | None = None,
    ray: str | None = None,
    **quantities: Bound,
) -> SearchResult:
    """Search for the network of the highest score within budgets.

        result = zennas.search("resnet", 32, 100, params="1M", layers=18)
        network = zennas.build(result.architecture, num_classes=100)

    At least one budget must have an upper bound that keeps networks from growing without end: any but `effectiveness`.

    Args:
        space: `resnet` (default), `mobilenet`, `regnet`, `inverted`, or the path of a YAML file.
        resolution: size of the input in pixels: the side of a square, `"320x192"` or (height, width); 32 by default.
        num_classes: outputs of the classifier, 100 by default; they count as parameters.
        channels: of the input; by default those of the space's stem, 3.
        task: `classification` (default), or `dense` for a backbone of a detector or segmenter: without a head and a
            classifier, at 224 pixels and by the score `meanfield-dense` unless they say otherwise.
        params: budget of learnable values; none by default, as of all budgets. A budget is an upper bound as a number
            or a text with a unit (`"1M"`), a range (`"0.5M..1M"`), or several of them: then the run is a frontier with
            a winner for each combination.
        flops: budget of multiply-adds an image.
        layers: budget of the super-blocks' layers (the paper's depth).
        convolutions: budget of convolutions, with projections and squeeze-excitation.
        memory: budget of bytes of activations an image, in `dtype`.
        latency: budget of seconds an image on `device`; as text with its unit, `"0.5ms"`.
        effectiveness: budget of ρ, depth over width of the main path (DeepMAD).
        weights: budget of bytes of weights, biases and scales as deployed in `dtype`.
        peak_memory: budget of bytes of activations in `dtype` where operators run one by one, as in TensorFlow Lite
            Micro's arena.
        dtype: `fp32` (default), `fp16` or `int8`: number type in which weights and memory are counted.
        flops_per_param: multiply-adds for each of the most parameters, where `params` is the only budget that bounds a
            network's size; 256 by default, what published networks have at most. 0: no bound.
        latency_predictor: file of `zennas latency-predictor fit`; by default a quick one is fitted for `device`.
        latency_backend: `torch`, `torch-compile` or `onnxruntime`; by default the predictor's, or `torch`.
        latency_dtype: number type of the latency, `fp32`, `fp16`, `bf16` or `int8`; by default the predictor's, or
            `fp32`.
        latency_batch_size: images of a mini-batch; by default the predictor's, or 64.
        latency_layout: how feature maps lie in memory, `channels-last`, `contiguous`, or `auto` for the faster one; by
            default the predictor's, or `auto`.
        se: squeeze-excitation in MB and IR blocks; off by default.
        score: what to maximise, any registered score; by default `zen-weighted`. `meanfield` is the paper's
            Zen-score in closed form.
        algorithm: what proposes networks: `annealing` (default), `evolution`, `zen-nas` (the paper's), `local`,
            `random`, `regularized`, or any registered one.
        iterations: networks to propose (T); 48,000 by default.
        population: networks that may have offspring (N); 256 by default.
        round_size: networks proposed from one population; 64 by default.
        islands: populations, each in a process of its own, that exchange some of their best; 1 by default. More of them
            use more cores, for a score in closed form; the result depends on their number.
        rescore: best networks that are scored again by Monte Carlo, where the score is the Zen-score (meanfield, zen);
            16 by default, 0 for none.
        seed: of everything random; 0 by default.
        batch_size: images of a Monte Carlo repeat; 16 by default.
        repeats: Monte Carlo repeats a network; 1 by default.
        device: where torch computes; `cpu` by default.
        start: a network to start from, any MODEL as commands take it; by default a random small one.
        from_run: directory of another run, whose networks that meet the budgets are the first population, and whose
            task, space, input, classes and score are taken over where they are not given; none by default.
        freeze: parts that no mutation touches, of `stem` and `head`; none by default.
        plugins: modules to import first, which register blocks, scores or quantities; none by default.
        time_limit: seconds after which the search ends; none by default.
        patience: iterations without a better network after which it ends; none by default.
        target_score: score at which it ends; none by default.
        pareto: quantities over which the Pareto front is written to `pareto.csv`; none by default.
        out: directory for the run; by default it is kept in memory.
        watch: called with a `Progress` after every round; nothing by default.
        workers: processes that score; by default one, and for the re-scoring at the end as many threads as there are
            cores. The result does not depend on it.
        ray: `auto` or the address of a Ray cluster to score on instead; none by default.
        quantities: budgets of quantities that were registered (`zennas.counting.register_quantity`), by name.

    Returns:
        The winners, one for each combination of budgets, with all that was scored.

    Raises:
        ZennasError: a setting is wrong or not known.
        BudgetError: there is no upper bound, or no network was found that meets the budgets.
    """
    settings = _given(
        task=task, space=space, resolution=resolution, num_classes=num_classes, channels=channels,
        params=params, flops=flops, layers=layers,
        convolutions=convolutions, memory=memory, latency=latency, effectiveness=effectiveness,
        weights=weights, peak_memory=peak_memory, dtype=dtype,
        flops_per_param=flops_per_param,
        latency_predictor=latency_predictor, latency_backend=latency_backend, latency_dtype=latency_dtype,
        latency_batch_size=latency_batch_size, latency_layout=latency_layout, se=se, score=score, algorithm=algorithm,
        iterations=iterations, population=population, round_size=round_size, islands=islands,
        rescore=rescore, seed=seed,
        batch_size=batch_size, repeats=repeats, device=device, start=start, from_run=from_run, freeze=freeze,
        plugins=plugins, time_limit=time_limit, patience=patience,
        target_score=target_score, pareto=pareto, **quantities,
    )  # fmt: skip
    context = RunContext(Execution(workers, ray), watch)
    return start_run(checked_config(with_purpose(settings)), None if out is None else Path(out), context)


def _given(**settings: Any) -> dict[str, Any]:
    """The settings that differ from their defaults: a configuration keeps apart what was asked for."""
    defaults = {setting.name: setting.default for setting in search_settings()}
    plain = {name: _plain(value) for name, value in settings.items()}
    return {name: value for name, value in plain.items() if name not in defaults or value != defaults[name]}


def _plain(value: Any) -> Any:
    """A path as text and a tuple as a list, as files hold them."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return list(value) if isinstance(value, tuple) else value
