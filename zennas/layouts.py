"""How feature maps lie in memory, in the words that every option and file has for it. No torch."""

from typing import Literal

CHANNELS_LAST: Literal["channels-last"] = "channels-last"
CONTIGUOUS: Literal["contiguous"] = "contiguous"
AUTO: Literal["auto"] = "auto"
LAYOUTS = (CHANNELS_LAST, CONTIGUOUS)
"""The layouts that there are."""
ASKED = (AUTO, *LAYOUTS)
"""What can be asked for: a layout, or the faster one."""

Layout = Literal["channels-last", "contiguous"]
AskedLayout = Literal["auto", "channels-last", "contiguous"]

LAYOUT_HELP = "auto, channels-last or contiguous feature maps."
