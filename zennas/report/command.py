"""The command that repeats a search."""

import shlex

from zennas.searching.settings import SearchConfig

_OPTIONS = {"num_classes": "classes", "plugins": "plugin", "effectiveness": "max_effectiveness"}


def option_of(setting: str) -> str:
    """The option of `zennas search` that sets a field of `SearchConfig`."""
    return "--" + _OPTIONS.get(setting, setting).replace("_", "-")


def search_command(config: SearchConfig) -> str:
    """`zennas search …` with every setting that differs from its default, and the seed."""
    words = ["zennas", "search"]
    for key, field in SearchConfig.model_fields.items():
        value = getattr(config, key)
        if value == field.default and key != "seed":
            continue
        option = option_of(key)
        if key == "plugins":
            words += [word for name in value for word in (option, name)]
        elif isinstance(value, bool):
            words.append(option)
        elif key == "time_limit":
            words += [option, f"{value:g}s"]
        else:
            words += [option, ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(words)
