"""The command that repeats a search."""

import shlex

from zennas.searching.settings import SearchConfig, search_settings


def search_command(config: SearchConfig) -> str:
    """`zennas search …` with every setting that differs from its default, and the seed."""
    words = ["zennas", "search"]
    for setting in search_settings():
        value = getattr(config, setting.name)
        if value != setting.default or setting.name == "seed":
            words += setting.words(value)
    return shlex.join(words)
