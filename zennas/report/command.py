"""The commands that repeat a search and a design."""

import shlex

from zennas.designing.settings import DesignConfig, design_settings
from zennas.searching.settings import SearchConfig, search_settings


def search_command(config: SearchConfig) -> str:
    """`zennas search …` with every setting that differs from its default, and the seed."""
    words = ["zennas", "search"]
    for setting in search_settings():
        value = getattr(config, setting.name)
        if value != setting.default or setting.name == "seed":
            words += setting.words(value)
    return shlex.join(words)


def design_command(config: DesignConfig, threads: int | None) -> str:
    """`zennas design …` with every setting that differs from its default, and the data.

    Args:
        config: of the design.
        threads: of torch in its winner's training, on which the last bit of a sum depends; `None` as in
            `DesignResult.final_threads`.
    """
    values = {**config.model_dump(exclude={"search", "training"}), **config.search, **config.training}
    words = ["zennas", "design"]
    for setting in design_settings():
        if setting.name in values and (values[setting.name] != setting.default or setting.name == "data"):
            words += setting.words(values[setting.name])
    if threads is not None:
        words += ["--threads", str(threads)]
    return shlex.join(words)
