"""The one exception family for everything that a user can get wrong.

The command line prints the message of a `ZennasError` as one line and exits with code 2;
any other exception is a bug and keeps its traceback.
"""


class ZennasError(Exception):
    """Something that was given cannot be used; the message says what, where, and what is allowed."""


class ArchitectureError(ZennasError):
    """An architecture, or the text or file that describes one, is not valid."""


class FileError(ZennasError):
    """A file cannot be read or written, or is not of the format that its reader expects."""


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


class ExportError(ZennasError):
    """A network cannot be exported, or its export does not compute what the network does."""
