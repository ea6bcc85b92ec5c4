"""The main-score formula of a phase: arithmetic over metric names, parsed, never evaluated as code.

Contract: `Formula(text)` accepts numbers, the metric names in METRICS and CRITERIA, + - * / **, unary + and -,
parentheses and the functions abs, min and max; anything else raises InvalidFormula with a sentence an organiser can
act on. A formula has at most 200 characters and 20 levels; a power is a number between -8 and 8. Nothing is ever
passed to eval.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence

RANK_DECIMALS = 6  # main scores that agree to this many decimals share a rank
METRICS = ("srocc", "krocc", "plcc", "pearson", "rmse", "plcc_logistic4")  # part of every evaluation
CRITERIA = (  # computed where a formula uses them or `evaluate(criteria=True)` asks; see scoring.criteria
    "rmse_p1401",
    "rmse_star",
    "outlier_ratio",
    "auc_ds",
    "auc_bw",
    "cc_0",
    "pair_accuracy",
    "pair_accuracy_within",
)
# The columns of an answer key, beside name and mos, that a criterion is undefined without.
COLUMNS_NEEDED = dict.fromkeys(CRITERIA[1:6], ("mos_std", "n_ratings")) | {"pair_accuracy_within": ("pair_group",)}
DEFAULT_FORMULA = "(srocc + plcc) / 2"
MAX_LENGTH = 200
MAX_DEPTH = 20
MAX_EXPONENT = 8

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_FUNCTIONS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}


class InvalidFormula(ValueError):
    """The text is not a formula over the known metrics; the message says what to change."""


class Formula:
    """A checked main-score formula, e.g. `Formula("0.6 * srocc + 0.4 * plcc")`.

    `text` is the formula as given (stripped), `metrics` the metric names it uses, sorted. `extra` names values beyond
    the known metrics that the caller will give to `evaluate`. Raises InvalidFormula.
    """

    __slots__ = ("_tree", "metrics", "text")

    def __init__(self, text: str, *, extra: Sequence[str] = ()) -> None:
        self.text = text.strip()
        if not self.text:
            raise InvalidFormula(f"the formula is empty; the usual one is {DEFAULT_FORMULA}")
        if len(self.text) > MAX_LENGTH:
            raise InvalidFormula(f"the formula has {len(self.text)} characters; at most {MAX_LENGTH} are allowed")
        try:
            self._tree = ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise InvalidFormula(f"not a formula: {_syntax_message(error)}") from None
        known = (*METRICS, *CRITERIA, *extra)
        names: set[str] = set()
        _check(self._tree, names, 1)
        unknown = sorted(names.difference(known))
        if unknown:
            raise InvalidFormula(f"unknown metric {unknown[0]!r}; allowed are {', '.join(known)}")
        self.metrics = tuple(sorted(names))
        if not self.metrics:
            raise InvalidFormula(f"the formula uses no metric; allowed are {', '.join(known)}")

    @property
    def criteria(self) -> tuple[str, ...]:
        """Those of `metrics` that are not part of every evaluation."""
        return tuple(name for name in self.metrics if name in CRITERIA)

    @property
    def columns_needed(self) -> tuple[str, ...]:
        """The columns that an answer key must have for this formula, beside name and mos, sorted."""
        return tuple(sorted({column for name in self.criteria for column in COLUMNS_NEEDED.get(name, ())}))

    def evaluate(self, values: Mapping[str, float | None]) -> float | None:
        """The formula's value, or None when a metric it uses is None or missing or the result not finite."""
        inputs: dict[str, float] = {}
        for name in self.metrics:
            value = values.get(name)
            if value is None or not math.isfinite(value):
                return None
            inputs[name] = float(value)
        try:
            result = _compute(self._tree, inputs)
        except (ZeroDivisionError, OverflowError):
            return None
        if isinstance(result, complex) or not math.isfinite(result):
            return None
        return float(result)

    def __repr__(self) -> str:
        return f"Formula({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _syntax_message(error: BaseException) -> str:
    return (
        str(error.msg) if isinstance(error, SyntaxError) else "it is nested too deeply or holds a forbidden character"
    )


def _check(node: ast.expr, names: set[str], depth: int) -> None:
    """Walk the tree, raise InvalidFormula at the first node outside the whitelist, collect the names."""
    if depth > MAX_DEPTH:
        raise InvalidFormula(f"the formula is nested more than {MAX_DEPTH} levels deep")
    match node:
        case ast.Constant():
            _check_number(node)
        case ast.Name(id=name):
            names.add(name)
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            _check(operand, names, depth + 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            _check(left, names, depth + 1)
            _check(right, names, depth + 1)
            if isinstance(op, ast.Pow):
                _check_exponent(right)
        case ast.Call():
            _check_call(node, names, depth)
        case _:
            raise InvalidFormula(
                f"{ast.unparse(node)!r} is not allowed: a formula holds numbers, metric names, + - * / **, "
                "parentheses, abs, min and max"
            )


def _check_number(node: ast.Constant) -> None:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e6:
        raise InvalidFormula(f"{ast.unparse(node)} is not allowed: only numbers up to one million")


def _check_exponent(node: ast.expr) -> None:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    if not (
        isinstance(inner, ast.Constant) and isinstance(inner.value, int | float) and abs(inner.value) <= MAX_EXPONENT
    ):
        raise InvalidFormula(f"a power must be a number between -{MAX_EXPONENT} and {MAX_EXPONENT}")


def _check_call(node: ast.Call, names: set[str], depth: int) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in _FUNCTIONS or node.keywords:
        raise InvalidFormula(f"unknown function {name!r}; allowed are {', '.join(_FUNCTIONS)}, without named arguments")
    if (len(node.args) != 1) if name == "abs" else (len(node.args) < 2):
        raise InvalidFormula(f"{name} takes {'one value' if name == 'abs' else 'two values or more'}")
    for argument in node.args:
        _check(argument, names, depth + 1)


def _compute(node: ast.expr, inputs: Mapping[str, float]) -> float:
    """Value of a checked tree. Only node types that _check admits can occur."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return inputs[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](_compute(operand, inputs))
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_compute(left, inputs), _compute(right, inputs))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_compute(argument, inputs) for argument in args))
    raise AssertionError(f"unchecked node {type(node).__name__}")
