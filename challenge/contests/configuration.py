"""A challenge as one YAML or JSON file: written from rows, read into unsaved rows, every error named by its path.

    challenge: {slug: iqa, title: ..., ...}
    phases:
      - {slug: development, title: ..., opens_at: 2030-01-01T00:00:00Z, closes_at: ..., ...}
      - {slug: final, gate: development, ...}

The keys are the fields of Challenge and Phase, less those that are no part of a plan: ids, what the server counts,
whether the challenge is published or shows its private part, people, secrets. A field that is added to a model is in
the file from that moment. `gate` is the slug of an earlier phase; a phase without `position` stands where the file has
it. Moments have a zone. There are no answer keys, files or teams in it. Text that begins with `{` is read as JSON,
anything else as YAML.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

import yaml
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.dateparse import parse_datetime

from challenge.contests.models import Challenge, Phase

MAX_CHARACTERS = 500_000
MAX_PHASES = 50
LARGEST_NUMBER = 1e300
NOT_IN_THE_FILE = {
    Challenge: frozenset({"id", "is_published", "is_demo", "created_at", "terms_version", "allow_list"}),
    Phase: frozenset({"id", "challenge", "board_version", "split_secret", "shows_private"}),
}


class InvalidConfiguration(ValueError):
    """The file makes no challenge; `errors` has a line for each reason, beginning with its path."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


@dataclasses.dataclass(frozen=True)
class Draft:
    """Rows that are valid by themselves and not saved yet, phases in the order of the file."""

    challenge: Challenge
    phases: list[Phase]


def fields_of(model: type[models.Model]) -> dict[str, models.Field[Any, Any]]:
    """The fields of `model` that are in a file, by name, in the order of the model."""
    return {field.name: field for field in model._meta.concrete_fields if field.name not in NOT_IN_THE_FILE[model]}


# --- writing ----------------------------------------------------------------------------------------------------------
def to_dict(challenge: Challenge) -> dict[str, Any]:
    """The challenge as the file has it: plain values, moments as ISO 8601 text in UTC."""
    slugs = {phase.pk: phase.slug for phase in challenge.phases.all()}
    phases = []
    for phase in challenge.phases.all():
        values = _plain(phase)
        phases.append({**values, "gate": slugs[phase.gate_id] if phase.gate_id else None})
    return {"challenge": _plain(challenge), "phases": phases}


def to_json(challenge: Challenge) -> str:
    """As JSON."""
    return json.dumps(to_dict(challenge), indent=2, ensure_ascii=False) + "\n"


def to_yaml(challenge: Challenge) -> str:
    """As YAML, long texts as blocks."""
    return yaml.dump(to_dict(challenge), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _plain(row: Challenge | Phase) -> dict[str, Any]:
    return {
        name: _plain_value(getattr(row, name)) for name, field in fields_of(type(row)).items() if not field.is_relation
    }


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return str(value).replace("\r\n", "\n")  # an enumeration's member becomes its text, a browser's line ends go
    return value


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    unusual = any(character in text for character in "\x85\u2028\u2029\r")  # line ends that a block would not keep
    style = '"' if unusual else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


# --- reading ----------------------------------------------------------------------------------------------------------
def parse(text: str, slug: str = "") -> Draft:
    """The rows that `text` describes, with `slug` in the place of the challenge's own if it is given.

    Raises InvalidConfiguration with every error found. Whether the slug is taken is not asked here.
    """
    document = _mapping_of(_load(text))
    errors = [
        f"{key}: unknown; a file has «challenge» and «phases»" for key in document.keys() - {"challenge", "phases"}
    ]
    described = document.get("challenge")
    if isinstance(described, Mapping) and slug:
        described = {**described, "slug": slug}
    challenge = _row(Challenge(), described, "challenge", errors)
    listed = document.get("phases", [])
    if not isinstance(listed, list):
        raise InvalidConfiguration([*errors, f"phases: a list is expected, not {_kind(listed)}"])
    if len(listed) > MAX_PHASES:
        raise InvalidConfiguration([*errors, f"phases: at most {MAX_PHASES} are read, not {len(listed)}"])
    phases: list[Phase] = []
    for index, values in enumerate(listed):
        phases.append(_phase(challenge, phases, index, values, errors))
    if errors:
        raise InvalidConfiguration(errors)
    return Draft(challenge, phases)


def _phase(challenge: Challenge, before: list[Phase], index: int, values: Any, errors: list[str]) -> Phase:
    path = f"phases[{index}]"
    phase = Phase(challenge=challenge, position=index)
    others = {other.slug: other for other in before}
    gate = values.get("gate") if isinstance(values, Mapping) else None
    if gate is not None:
        phase.gate = others.get(gate) if isinstance(gate, str) else None
        if phase.gate is None:
            known = ", ".join(others) or "none"
            errors.append(f"{path}.gate: the slug of a phase before this one is expected; there are: {known}")
    _row(phase, values, path, errors)
    if phase.slug and phase.slug in others:
        errors.append(f"{path}.slug: «{phase.slug}» is the slug of another phase")
    return phase


class _NotRead(ValueError):
    """A value that its field cannot have; the text goes behind the path."""


Row = TypeVar("Row", Challenge, Phase)


def _row(row: Row, values: Any, path: str, errors: list[str]) -> Row:
    """`row` with its fields set from `values`; what is wrong with them goes to `errors`."""
    fields = fields_of(type(row))
    if not isinstance(values, Mapping):
        errors.append(f"{path}: a mapping of names to values is expected, not {_kind(values)}")
        return row
    found = [f"{path}.{str(key)[:60]}: unknown; known are {', '.join(fields)}" for key in values if key not in fields]
    for name, field in fields.items():
        if field.is_relation:
            continue
        if name not in values:
            if not (field.has_default() or field.null or field.blank):
                found.append(f"{path}.{name}: missing")
            continue
        try:
            setattr(row, name, _value(field, values[name]))
        except _NotRead as error:
            found.append(f"{path}.{name}: {error}")
    errors.extend(found or _broken_rules(row, path))
    return row


def _value(field: models.Field[Any, Any], raw: Any) -> Any:
    if raw is None:
        if field.null:
            return None
        raise _NotRead("a value is expected; leave the line out for the default")
    for kind, read in _KINDS.items():
        if isinstance(field, kind):
            return read(raw)
    raise TypeError(f"no rule reads a {type(field).__name__}")


def _text_of(raw: Any) -> str:
    if not isinstance(raw, str):
        raise _NotRead(f"text is expected, not {_kind(raw)}; put it in quotes")
    if "\0" in raw or any("\ud800" <= character <= "\udfff" for character in raw):
        raise _NotRead("text has no NUL and no half of a surrogate pair")
    return raw


def _switch(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise _NotRead(f"true or false is expected, not {_kind(raw)}")
    return raw


def _whole(raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _NotRead(f"a whole number is expected, not {_kind(raw)}")
    if abs(raw) > 2**31 - 1:
        raise _NotRead("this number is too large")
    return raw


def _number(raw: Any) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise _NotRead(f"a number is expected, not {_kind(raw)}")
    if not math.isfinite(raw) or abs(raw) > LARGEST_NUMBER:
        raise _NotRead("a finite number is expected")
    return float(raw)


def _moment(raw: Any) -> datetime.datetime:
    try:
        moment = parse_datetime(raw) if isinstance(raw, str) else raw
    except ValueError:
        moment = None
    if not isinstance(moment, datetime.datetime):
        raise _NotRead("a moment such as 2030-01-31T12:00:00Z is expected")
    if moment.tzinfo is None:
        raise _NotRead("a moment needs its zone: write 2030-01-31T12:00:00Z for UTC, or +02:00 in the place of Z")
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError:
        raise _NotRead("this moment is outside the calendar") from None


_KINDS: dict[type[models.Field[Any, Any]], Callable[[Any], Any]] = {
    models.CharField: _text_of,
    models.TextField: _text_of,
    models.BooleanField: _switch,
    models.IntegerField: _whole,
    models.FloatField: _number,
    models.DateTimeField: _moment,
}


def _broken_rules(row: Challenge | Phase, path: str) -> list[str]:
    """What the models' own rules say about a row whose values have the right types."""
    gate = row.gate if isinstance(row, Phase) else None
    if gate is not None and any(getattr(gate, name) is None for name in ("opens_at", "closes_at")):
        return []  # said already, of the gate
    relations = {field.name for field in row._meta.concrete_fields if field.is_relation}
    try:
        row.full_clean(exclude=relations, validate_unique=False)
    except ValidationError as error:
        return [
            f"{path}: {message}" if name == NON_FIELD_ERRORS else f"{path}.{name}: {message}"
            for name, messages in error.message_dict.items()
            for message in messages
        ]
    return []


def _load(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise InvalidConfiguration([f"file: at most {MAX_CHARACTERS:,} characters are read"])
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_unique)
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except json.JSONDecodeError as error:
        raise InvalidConfiguration([f"file, line {error.lineno}: {error.msg}"]) from None
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidConfiguration([f"file{place}: {error.problem or error.context}"]) from None
    except yaml.YAMLError:
        raise InvalidConfiguration(["file: this is no text that YAML allows"]) from None
    except RecursionError:
        raise InvalidConfiguration(["file: nested too deeply"]) from None
    except ValueError as error:  # a date or a number that does not exist
        raise InvalidConfiguration([f"file: {error}"]) from None


def _mapping_of(document: Any) -> Mapping[Any, Any]:
    if not isinstance(document, Mapping):
        raise InvalidConfiguration([f"file: «challenge» and «phases» are expected, not {_kind(document)}"])
    return document


def _kind(value: Any) -> str:
    """What `value` is, for people. Never its text: aliases make a short file a long one."""
    names = {
        bool: "a switch",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a mapping",
    }
    return "nothing" if value is None else names.get(type(value), "a date")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"«{twice[:60]}» is given twice")
    return found


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, where YAML would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """As ever, after a look at the keys as they are written."""
        seen: set[str] = set()
        keys: list[yaml.Node] = [key for key, _ in node.value]
        for key in keys:
            if not isinstance(key, yaml.ScalarNode):
                continue  # cannot be a key; said below
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"«{key.value[:60]}» is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
