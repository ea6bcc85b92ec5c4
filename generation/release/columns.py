"""The columns that a release may have: their kinds, what they mean, and how a field of text becomes a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from generation.attributes import ATTRIBUTES, EDGE
from generation.fields import finite

Value = str | int | float | bool | None

# {column: (kind, meaning)}; kind is "text", "whole" (number), "number" or "truth".
_ATTRIBUTES = {
    "light": "mean luma, 0 to 1",
    "contrast": "standard deviation of luma, 0 to 0.5",
    "colour": "colourfulness (Hasler and Süsstrunk 2003)",
    "blur": "perceptual blur (Crete et al. 2007), 0 sharp to 1 blurred",
    "si": "spatial information (ITU-T P.910)",
}
_DESCRIPTIONS = {
    "prompt": ("text", "what the image was asked to show"),
    "prompt_id": ("text", "number of the prompt"),
    "length_bin": ("text", "length of the prompt in CLIP tokens"),
    "model": ("text", "text-to-image model"),
    "iterations": ("whole", "sampling steps"),
    "cfg": ("number", "classifier-free guidance scale"),
    "seed": ("whole", "seed of the sampler"),
    "block": ("text", "anchor (all defaults) or factorial part of the plan"),
    "iteration_default": ("truth", "whether the steps are the model's default"),
    "cfg_default": ("truth", "whether the guidance scale is the model's default"),
    "resolution_default": ("truth", "whether the size is the model's default"),
    "iteration_level": ("text", "sampling steps as a share of the default"),
    "cfg_level": ("text", "guidance scale as a multiple of the default"),
    "resolution_level": ("text", "aspect ratio"),
    **{name: ("number", f"{_ATTRIBUTES[name]}, of the image as it is") for name in ATTRIBUTES},
    **{f"{name}_{EDGE}": ("number", f"{_ATTRIBUTES[name]}, at a longest edge of {EDGE} pixels") for name in ATTRIBUTES},
}
# What subjects thought of an image: null where the split is not published.
OPINIONS = {
    "mos": ("number", "mean opinion score"),
    "std": ("number", "standard deviation of the opinion scores"),
    "n_ratings": ("whole", "number of ratings behind the MOS"),
    "ci95": ("number", "half width of the 95 % confidence interval of the MOS"),
}
# Known of every image of a release.
_OWN = {
    "name": ("text", "name of the image"),
    "split": ("text", "train, validation or test"),
    "width": ("whole", "width in pixels"),
    "height": ("whole", "height in pixels"),
    "sha256": ("text", "checksum of the file"),
}
_ALL = _OWN | _DESCRIPTIONS | OPINIONS
KNOWN = {column: kind for column, (kind, _) in (_DESCRIPTIONS | OPINIONS).items()}
# Read, but never copied: they say which row and file is meant, or are looked up in the file itself.
LOCATORS = frozenset({*_OWN, "file", "index"})
# What other commands call them.
ALIASES = {"image": "name", "n": "n_ratings"}


def released(columns: Mapping[str, str]) -> dict[str, str]:
    """{column: kind} of a released row whose values have these columns, in order."""
    own = {column: kind for column, (kind, _) in _OWN.items()}
    digest = own.pop("sha256")
    return own | dict(columns) | {"sha256": digest}


def meaning(column: str) -> str:
    """One line on a column; "" for one that only the database's makers know."""
    return _ALL[column][1] if column in _ALL else ""


def parse(text: str, kind: str) -> Value:
    """The value that a field holds; None when it is empty. Raises ValueError saying what was expected."""
    text = text.strip()
    if not text:
        return None
    if kind == "text":
        return text
    if kind == "truth":
        truth = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        if truth is None:
            raise ValueError("neither true nor false")
        return truth
    value = finite(text)
    if value is None:
        raise ValueError("not a number")
    if kind == "number":
        return value
    if not value.is_integer() or abs(value) >= 2**63:
        raise ValueError("not a whole number of 64 bits")
    return int(text) if text.lstrip("+-").isdecimal() else int(value)


def kind_of(texts: Sequence[str]) -> str:
    """The narrowest kind that all non-empty fields of a column have."""
    for kind in ("whole", "number"):
        try:
            for text in texts:
                parse(text, kind)
        except ValueError:
            continue
        return kind
    return "text"
