"""The accuracy model of a run whose score is `accuracy:FILE`: the run keeps it, and goes on with it whatever becomes of
the file."""

from dataclasses import replace
from pathlib import Path

from zennas.errors import RunError, ZennasError
from zennas.scores.learned.files import load_accuracy_model
from zennas.scores.learned.model import AccuracyModel
from zennas.scores.learned.score import held_model, hold, learned_name
from zennas.searching.settings import SearchConfig

ACCURACY_MODEL = "accuracy-model.json"


def with_held_model(config: SearchConfig) -> tuple[SearchConfig, AccuracyModel | None]:
    """The configuration of a search that begins, whose score names the model by its digest; and the model.

    Args:
        config: as the user gave it.

    Raises:
        FileError: the model cannot be read.
    """
    name = learned_name(config.score)
    if name is None:
        return config, None
    model = held_model(name)
    return config.model_copy(update={"score": str(replace(name, digest=hold(model)))}), model


def hold_kept_model(config: SearchConfig, directory: Path) -> None:
    """Take up the model that a run keeps.

    Args:
        config: of the run.
        directory: of the run.

    Raises:
        RunError: it is gone or damaged, or another one than the run began with.
    """
    name = learned_name(config.score)
    if name is None:
        return
    try:
        model = load_accuracy_model(directory / ACCURACY_MODEL)
    except ZennasError as error:
        raise RunError(f"{error}; the run cannot go on without the accuracy model that it began with") from None
    if hold(model) != name.digest:
        raise RunError(
            f"{directory / ACCURACY_MODEL}: another accuracy model ({model.digest}) than the run began with "
            f"({name.digest})"
        )
