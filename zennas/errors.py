"""The one exception family for everything that a user can get wrong, and how its messages repeat what was given.

The command line prints the message of a `ZennasError` as one line and exits with code 2;
any other exception is a bug and keeps its traceback.
"""

import reprlib

MOST_SHOWN = 80
"""Characters of a user's value that a message repeats."""


class _ShortRepr(reprlib.Repr):
    """`repr` that never builds the text of a large value, whatever is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = MOST_SHOWN
        self.maxlevel, self.maxlist, self.maxtuple, self.maxset, self.maxdict = 3, 8, 8, 8, 8

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write integers of more than 4300 digits.
        return repr(x) if abs(x) < 10**MOST_SHOWN else f"<a whole number of {x.bit_length()} bits>"


_SHORT = _ShortRepr()


def shortened(value: object) -> str:
    """`repr` of a value for a message, with some `MOST_SHOWN` characters at most.

    Args:
        value: anything that a user gave; of texts and collections that are too long, the middle is left out.
    """
    return cut(_SHORT.repr(value))


def cut(text: str, most: int = MOST_SHOWN) -> str:
    """A text as it is, with its middle left out where it is longer than `most` characters."""
    half = (most - 3) // 2
    return text if len(text) <= most else f"{text[:half]}...{text[-half:]}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or the name of its kind where it says nothing.

    Args:
        error: of another library, whose messages may go on for pages.
    """
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


class ZennasError(Exception):
    """Something that was given cannot be used; the message says what, where, and what is allowed."""


class ArchitectureError(ZennasError):
    """An architecture, or the text or file that describes one, is not valid."""


class FileError(ZennasError):
    """A file cannot be read or written, or is not of the format that its reader expects."""


class ImportRefusedError(ZennasError):
    """A file names a module of a user's own, and nobody allowed its code to run."""


class BudgetError(ZennasError):
    """A budget is malformed, or no network of the search space meets it."""


class UnknownNameError(ZennasError):
    """A name that no registry or zoo holds."""


class MissingExtraError(ZennasError):
    """An optional dependency is needed that is not installed."""


class ScoreError(ZennasError):
    """A score cannot be computed, or came out numerically meaningless."""


class DeviceError(ZennasError):
    """A device that torch should compute on is unknown, or not on this machine."""


class RunError(ZennasError):
    """A run directory cannot be used."""


class LatencyError(ZennasError):
    """A latency cannot be measured or predicted in the setting that was asked for."""


class TooLargeError(LatencyError):
    """A network does not fit the device's memory; a latency budget counts it as exceeded."""


class DataError(ZennasError):
    """A data set is missing, incomplete, or holds what cannot be used."""


class WeightsError(ZennasError):
    """A weights file cannot be read, or does not fit the network."""


class TrainingError(ZennasError):
    """Training cannot go on, or cannot be resumed."""


class LossError(TrainingError):
    """The loss of a training is no number."""


class ExportError(ZennasError):
    """A network cannot be exported, or its export does not compute what the network does."""
