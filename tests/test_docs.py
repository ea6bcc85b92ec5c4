"""The pages under docs/ against the code: links, commands, variables, addresses and error codes."""

import argparse
import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiqa.cli import build_parser

ROOT = Path(__file__).resolve().parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [page for page in (ROOT / "README.md", *DOCS) if page.exists()]
# Calls that name a fault of a prediction file by a code, and the table of faults of a zip's members.
FAULTS = {"Problem", "add", "add_warning", "_failure"}


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_in(text: str) -> Iterator[str]:
    """Code spans, fenced blocks and indented lines of Markdown."""
    yield from re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL)
    yield from re.findall(r"^ {4,}.+$", text, re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """What the headings of a page are called in a link."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def called(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """(name of the function, first argument) of every call whose first argument is a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if isinstance(node.args[0].value, str):
                yield name, node.args[0].value


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_resolve(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = {name for code in code_in(page.read_text()) for name in re.findall(r"\bmake ([a-z][a-z-]*)", code)}
    assert mentioned <= targets


def test_every_variable_of_the_settings_is_in_the_operations_page():
    variables: set[str] = set()
    for path in (ROOT / "challenge" / "settings").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            function = ast.unparse(node.func)
            if function == "required" or function.startswith(("env.", "os.environ")) or function == "os.getenv":
                variables.add(str(node.args[0].value))
    page = (ROOT / "docs" / "operations.md").read_text()
    assert {"STATE_DIR", "DATABASE_URL", "SITE_URL"} <= variables
    assert sorted(name for name in variables if f"`{name}`" not in page) == []


def test_every_fault_of_a_prediction_file_is_explained():
    codes = set()
    for name in ("archive", "lines", "predictions", "problems"):
        tree = ast.parse((ROOT / "scoring" / f"{name}.py").read_text())
        codes |= {text for function, text in called(tree) if function in FAULTS}
        for node in ast.walk(tree):  # rows of the table: (applies, code, message, fix)
            if isinstance(node, ast.Tuple) and len(node.elts) == 4 and isinstance(node.elts[1], ast.Constant):
                codes.add(node.elts[1].value)
    page = (ROOT / "docs" / "participant.md").read_text()
    codes = {code for code in codes if isinstance(code, str) and re.fullmatch(r"[a-z0-9_]{4,}", code)}
    assert {"wrong_delimiter", "missing_names", "encrypted", "few_rows", "zip_bomb"} <= codes
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


def test_every_fault_of_a_table_of_ratings_is_explained():
    codes = set()
    for name in ("ratings", "rating_rows", "opinion_scores"):
        tree = ast.parse((ROOT / "scoring" / f"{name}.py").read_text())
        codes |= {text for function, text in called(tree) if function in FAULTS | {"fault", "_invalid"}}
    page = (ROOT / "docs" / "opinion-scores.md").read_text()
    assert {"bad_rating", "duplicate_rating", "no_header", "undefined_log", "empty_session"} <= codes
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


def test_every_address_and_problem_code_of_the_api_is_listed():
    from challenge.api.api import api
    from challenge.api.errors import STATUS_OF_REFUSAL
    from challenge.api.middleware import PROBLEMS

    page = (ROOT / "docs" / "api.md").read_text()
    addresses = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    codes = set(STATUS_OF_REFUSAL)
    codes |= {code for code, _ in PROBLEMS.values()}
    for module in (ROOT / "challenge" / "api").glob("*.py"):
        tree = ast.parse(module.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("problem") and len(node.args) > 1:
                codes |= {a.value for a in node.args[1:2] if isinstance(a, ast.Constant)}
    codes.discard("error")  # a fallback for errors of the framework
    assert sorted(entry for entry in addresses if f"`{entry}`" not in page) == []
    assert sorted(code for code in codes if f"`{code}`" not in page) == []


def test_every_command_and_option_of_the_command_line_is_listed():
    page = (ROOT / "docs" / "cli.md").read_text()
    [commands] = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
    missing = {f"aiqa {name}" for name in commands.choices if f"aiqa {name}" not in page}
    for command in commands.choices.values():
        missing |= {option for option in command._option_string_actions if option[:2] == "--" and option not in page}
    assert missing == set()


def test_every_constraint_the_architecture_page_names_exists():
    page = (ROOT / "docs" / "architecture.md").read_text()
    held_by = [line.split("|")[2] for line in page.splitlines() if line.count("|") == 4]
    stems = r"(?:submission|evaluation|score|phase|registration|answer_key|rescoring|receipt)_[a-z_]+"
    named = {name for cell in held_by for name in re.findall(rf"`({stems})`", cell)}
    models = "".join(path.read_text() for path in (ROOT / "challenge").glob("*/*.py"))
    assert len(named) > 10
    assert sorted(name for name in named if f'name="{name}"' not in models) == []


def test_every_complaint_is_answered_by_a_test_that_exists():
    page = (ROOT / "docs" / "complaints.md").read_text()
    cited = re.findall(r"`(tests/[a-z_0-9/]+\.py)::(test_\w+)`", page)
    assert [f"{path}::{name}" for path, name in cited if f"def {name}(" not in (ROOT / path).read_text()] == []
    assert "".join(re.findall(r"^\| \*\*([A-Z])\.", page, re.MULTILINE)) == "ABCDEFGHIJKL"
    here = ROOT / "tests" / "complaints"
    own = {name for path in here.glob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    assert own - {name for _, name in cited} == set()
    answers = set(re.findall(r"^\| #[^|]+\| `(test_\w+)` \|$", page, re.MULTILINE))  # of Codabench #1823
    assert len(answers) == 6
    assert answers - {name for _, name in cited} == set()
