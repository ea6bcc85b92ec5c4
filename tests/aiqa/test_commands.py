"""Commands against a scripted site: exit statuses, JSON, what is stored and sent, and names that lead astray."""

import io
import json
import stat
import sys

import pytest

from aiqa import store
from aiqa.cli import main
from aiqa.errors import WrongUsage
from aiqa.output import Bar, table
from aiqa.sending import idempotency_key
from tests.aiqa.scripted import Reply, problem

ID = "03a7f579-22fe-48c6-bfcd-960e6854ffb0"
TOKEN = {"username": "alice", "name": "t", "scopes": ["read"], "expires_at": None}


@pytest.fixture
def signed_in(home, site, monkeypatch):
    monkeypatch.setenv("AIQA_TOKEN", "iqa_secret")


def test_login_stores_the_token_for_its_owner_only(aiqa, site, home, monkeypatch, capsys):
    site.replies = [Reply(body=TOKEN)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("iqa_secret\n"))
    status, said, _ = aiqa("login", "--json")
    assert (status, said["username"]) == (0, "alice")
    path = home / ".config" / "aiqa" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert site.asked[0][2]["Authorization"] == "Bearer iqa_secret"
    site.replies = [Reply(body=[])]
    assert main(["challenges"]) == 0  # the site is remembered
    capsys.readouterr()
    assert site.asked[1][2]["Authorization"] == "Bearer iqa_secret"
    assert aiqa("logout", "--json")[1]["removed"]
    assert "iqa_secret" not in path.read_text()


def test_a_token_that_the_site_does_not_know_is_not_stored(aiqa, site, home, monkeypatch):
    site.replies = [problem(401, "not_authenticated")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("iqa_wrong\n"))
    status, said, err = aiqa("login", "--json")
    assert (status, said["error"]["code"]) == (1, "not_authenticated")
    assert "API tokens" in err
    assert not (home / ".config").exists()


def test_a_token_is_not_sent_where_others_can_read_it(home, capsys):
    assert main(["login", "--url", "http://iqa.example.org"]) == 2
    assert "not encrypted" in capsys.readouterr().err


def test_the_environment_comes_before_the_file_and_options_before_both(home):
    store.remember("https://one.example", "iqa_one", {"HOME": str(home)})
    environment = {"HOME": str(home)}
    assert store.chosen_site(None, environment) == "https://one.example"
    assert store.chosen_site(None, {**environment, "AIQA_URL": "two.example"}) == "https://two.example"
    assert store.chosen_site("localhost:8000/", {**environment, "AIQA_URL": "two.example"}) == "http://localhost:8000"
    assert store.token_for("https://one.example", environment) == "iqa_one"
    assert store.token_for("https://two.example", environment) == ""  # a token goes to its own site only
    assert store.token_for("https://one.example", {**environment, "AIQA_TOKEN": "iqa_env"}) == "iqa_env"


@pytest.mark.parametrize(
    "text", ["ftp://iqa.example", "https://", "https://me:secret@iqa.example", "https://x:port", "[", "https://a..b"]
)
def test_what_is_no_address(text):
    with pytest.raises(WrongUsage):
        store.site_of(text)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["status", "not-an-id"], 2),
        (["leaderboard", "iqa"], 2),
        (["submit", f"{ID}", "missing.csv"], 2),
        (["validate", "missing.csv"], 2),
        (["download", "iqa"], 2),
    ],
)
def test_a_wrong_command_line_is_2_with_what_to_do(aiqa, site, signed_in, arguments, status):
    site.replies = [Reply(body={"id": ID, "slug": "x"})]
    found, said, err = aiqa(*arguments, "--json")
    assert found == status
    assert said["error"]["exit_status"] == status
    assert err.startswith("aiqa: ")


def test_an_interrupted_command_is_130(aiqa, site, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aiqa.client.Client.every", interrupt)
    status, out, err = aiqa("challenges")
    assert (status, out) == (130, "")
    assert "--resume" in err


def test_the_key_of_a_submission_follows_from_what_is_sent():
    key = idempotency_key("phase", b"content", {"device": "gpu"}, again=False)
    assert key == idempotency_key("phase", b"content", {"device": "gpu"}, again=False)
    others = [
        idempotency_key("other", b"content", {"device": "gpu"}, again=False),
        idempotency_key("phase", b"other", {"device": "gpu"}, again=False),
        idempotency_key("phase", b"content", {}, again=False),
        idempotency_key("phase", b"content", {"device": "gpu"}, again=True),
        idempotency_key("phase", b"content", {"device": "gpu"}, again=True),
    ]
    assert len({key, *others}) == 6
    assert len(key) <= 80


def test_a_refused_file_is_shown_by_line(aiqa, site, signed_in, home):
    (home / "mine.csv").write_text("a,b\n")
    report = {
        "ok": False,
        "problems": [{"code": "c", "message": "no number", "line": 3, "fix": "Write one."}],
        "problem_count": 120,
        "warnings": [],
        "summary": "refused",
    }
    site.replies = [Reply(body={"id": ID, "release_rule": "plain"}), problem(422, "invalid_file")]
    site.replies[1].body["report"] = report
    status, out, err = aiqa("submit", ID, "mine.csv")
    assert (status, out) == (1, "")
    assert "mine.csv:3: no number [Write one.]" in err
    assert "119 more" in err


@pytest.mark.parametrize("name", ["../../.ssh/authorized_keys", "/etc/passwd", "a/../../b", "..", "a\\b"])
def test_a_file_is_never_written_outside_of_the_folder(aiqa, site, signed_in, home, name):
    version = {"number": 1, "size": 1, "sha256": "0" * 64, "url": "/api/v1/files/x/versions/1"}
    row = {"id": ID, "path": name, "file_name": "f", "versions": [version], "url": version["url"], "refusal": None}
    site.replies = [Reply(body={"slug": "iqa"}), Reply(body=[row]), Reply(body=b"x")]
    status, said, _ = aiqa("download", "iqa", ID, "--to", "data", "--json")
    assert (status, said["error"]["code"]) == (1, "unsafe_name")
    assert not list(home.rglob("*"))


def test_text_of_others_cannot_steer_the_terminal():
    text = table(["team"], [["\x1b[2J\x1b]0;owned\x07evil\nrow"]])
    assert text.split("\n")[1:] == [" [2J ]0;owned evil row"]


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_progress_shows_on_a_terminal_only():
    for stream, is_shown in ((Terminal(), True), (io.StringIO(), False)):
        bar = Bar("images.tar", 2_000_000, stream)
        bar.at(1_000_000)
        bar.at(2_000_000)
        bar.end()
        assert ("100% of 2.0 MB" in stream.getvalue()) == is_shown
        assert bool(stream.getvalue()) == is_shown


def test_a_withdrawn_submission_is_not_silently_taken_for_a_new_one(aiqa, site, signed_in, home):
    (home / "mine.csv").write_text("a,1\n")
    row = {"id": ID, "status": "withdrawn", "failure": "", "received_at": "2030-01-01T00:00:00Z", "is_final": True}
    site.replies = [
        Reply(body={"id": ID, "release_rule": "plain"}),
        Reply(201, row, {"Idempotent-Replayed": "true"}),
    ]
    status, said, err = aiqa("submit", ID, "mine.csv", "--wait", "--json")
    assert (status, said["replayed"]) == (1, True)
    assert "accepted before" in err
    sent = site.asked[1]
    assert sent[2]["Idempotency-Key"].startswith("aiqa-")
    assert b"a,1\n" in sent[3]


def test_offline_validation_needs_no_site(home, capsys):
    (home / "names.csv").write_text("name\na\nb\n")
    (home / "mine.csv").write_text("a,1\nb,x\n")
    assert main(["validate", "mine.csv", "--names", "names.csv", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["line"] == 2
    (home / "mine.csv").write_text("a,1\nb,2\n")
    assert main(["validate", "mine.csv", "--names", "names.csv"]) == 0
