"""The words for number types, the same in every option, setting and file."""

NUMBER_TYPES = ("fp32", "fp16", "bf16", "int8")
FLOAT_TYPES = NUMBER_TYPES[:3]
_FORMER = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
"""What latencies were once called by: files and scripts of that time are still understood."""


def number_type(word: str) -> str:
    """The word of `NUMBER_TYPES` for `word`: a former word is replaced, any other is returned as it is.

    Whoever takes the word says which ones are allowed there.
    """
    return _FORMER.get(word, word)
