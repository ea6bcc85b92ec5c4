"""`python -m generation`: the frame around its commands."""

import argparse
import sys
import types

import pytest

from generation import cli
from generation.files import whole_file
from generation.problems import InvalidInput


@pytest.fixture
def command(monkeypatch):
    """Install a command `probe` that does what the test says."""

    def install(run):
        module = types.ModuleType("probe_command", "Probe.\n\nMore.")
        vars(module).update(add_arguments=lambda parser: parser.add_argument("--count", type=int, default=0), run=run)
        monkeypatch.setitem(sys.modules, "probe_command", module)
        monkeypatch.setitem(cli.COMMANDS, "probe", ("probe_command", "probe"))

    return install


def raiser(error):
    def run(arguments: argparse.Namespace) -> int:
        raise error

    return run


def test_a_command_gets_its_arguments_and_gives_the_exit_status(command):
    command(lambda arguments: arguments.count)
    assert cli.main(["probe", "--count", "7"]) == 7


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InvalidInput("p.csv: no column prompt; it has: text"), 1, "no column prompt"),
        (InvalidInput(*(f"line {i}" for i in range(30))), 1, "... and 10 more"),
        (FileNotFoundError(2, "No such file or directory", "p.csv"), 2, "p.csv: No such file"),
        (ModuleNotFoundError("No module named 'cv2'", name="cv2"), 2, "make database"),
        (KeyboardInterrupt(), 130, "run the same command again"),
    ],
)
def test_what_stops_a_command_is_said_and_has_its_exit_status(command, capsys, error, status, said):
    command(raiser(error))
    assert cli.main(["probe"]) == status
    assert said in capsys.readouterr().err


def test_an_unknown_command_and_none_at_all_list_the_known_ones(capsys):
    for arguments in ([], ["prompt"]):
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        assert stopped.value.code == 2
        assert "usage" in capsys.readouterr().err


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def write_half():
        with whole_file(path) as stream:
            stream.write("half")
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        write_half()
    assert path.read_text() == "old"
    with whole_file(path) as stream:
        stream.write("new\n")
    assert path.read_bytes() == b"new\n"
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]
