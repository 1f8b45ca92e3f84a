"""`zennas search`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from zennas.cli.options import option

BUDGETS = "Budgets"
SEARCH = "Search"
STOP = "Stopping"
RUN = "Run"


def search(
    space: Annotated[str | None, option(SEARCH, "resnet, mobilenet, regnet, or a YAML file.", "resnet")] = None,
    resolution: Annotated[int | None, option(SEARCH, "Side of the square input.", 32)] = None,
    classes: Annotated[int | None, option(SEARCH, "Outputs of the classifier.", 100)] = None,
    se: Annotated[bool, option(SEARCH, "Squeeze-excitation in MB blocks.", None, "--se")] = False,
    params: Annotated[str | None, option(BUDGETS, "Most parameters, e.g. 1M; 0.5M..1M for a range.")] = None,
    flops: Annotated[str | None, option(BUDGETS, "Most multiply-adds, e.g. 400M.")] = None,
    layers: Annotated[str | None, option(BUDGETS, "Most layers, e.g. 18.")] = None,
    memory: Annotated[str | None, option(BUDGETS, "Most bytes of activations an image, e.g. 8MB.")] = None,
    max_effectiveness: Annotated[
        str | None, option(BUDGETS, "Largest depth/width ratio ρ (DeepMAD), e.g. 0.5.")
    ] = None,
    latency: Annotated[str | None, option(BUDGETS, "Most time an image on a device, e.g. 0.5ms.")] = None,
    latency_predictor: Annotated[
        Path | None, option(BUDGETS, "File of `zennas latency-predictor fit`; else one is fitted for --device.")
    ] = None,
    latency_backend: Annotated[str | None, option(BUDGETS, "torch, torch-compile or onnxruntime.", "torch")] = None,
    latency_dtype: Annotated[str | None, option(BUDGETS, "fp32, fp16, bf16 or int8.", "fp32")] = None,
    latency_batch_size: Annotated[int | None, option(BUDGETS, "Images a mini-batch of the latency.", 64)] = None,
    score: Annotated[str | None, option(SEARCH, "What to maximise.", "meanfield")] = None,
    iterations: Annotated[int | None, option(SEARCH, "Networks to propose (T).", 48_000)] = None,
    population: Annotated[int | None, option(SEARCH, "Population size (N).", 256)] = None,
    round_size: Annotated[int | None, option(SEARCH, "Networks proposed from one population.", 64)] = None,
    rescore: Annotated[int | None, option(SEARCH, "Best networks to re-score by Monte Carlo; 0: none.", 16)] = None,
    batch_size: Annotated[int | None, option(SEARCH, "Images of a Monte Carlo repeat.", 16)] = None,
    repeats: Annotated[int | None, option(SEARCH, "Monte Carlo repeats a network.", 1)] = None,
    seed: Annotated[int | None, option(SEARCH, "Seed of everything random.", 0)] = None,
    device: Annotated[str | None, option(SEARCH, "Where torch computes, e.g. cpu or cuda.", "cpu")] = None,
    time_limit: Annotated[str | None, option(STOP, "Stop after that long, e.g. 20m.")] = None,
    patience: Annotated[int | None, option(STOP, "Stop after so many iterations without a better network.")] = None,
    target_score: Annotated[float | None, option(STOP, "Stop at that score.")] = None,
    out: Annotated[Path | None, option(RUN, "Directory for the run.", "runs/search-<n>")] = None,
    resume: Annotated[Path | None, option(RUN, "Go on with the run in that directory.")] = None,
    start: Annotated[str | None, option(SEARCH, "A network to start from (any MODEL).", "a random small one")] = None,
    freeze: Annotated[str | None, option(SEARCH, "Parts no mutation touches: stem, head or stem,head.")] = None,
    pareto: Annotated[str | None, option(BUDGETS, "Also write the Pareto front over these costs.")] = None,
    plugin: Annotated[list[str] | None, option(SEARCH, "Module that registers your blocks or scores.")] = None,
    workers: Annotated[int, option(RUN, "Processes that score; the result is the same.", 1)] = 1,
    ray: Annotated[str | None, option(RUN, "Score on a Ray cluster: auto or its address.")] = None,
    ray_cpus: Annotated[float, option(RUN, "CPUs of a Ray task.", 1)] = 1,
    ray_gpus: Annotated[float, option(RUN, "GPUs of a Ray task, e.g. 0.25.", 0)] = 0,
    log_json: Annotated[bool, option(RUN, "Print the log as JSON lines.", None, "--log-json")] = False,
    quiet: Annotated[bool, option(RUN, "No progress bar.", None, "--quiet", "-q")] = False,
) -> None:
    """Search for the network of the highest score within budgets.

    [bold]Examples[/bold]

        zennas search --params 1M --layers 18

        zennas search --space mobilenet --se --resolution 224 --classes 1000 --flops 400M

        zennas search --params 0.25M,0.5M,1M,2M --layers 18

        zennas search --score zen --iterations 4000 --workers 2

        zennas search --latency 0.5ms --latency-predictor cpu.json

        zennas search --resume runs/search-1 --iterations 96000
    """
    from zennas.cli.latency_predictor import learned_latency
    from zennas.cli.progress import search_progress
    from zennas.cli.results import show_result
    from zennas.io.directories import next_directory
    from zennas.runs.run import RunContext, resume_run, start_run
    from zennas.searching.executors import Execution
    from zennas.searching.settings import checked_config
    from zennas.units import parse_seconds

    options: dict[str, Any] = {
        "space": space,
        "resolution": resolution,
        "num_classes": classes,
        "se": se or None,
        "params": _several(params),
        "flops": _several(flops),
        "layers": _several(layers),
        "memory": _several(memory),
        "effectiveness": _several(max_effectiveness),
        "latency": _several(latency),
        "latency_predictor": None if latency_predictor is None else str(latency_predictor),
        "latency_backend": latency_backend,
        "latency_dtype": latency_dtype,
        "latency_batch_size": latency_batch_size,
        "score": score,
        "iterations": iterations,
        "population": population,
        "round_size": round_size,
        "rescore": rescore,
        "batch_size": batch_size,
        "repeats": repeats,
        "seed": seed,
        "device": device,
        "time_limit": None if time_limit is None else parse_seconds(time_limit, "--time-limit"),
        "patience": patience,
        "target_score": target_score,
        "start": start,
        "freeze": _list(freeze),
        "pareto": _list(pareto),
        "plugins": plugin or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    config = None if resume else checked_config(given)
    learned = None if config is None else learned_latency(config)
    execution = Execution(workers, ray, ray_cpus, ray_gpus)
    with search_progress(quiet or log_json) as watch:
        around = RunContext(execution, watch, log_json)
        if config is None:
            assert resume is not None
            result = resume_run(resume, given, around)
        else:
            result = start_run(config, out or next_directory(Path("runs")), around, learned)
    if not log_json:
        show_result(result)


def _several(text: str | None) -> str | list[str] | None:
    return text if text is None or "," not in text else _list(text)


def _list(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(search)
