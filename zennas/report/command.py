"""The command that repeats a search."""

import shlex

from zennas.evolution.config import SearchConfig

_OPTIONS = {"num_classes": "classes", "plugins": "plugin"}


def search_command(config: SearchConfig) -> str:
    """`zennas search …` with every setting that differs from its default, and the seed."""
    words = ["zennas", "search"]
    for key, field in SearchConfig.model_fields.items():
        value = getattr(config, key)
        if value == field.default and key != "seed":
            continue
        option = "--" + _OPTIONS.get(key, key).replace("_", "-")
        if key == "plugins":
            words += [word for name in value for word in (option, name)]
        elif isinstance(value, bool):
            words.append(option)
        elif key == "time_limit":
            words += [option, f"{value:g}s"]
        else:
            words += [option, ",".join(value) if isinstance(value, list) else str(value)]
    return shlex.join(words)
