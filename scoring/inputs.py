"""Answer keys and predictions in any form a caller has them: mapping, DataFrame, path, bytes or the library's own type.

Contract: what comes out is checked as a file would be; InvalidAnswerKey and InvalidPredictions say what is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scoring.answer_key import NUMBERS, AnswerKey, InvalidAnswerKey, assemble, fault_of, read_answer_key
from scoring.lines import parse_number
from scoring.predictions import Predictions, check_rows, read_predictions
from scoring.problems import ProblemLog


def as_answer_key(key: Any) -> AnswerKey:
    """An AnswerKey from an AnswerKey, path, bytes, mapping name -> MOS, or DataFrame. Raises InvalidAnswerKey."""
    if isinstance(key, AnswerKey):
        return key
    if isinstance(key, str | bytes | os.PathLike):
        return read_answer_key(key)
    others: dict[str, list[str]] = {}
    if _is_frame(key):
        columns = [str(column) for column in key.columns]
        names, values = _frame_columns(key, columns, ("mos",))
        others = {
            column: ["" if label is None or label != label else str(label) for label in key[column].tolist()]  # noqa: PLR0124
            for column in columns
            if column not in ("name", "mos")
        }
    else:
        mapping = dict(_items(key))
        names, values = [str(name) for name in mapping], list(mapping.values())
    mos = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    faults = ProblemLog()
    if len(set(names)) < len(names):
        faults.add("duplicate_name", "a name occurs twice in the answer key")
    if not names:
        faults.add("empty_file", "the answer key has no rows")
    if not np.isfinite(mos).all():
        faults.add("not_finite", f"{int((~np.isfinite(mos)).sum())} MOS are missing or not finite")
    for column in (column for column in NUMBERS if column in others):
        found = [(name, fault_of(column, parse_number(cell))) for name, cell in zip(names, others[column], strict=True)]
        for name, fault in found:
            if fault:
                faults.add(f"bad_{column}", f"{name}: {fault}")
    if faults.counts:
        raise InvalidAnswerKey(faults.report(rows=len(names)))
    return assemble(names, mos.tolist(), others)


def as_predictions(predictions: Any, names: Sequence[str]) -> Predictions:
    """Predictions for exactly these names, from any kind `evaluate` takes. Raises InvalidPredictions."""
    if isinstance(predictions, str | bytes | os.PathLike):
        return read_predictions(predictions, names)
    if isinstance(predictions, Predictions):
        return check_rows(predictions.names, predictions.scores.tolist(), names)
    if _is_frame(predictions):
        columns = [str(column) for column in predictions.columns]
        found, values = _frame_columns(predictions, columns, ("score", "prediction", "mos"))
        return check_rows(found, values, names)
    mapping = dict(_items(predictions))
    return check_rows([str(name) for name in mapping], mapping.values(), names)


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "iloc")


def _frame_columns(frame: Any, columns: list[str], value_names: tuple[str, ...]) -> tuple[list[str], list[Any]]:
    """Names and values of a DataFrame with a column `name` and one of the value columns."""
    value = next((name for name in value_names if name in columns), None)
    if "name" not in columns or value is None:
        raise ValueError(f"the table needs the columns name and {' or '.join(value_names)}, not {', '.join(columns)}")
    return [str(name) for name in frame["name"].tolist()], frame[value].tolist()


def _items(mapping: Any) -> Iterable[tuple[Any, Any]]:
    if not hasattr(mapping, "items"):
        raise TypeError(f"a mapping, table or path is needed, not {type(mapping).__name__}")
    items: Iterable[tuple[Any, Any]] = mapping.items()
    return items
