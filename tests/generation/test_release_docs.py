"""docs/database-release.md against the commands, the columns and the card."""

import argparse
import re
from importlib import import_module
from pathlib import Path

from generation.attributes import COLUMNS
from generation.cli import COMMANDS
from generation.release.card import SECTIONS, read_card
from generation.release.columns import KNOWN, OPINIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "database-release.md").read_text()


def options(command):
    parser = argparse.ArgumentParser(add_help=False)
    import_module(COMMANDS[command][0]).add_arguments(parser)
    return {option for action in parser._actions for option in action.option_strings}


def test_the_options_that_are_explained_are_those_there_are():
    known = set().union(*(options(command) for command in ("attributes", "release", "verify-commitment")))
    assert set(re.findall(r"--[a-z][a-z-]*", PAGE)) == known


def test_columns_are_named():
    assert sorted(name for name in (*COLUMNS[:8], "sha256") if f"`{name}`" not in PAGE) == []
    assert sorted(name for name in OPINIONS if f"`{name}`" not in PAGE) == []
    assert {"prompt", "model"} <= KNOWN.keys()


def test_the_example_of_a_card_is_accepted(tmp_path):
    text = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    (tmp_path / "card.yaml").write_text(text)
    (tmp_path / "LICENSE.txt").write_text("The terms.\n")
    card = read_card(tmp_path / "card.yaml")
    assert card.missing == []
    assert SECTIONS.keys() <= card.texts.keys()
    assert card.license_text == "The terms.\n"
    assert card.authors[1].affiliation == "A University"
    assert card.changelog[0].changes == ["First release"]
