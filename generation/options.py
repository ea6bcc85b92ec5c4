"""Types of command line options."""

from __future__ import annotations

import argparse


def whole_number(text: str) -> int:
    """A whole number from 0, for `type=` of argparse."""
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)
