"""Vendored assets are what their manifest says, have a licence, and are the only foreign code."""

import hashlib
import json
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "challenge" / "static" / "vendor"
FILES = json.loads((VENDOR / "MANIFEST.json").read_text())["files"]


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["name"])
def test_hash_and_licence(entry: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert (VENDOR / entry["licence_file"]).stat().st_size > 0
    assert entry["version"] in entry["source_package"]


def test_nothing_is_vendored_without_an_entry() -> None:
    listed = {"MANIFEST.json"} | {entry[key] for entry in FILES for key in ("file", "licence_file")}
    assert {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} == listed


def test_no_inline_script_or_style_in_templates() -> None:
    templates = VENDOR.parents[1] / "templates"
    for path in templates.rglob("*.html"):
        text = path.read_text()
        assert " style=" not in text, path
        assert "<style" not in text, path
        assert "onclick" not in text, path
        assert "<script>" not in text, path
