"""Checks and training before a subject's first session: what is asked and what the answers say.

Every answer is checked here. A browser gets a picture and sends back what was seen; the right answer stays in the row
until the attempt is over (of training: until the image is rated). Whoever lets a program look at the pictures can pass.
"""

import math
import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from challenge.study import optotypes
from challenge.study.models import Study, StudyImage, Subject
from challenge.study.preparation_rules import attempts_left, required
from challenge.study.rating import InvalidAnswer, on_scale
from challenge.study.records import Preparation

Kind = Preparation.Kind

CARD_MM = 85.60  # width of a bank card, ISO/IEC 7810 ID-1
LINES = (0.25, 0.4, 0.5, 0.63, 0.8, 1.0)  # decimal acuity, steps of ISO 8596
RINGS = 5  # of a line; LINE_PASSED of them right by chance: 1.6 %
LINE_PASSED = 4
ACUITY_LIMIT = 0.63  # about 20/30
PLATES = ("protan", "deutan") * 3
PLATES_PASSED = 5
PATCHES = ((0, 24), (255, 231), (0, 12), (255, 243))  # (ground, level): a coarse and a fine step at both ends
PATCH_REPEATS = 2
COARSE = 2  # so many of PATCHES must be seen
_DRAW = random.SystemRandom()
_DIRECTIONS = [(name, name) for name in optotypes.DIRECTIONS]
_BOUNDS = {"card": (60, 2000), "ratio": (0.25, 8), "width": (100, 20_000), "height": (100, 20_000), "zoom": (5, 1000)}


class NotNow(Exception):
    """An attempt cannot start; `str(error)` is a key of the texts."""


@transaction.atomic
def begin(subject: Subject, kind: str, said: Mapping[str, Any]) -> Preparation:
    """The open attempt, or a new one. `said`: what the browser says of its display, numbers as text.

    Raises NotNow where none may start, and where the browser does not say what the attempt needs.
    """
    Subject.objects.select_for_update().get(pk=subject.pk)
    found = subject.preparations.filter(kind=kind, finished_at=None).first()
    if found is not None:
        return found
    if kind not in required(subject.study) or attempts_left(subject, kind) < 1 or subject.sessions.exists():
        raise NotNow("check_not_now")
    display = read_display(said)
    if kind != Kind.TRAINING and display is None:
        raise NotNow("check_no_display")
    display = display or {}
    if kind == Kind.ACUITY and "card" not in display:
        raise NotNow("check_no_card")
    if kind == Kind.DISPLAY:
        steps = _patch_steps()
    elif kind == Kind.ACUITY:
        steps = _ring_steps(subject.study, display)
    elif kind == Kind.COLOUR:
        steps = _plate_steps()
    else:
        steps = _training_steps(subject.study)
    return Preparation.objects.create(subject=subject, kind=kind, display=display, steps=steps)


def read_display(said: Mapping[str, Any]) -> dict[str, float] | None:
    """Width of a bank card, of the window and its height in CSS pixels, device pixels in one (ratio), zoom in %.

    Only what lies in sensible bounds; None where width, height or ratio is missing.
    """
    found = {}
    for name, (low, high) in _BOUNDS.items():
        try:
            value = float(said.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(value) and low <= value <= high:
            found[name] = round(value, 4)
    return found if {"ratio", "width", "height"} <= set(found) else None


def _patch_steps() -> list[dict[str, Any]]:
    steps = [
        {"ground": ground, "level": level, "right": _DRAW.choice(optotypes.DIRECTIONS)}
        for ground, level in PATCHES
        for _ in range(PATCH_REPEATS)
    ]
    _DRAW.shuffle(steps)
    return steps


def _ring_steps(study: Study, display: Mapping[str, float]) -> list[dict[str, Any]]:
    """RINGS of each line whose gap is a device pixel or more; of the largest line always."""
    pixels_per_mm = display["card"] * display["ratio"] / CARD_MM
    minute = 10 * study.viewing_distance * math.tan(math.radians(1 / 60))  # mm
    gaps = {line: round(minute / line * pixels_per_mm, 3) for line in LINES}
    shown = [line for line in LINES if gaps[line] >= 1] or [LINES[0]]
    return [
        {"line": line, "gap": gaps[line], "right": _DRAW.choice(optotypes.DIRECTIONS)}
        for line in shown
        for _ in range(RINGS)
    ]


def _plate_steps() -> list[dict[str, Any]]:
    """A plate that everybody can read, then PLATES in random order."""
    kinds = list(PLATES)
    _DRAW.shuffle(kinds)
    return [
        {"plate": kind, "right": str(_DRAW.choice(optotypes.DIGITS)), "seed": _DRAW.randrange(2**31)}
        for kind in ("demo", *kinds)
    ]


def _training_steps(study: Study) -> list[dict[str, Any]]:
    """Anchors spread evenly over the range, in random order."""
    anchors = sorted(
        study.images.filter(role=StudyImage.Role.ANCHOR),
        key=lambda one: (one.expected_low or 0) + (one.expected_high or 0),
    )
    count = min(study.training_images, len(anchors))
    chosen = [anchors[round(place * (len(anchors) - 1) / max(1, count - 1))] for place in range(count)]
    _DRAW.shuffle(chosen)
    return [{"image": str(one.pk), "low": one.expected_low, "high": one.expected_high} for one in chosen]


def place_of(row: Preparation) -> int | None:
    """The step that waits for an answer; None when the attempt is over."""
    if row.finished_at:
        return None
    return next((place for place, step in enumerate(row.steps) if "given" not in step), None)


def choices(kind: str) -> list[tuple[str, str]]:
    """(value, key of its text, or the text) of the answers to a check; none for training, which takes a score."""
    if kind == Kind.COLOUR:
        return [*((str(digit), str(digit)) for digit in range(10)), ("none", "no_digit")]
    return [*_DIRECTIONS, *([("none", "no_patch")] if kind == Kind.DISPLAY else [])]


def picture(step: Mapping[str, Any]) -> bytes:
    """The PNG of a step of a check."""
    if "gap" in step:
        return optotypes.landolt_ring(step["gap"], step["right"])
    if "plate" in step:
        return optotypes.plate(step["plate"], int(step["right"]), step["seed"])
    return optotypes.patch(step["ground"], step["level"], step["right"])


@transaction.atomic
def answer(preparation_id: UUID, place: int, given: str) -> Preparation:
    """Store the answer to a step, once and in order: any other is taken for a key pressed twice and changes nothing.

    Raises InvalidAnswer for what is no answer to such a step.
    """
    row = Preparation.objects.select_for_update(of=("self",)).select_related("subject__study").get(pk=preparation_id)
    if place_of(row) != place:
        return row
    step = row.steps[place]
    if row.kind == Kind.TRAINING:
        step["given"] = on_scale(_number(given), row.subject.study)
        step["inside"] = step["low"] <= step["given"] <= step["high"]
    elif given in dict(choices(row.kind)):
        step["given"] = given
    else:
        raise InvalidAnswer("this is none of the answers")
    _finish_if_over(row)
    row.save()
    return row


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidAnswer("a score is a number") from None


def _finish_if_over(row: Preparation) -> None:
    if place_of(row) is not None and not (row.kind == Kind.ACUITY and _line_failed(row.steps)):
        return
    row.finished_at = timezone.now()
    row.result, row.passed = {
        Kind.DISPLAY: _display_result,
        Kind.ACUITY: _acuity_result,
        Kind.COLOUR: _colour_result,
        Kind.TRAINING: _training_result,
    }[Kind(row.kind)](row)


def _right(steps: list[dict[str, Any]]) -> int:
    return sum(step.get("given") == step["right"] for step in steps)


def _lines(steps: list[dict[str, Any]]) -> list[tuple[float, list[dict[str, Any]]]]:
    """(line, its steps) of the lines that are answered."""
    rows = [steps[start : start + RINGS] for start in range(0, len(steps), RINGS)]
    return [(row[0]["line"], row) for row in rows if all("given" in step for step in row)]


def _line_failed(steps: list[dict[str, Any]]) -> bool:
    return any(_right(row) < LINE_PASSED for _, row in _lines(steps))


def _acuity_result(row: Preparation) -> tuple[dict[str, Any], bool]:
    """The smallest line passed, before the first that was not. Where the display shows no finer one, that is enough."""
    passed = [line for line, own in _lines(row.steps) if _right(own) >= LINE_PASSED]
    best, finest = max(passed, default=None), row.steps[-1]["line"]
    enough = best is not None and (best >= ACUITY_LIMIT or best == finest)
    return {"acuity": best, "finest": finest, "distance_cm": row.subject.study.viewing_distance}, enough


def _colour_result(row: Preparation) -> tuple[dict[str, Any], bool]:
    demo, plates = row.steps[:1], row.steps[1:]
    right = _right(plates)
    missed = {kind: sum(s["plate"] == kind and s["given"] != s["right"] for s in plates) for kind in set(PLATES)}
    result = {"right": right, "plates": len(plates), "demo": bool(_right(demo)), "missed": missed}
    return result, bool(_right(demo)) and right >= PLATES_PASSED


def _display_result(row: Preparation) -> tuple[dict[str, Any], bool]:
    """The steps of gray that were seen each time, and whether the study's largest image fits into the window."""
    seen = [
        [ground, level]
        for ground, level in PATCHES
        if all(s["given"] == s["right"] for s in row.steps if (s["ground"], s["level"]) == (ground, level))
    ]
    display = row.display
    sizes = row.subject.study.images.values_list("width", "height")
    fits = all(
        width <= display["width"] * display["ratio"] and height <= display["height"] * display["ratio"]
        for width, height in sizes.distinct()
    )
    coarse = all([ground, level] in seen for ground, level in PATCHES[:COARSE])
    return {"seen": seen, "of": len(PATCHES), "fits": fits, **display}, coarse and fits


def _training_result(row: Preparation) -> tuple[dict[str, Any], None]:
    return {"inside": sum(step["inside"] for step in row.steps), "images": len(row.steps)}, None


def summaries(study: Study) -> dict[int, dict[str, dict[str, Any]]]:
    """{number of the subject: {kind: {"text", "passed", "attempts"}}} of the last finished attempts, for organisers."""
    found: dict[int, dict[str, dict[str, Any]]] = {}
    rows = Preparation.objects.filter(subject__study=study).exclude(finished_at=None).order_by("started_at")
    for number, kind, result, passed in rows.values_list("subject__number", "kind", "result", "passed"):
        own = found.setdefault(number, {})
        attempts = own.get(kind, {}).get("attempts", 0) + 1
        own[kind] = {"text": _in_words(kind, result), "passed": passed, "attempts": attempts}
    return found


def _in_words(kind: str, result: Mapping[str, Any]) -> str:
    if kind == Kind.ACUITY:
        return "none" if result["acuity"] is None else f"{result['acuity']:g}"
    if kind == Kind.COLOUR:
        return f"{result['right']} of {result['plates']}"
    if kind == Kind.DISPLAY:
        return f"{len(result['seen'])} of {result['of']} steps" + ("" if result["fits"] else ", too small")
    return f"{result['inside']} of {result['images']} in range"
