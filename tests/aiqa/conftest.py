"""Fixtures of the command line's tests: a home of its own, a scripted site, the command in this process."""

import json

import pytest

from aiqa.cli import main
from tests.aiqa.scripted import scripted


@pytest.fixture
def site():
    """A scripted site."""
    with scripted() as running:
        yield running


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, which is also the working directory; no variables of the person who runs the tests."""
    for name in ("AIQA_URL", "AIQA_TOKEN", "XDG_CONFIG_HOME", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that were made before a request was tried again, in seconds; none is really made."""
    made: list[float] = []
    monkeypatch.setattr("aiqa.client.wait", made.append)
    return made


@pytest.fixture
def aiqa(home, site, capsys):
    """aiqa("command", ...) -> (exit status, standard output (JSON read if asked for), standard error)."""

    def run(*arguments: object):
        status = main([*map(str, arguments), "--url", site.url])
        out, err = capsys.readouterr()
        return status, json.loads(out) if "--json" in arguments and out else out, err

    return run
