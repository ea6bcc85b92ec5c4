"""A participant's whole path with `aiqa`, against the real site in its own process and over a line that breaks."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aiqa.cutting import cutting
from tests.served import ROOT, served

CHALLENGE = "aigiqa-demo"
PHASE = f"{CHALLENGE}/development"
SETUP = """
import json, random
from django.core.files.base import ContentFile
from challenge.accounts.models import User
from challenge.accounts.services import create_token
from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file
challenge = Challenge.objects.get(slug="aigiqa-demo")
content = random.Random(1).randbytes(3_000_000)
add_data_file(
    data_file=DataFile(challenge=challenge, title="Images", file_name="images.tar"), content=ContentFile(content)
)
Phase.objects.filter(challenge=challenge).update(daily_quota=5)
user = User.objects.get(username="participant")
print(json.dumps(create_token(user=user, name="t", scopes=["read", "submit"])[1]))
"""


class Shell:
    """`python -m aiqa` as a person runs it, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {
            name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONDONTWRITEBYTECODE")
        }
        self.environment = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)}

    def run(self, *arguments: object, said: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        """The finished process; its exit status must be `status`."""
        done = subprocess.run(
            [sys.executable, "-m", "aiqa", *map(str, arguments)],
            cwd=self.home,
            env=self.environment,
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: object, said: str = "", status: int = 0):
        """What `--json` prints."""
        return json.loads(self.run(*arguments, "--json", said=said, status=status).stdout)


def predictions(names: list[str]) -> str:
    """A score for every name; long enough for several packets."""
    return "".join(f"{name},{(len(name) * 7 + i * 37 % 101) / 10:.6f}\n" for i, name in enumerate(names))


@pytest.mark.slow
def test_from_login_to_a_verified_receipt_over_a_line_that_breaks(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    shell = Shell(home)
    with served(tmp_path / "state", "--workers", "1") as site, cutting(site.url) as line:
        token = site.run(SETUP)

        shell.run("phases", CHALLENGE, status=2)  # which site?
        shell.run("login", "--url", line.url, said="iqa_wrong\n", status=1)
        assert shell.json("login", "--url", line.url, said=f"{token}\n")["scopes"] == ["read", "submit"]
        stored = home / ".config" / "aiqa" / "credentials.json"
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert CHALLENGE in shell.run("challenges").stdout
        phases = {row["slug"]: row for row in shell.json("phases", CHALLENGE)}
        before = phases["development"]["quota"]["remaining"]

        # A download whose line breaks until the tries are used up, then gone on with.
        line.cut(down=1_200_000, connection=2)  # after two that ask for the challenge and its files
        broken = shell.run("download", CHALLENGE, "images.tar", "--retries", "0", status=3)
        assert "run the same command again" in broken.stderr
        part = home / "images.tar.part"
        begun = part.stat().st_size
        assert 0 < begun <= 1_200_000
        [done] = shell.json("download", CHALLENGE, "images.tar", "--resume")
        assert (done["size"], done["resumed_from"]) == (3_000_000, begun)
        content = (home / "images.tar").read_bytes()
        assert hashlib.sha256(content).hexdigest() == done["sha256"]
        assert not part.exists()
        assert shell.json("download", CHALLENGE, "images.tar")[0]["was_there"]

        # The kit gives the names; a wrong file is refused without a network, by line.
        kit = shell.json("kit", PHASE)["path"]
        listed = shell.run("validate", "nothing.csv", "--names", kit, status=2)
        assert "nothing.csv" in listed.stderr
        names = names_of(home / kit)
        text = predictions(names)
        (home / "wrong.csv").write_text(text.replace(text.split("\n")[1].split(",")[1], "good", 1))
        offline = shell.run("validate", "wrong.csv", "--names", kit, "--url", "http://127.0.0.1:9", status=1)
        assert "wrong.csv:2:" in offline.stdout
        assert "wrong.csv:2:" in shell.run("submit", PHASE, "wrong.csv", status=1).stderr
        assert shell.json("validate", "wrong.csv", "--phase", PHASE, status=1)["problems"][0]["line"] == 2

        # The line breaks in the middle of the upload, then before the answer: one submission, one slot.
        (home / "right.csv").write_text(text)
        line.cut(up=20_000, connection=1)  # after the one that asks for the phase
        line.cut(down=0, connection=2)
        cuts = line.cuts
        sent = shell.json("submit", PHASE, "right.csv", "--method", "Length", "--wait")
        assert line.cuts == cuts + 2
        assert sent["replayed"]  # the request whose answer was lost had made it
        submission = sent["submission"]["id"]
        again = shell.json("submit", PHASE, "right.csv", "--method", "Length")
        assert (again["submission"]["id"], again["replayed"]) == (submission, True)
        after = {row["slug"]: row for row in shell.json("phases", CHALLENGE)}["development"]["quota"]["remaining"]
        assert after == before - 1

        scores = shell.json("scores", submission)
        assert scores["scores"] == sent["submission"]["scores"]
        assert [event["to_status"] for event in shell.json("status", submission)["events"]][-1] == "scored"
        assert any(row["id"] == submission for row in shell.json("submissions", PHASE))
        assert "Length" in shell.run("leaderboard", PHASE).stdout
        assert shell.json("withdraw", submission, status=1)["error"]["code"] == "already_final"

        [accepted, *scored] = shell.json("receipt", submission, "--to", "receipts")["files"]
        assert len(scored) == 1
        for path in (accepted, *scored):
            assert shell.json("verify-receipt", path, "--file", "right.csv")["genuine"]
        Path(home / accepted).write_text((home / accepted).read_text().replace("right.csv", "wrong.csv"))
        shell.run("verify-receipt", accepted, status=1)

        assert shell.json("logout", "--url", line.url)["removed"]
        assert shell.json("submissions", PHASE, "--url", line.url, status=1)["error"]["code"] == "not_authenticated"
    shell.run("challenges", "--url", site.url, "--retries", "1", status=3)


def names_of(kit: Path) -> list[str]:
    """The names in a starter kit."""
    import zipfile

    with zipfile.ZipFile(kit) as archive:
        return archive.read("names.csv").decode().split()[1:]
