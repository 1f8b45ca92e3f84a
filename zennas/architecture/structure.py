"""Structure strings: the format that people paste into issues, read and written as it is.

Published forms: `SuperConvK3BNRELU(in,out,stride,layers)`, `SuperResK5K5(in,out,stride,bottleneck,layers)` (Res),
`SuperResK1K5K1(...)` (Btn), `SuperResIDWE4K7(...)` (MB with expansion 4). Ours beside them, for what those
cannot say: `SuperResIDWE4K7SE(...)` for squeeze-excitation, and
`Name[k5,e4,g16,se,q8,silu](in,out,stride,bottleneck,layers)` for any other block type (q: squeezed channels).
"""

import re
from typing import Any

from zennas.architecture.model import ACTIVATIONS, Architecture, SuperBlock
from zennas.errors import ArchitectureError, cut, shortened

_TERM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]{0,99})(?:\s*\[([^\[\]()]*)\])?\s*\(([^()]*)\)\s*")
_CONV = re.compile(r"SuperConvK([0-9]{1,3})BNRELU")
_MB = re.compile(r"SuperResIDWE([0-9]{1,3}(?:\.[0-9]{1,6})?)K([0-9]{1,3})(SE)?")
_BTN = re.compile(r"SuperResK1K([0-9]{1,3})K1")
_RES = re.compile(r"SuperResK([0-9]{1,3})K([0-9]{1,3})")
_OPTION = re.compile(r"(k|g|q)([0-9]{1,7})|(e)([0-9]{1,3}(?:\.[0-9]{1,6})?)|(se)|(" + "|".join(ACTIVATIONS) + ")")
_WHOLE_OPTIONS = {"k": "kernel", "g": "group_width", "q": "squeeze"}
_INTEGER = re.compile(r"\s*(-?[0-9]{1,12})\s*")
_MAX_TEXT = 1_000_000


def parse_structure(text: str, name: str = "", resolution: int | None = None) -> Architecture:
    """Read a structure string.

    Args:
        text: blocks one after another, e.g. `SuperConvK3BNRELU(3,16,1,1)SuperResK3K3(16,32,2,16,1)`.
        name: what the architecture is called; nothing by default.
        resolution: side of the square input, in pixels, that it was designed for; unknown by default.

    Raises:
        ArchitectureError: with the position (character, super-block) of what is wrong.
    """
    if len(text) > _MAX_TEXT:
        raise ArchitectureError(f"structure string of {len(text)} characters; at most {_MAX_TEXT} are read")
    blocks: list[SuperBlock] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            rest = text[position : position + 40]
            raise ArchitectureError(
                f"structure string, character {position + 1}: cannot read {rest!r}; "
                "expected a block like SuperResK3K3(64,128,2,64,1)"
            )
        where = f"structure string, super-block {len(blocks) + 1}, character {match.start(1) + 1}"
        blocks.append(_parse_term(match.group(1), match.group(2), match.group(3), where))
        position = match.end()
    if not blocks:
        raise ArchitectureError("the structure string is empty; expected blocks like SuperResK3K3(64,128,2,64,1)")
    return Architecture(tuple(blocks), name=name, resolution=resolution)


def _parse_term(name: str, options: str | None, arguments: str, where: str) -> SuperBlock:
    if options is None:
        if match := _CONV.fullmatch(name):
            in_, out, stride, layers = _integers(arguments, "in,out,stride,layers", name, where)
            return SuperBlock("Conv", int(match.group(1)), in_, out, stride, layers=layers)
        block, kernel, expansion, se = _published(name, where)
        fields: dict[str, Any] = {"kernel": kernel, "expansion": expansion, "se": se}
    else:
        block, fields = name, _options(options, name, where)
    in_, out, stride, bottleneck, layers = _integers(arguments, "in,out,stride,bottleneck,layers", name, where)
    return SuperBlock(
        block, in_channels=in_, out_channels=out, stride=stride, bottleneck=bottleneck, layers=layers, **fields
    )


def _published(name: str, where: str) -> tuple[str, int, float, bool]:
    if match := _MB.fullmatch(name):
        return "MB", int(match.group(2)), _number(match.group(1)), match.group(3) is not None
    if match := _BTN.fullmatch(name):
        return "Btn", int(match.group(1)), 0, False
    if match := _RES.fullmatch(name):
        if match.group(1) != match.group(2):
            raise ArchitectureError(f"{where}: {name!r} has two kernels that differ; a Res block has one")
        return "Res", int(match.group(1)), 0, False
    raise ArchitectureError(
        f"{where}: unknown block {name!r}; known are SuperConvK<k>BNRELU, SuperResK<k>K<k>, SuperResK1K<k>K1, "
        "SuperResIDWE<e>K<k>, and <Type>[k<k>] for any registered block type"
    )


def _options(text: str, name: str, where: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"kernel": 1}
    for option in filter(None, (part.strip() for part in text.split(","))):
        match = _OPTION.fullmatch(option)
        if match is None:
            raise ArchitectureError(
                f"{where}: {name}: unknown option {shortened(option)}; allowed are k<k>, e<e>, g<width>, se, "
                f"q<squeezed>, {', '.join(ACTIVATIONS)}"
            )
        if match.group(1):
            fields[_WHOLE_OPTIONS[match.group(1)]] = int(match.group(2))
        elif match.group(3):
            fields["expansion"] = _number(match.group(4))
        elif match.group(5):
            fields["se"] = True
        else:
            fields["activation"] = match.group(6)
    return fields


def _integers(arguments: str, names: str, block: str, where: str) -> list[int]:
    parts = arguments.split(",")
    if len(parts) != names.count(",") + 1:
        raise ArchitectureError(
            f"{where}: {block} takes ({names}), but {len(parts)} values are given: ({cut(arguments)})"
        )
    values = []
    for name, part in zip(names.split(","), parts, strict=True):
        match = _INTEGER.fullmatch(part)
        if match is None:
            raise ArchitectureError(f"{where}: {block}: {name} is {shortened(part)}; expected a whole number")
        values.append(int(match.group(1)))
    return values


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value == int(value) else value


def format_structure(architecture: Architecture | tuple[SuperBlock, ...]) -> str:
    """The structure string, in the published form wherever that form can say it. Read back it gives an equal
    tuple of super-blocks."""
    blocks = architecture.super_blocks if isinstance(architecture, Architecture) else architecture
    return "".join(map(_format_block, blocks))


def _format_block(b: SuperBlock) -> str:
    inner = f"({b.in_channels},{b.out_channels},{b.stride},{b.bottleneck},{b.layers})"
    usual = b.activation == "relu" and not b.squeeze
    plain = usual and not (b.group_width or b.se or b.expansion)
    if b.block == "Conv" and plain and not b.bottleneck:
        return f"SuperConvK{b.kernel}BNRELU({b.in_channels},{b.out_channels},{b.stride},{b.layers})"
    if b.block == "Res" and plain:
        return f"SuperResK{b.kernel}K{b.kernel}{inner}"
    if b.block == "Btn" and plain:
        return f"SuperResK1K{b.kernel}K1{inner}"
    if b.block == "MB" and usual and b.expansion and not b.group_width:
        return f"SuperResIDWE{_decimal(b.expansion)}K{b.kernel}{'SE' if b.se else ''}{inner}"
    options = [f"k{b.kernel}"]
    if b.expansion:
        options.append(f"e{_decimal(b.expansion)}")
    if b.group_width:
        options.append(f"g{b.group_width}")
    if b.se:
        options.append("se")
    if b.squeeze:
        options.append(f"q{b.squeeze}")
    if b.activation != "relu":
        options.append(b.activation)
    return f"{b.block}[{','.join(options)}]{inner}"


def _decimal(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def is_structure(text: str) -> bool:
    """Whether `text` looks like a structure string rather than a name or a path."""
    return "(" in text
