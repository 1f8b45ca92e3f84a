"""What a round trains, and why: written whole before the first of it is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from zennas.architecture.model import Architecture
from zennas.architecture.structure import parse_structure
from zennas.errors import ArchitectureError, RunError
from zennas.io.documents import format_yaml, load_yaml
from zennas.io.settings import validated
from zennas.io.text import read_text, write_text

Percent = Annotated[float, Field(allow_inf_nan=False)]


class Planned(BaseModel):
    """A network that a round trains.

    Attributes:
        name: its directory below `candidates`.
        structure: its structure string.
        why: it was chosen, in a sentence.
        score: of the search that found it.
        predicted: accuracy in percent, where a model chose it.
        std: standard deviation of the prediction.
        improvement: expected over the best until then, in percent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
    structure: str
    why: str
    score: float
    predicted: Percent | None = None
    std: Percent | None = None
    improvement: Percent | None = None

    @field_validator("structure")
    @classmethod
    def _is_network(cls, value: str) -> str:
        try:
            parse_structure(value)
        except ArchitectureError as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def architecture(self) -> Architecture:
        """The network."""
        return Architecture(parse_structure(self.structure).super_blocks, self.name)


class RoundPlan(BaseModel):
    """The networks of a round.

    Attributes:
        note: what they were chosen by.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str
    candidates: Sequence[Planned]


def plan_path(directory: Path, number: int) -> Path:
    """Where the plan of a round is, counted from 1."""
    return directory / f"round-{number}.yaml"


def write_plan(plan: RoundPlan, directory: Path, number: int) -> None:
    """Write the plan of a round, whole or not at all.

    Args:
        plan: of the round.
        directory: of the design.
        number: of the round, from 1.
    """
    write_text(plan_path(directory, number), format_yaml(plan.model_dump(mode="json", exclude_none=True)))


def read_plan(directory: Path, number: int) -> RoundPlan | None:
    """The plan of a round, or `None` where it is not there yet.

    Raises:
        ZennasError: it is damaged.
    """
    path = plan_path(directory, number)
    if not path.exists():
        return None
    document: Any = load_yaml(read_text(path), str(path))
    if not isinstance(document, dict):
        raise RunError(f"{path}: damaged: expected a mapping")
    return validated(RoundPlan, document, f"{path}: ")
