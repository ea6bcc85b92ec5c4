"""The starter kit: to whom, what is in it, that it works elsewhere, and that it tells nothing hidden."""

import csv
import datetime
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

import scoring
from challenge.contests.models import Challenge, Phase, Registration
from challenge.datasets.starter_kit import starter_kit
from scoring.predictions import validate
from tests.factories import IMAGES, answer_key_csv, hidden_mos, new_answer_key

SITE = "https://challenge.example"
URL = "/c/iqa/development/starter-kit.zip"


def read(kit):
    with kit.storage.open(kit.path) as stream:
        return stream.read()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def kit(world):
    return members(read(starter_kit(world.development, SITE)))


def test_what_is_in_it(kit):
    assert {name for name in kit if not name.startswith(("scoring/", "aiqa/"))} == {
        *("README.md", "LICENSE", "names.csv", "sample_submission.csv", "score_local.py", "requirements.txt"),
        "phase.json",
    }
    assert kit["names.csv"].decode().splitlines() == ["name", *sorted(IMAGES)]
    assert kit["LICENSE"].decode().split()[:2] == ["Apache", "License"]
    assert b"numpy==" in kit["requirements.txt"]
    assert json.loads(kit["phase.json"])["scorer_version"] == scoring.SCORER_VERSION


def test_the_sample_is_a_valid_file_and_the_readme_says_that_it_is_a_sample(kit):
    report = validate(io.BytesIO(kit["sample_submission.csv"]), IMAGES, filename="sample_submission.csv")
    assert report.ok
    assert not report.warnings
    assert "Its scores are samples" in kit["README.md"].decode()


def test_the_readme_tells_the_rules_of_the_phase(world, kit):
    readme = kit["README.md"].decode()
    phase = world.development
    for text in (
        f"{phase.closes_at:%Y-%m-%d %H:%M} UTC",
        phase.formula,
        "5 per team and UTC day",
        f"{SITE}/c/iqa/development/submit/",
        f"{SITE}/api/v1/phases/{phase.pk}/submissions",
        "python -m scoring validate --predictions sample_submission.csv --names names.csv",
    ):
        assert text in readme
    assert "&" not in readme  # no HTML escapes


def test_it_checks_and_scores_on_another_computer(kit, tmp_path):
    """Only what was unpacked is on the path; -P keeps this checkout off it."""
    for name, content in kit.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    key = [
        {"name": row["name"], "mos": row["score"]}
        for row in csv.DictReader(io.StringIO(kit["sample_submission.csv"].decode()))
    ]
    with (tmp_path / "key.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["name", "mos"])
        writer.writeheader()
        writer.writerows(key)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = run("-c", "import scoring; print(scoring.__file__)")
    assert where.stdout.strip() == str(tmp_path / "scoring" / "__init__.py")
    done = run("-m", "scoring", "validate", "--predictions", "sample_submission.csv", "--names", "names.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = run("-m", "aiqa", "validate", "sample_submission.csv", "--names", "names.csv")
    assert (checked.returncode, checked.stdout) == (0, done.stdout)
    scored = run("score_local.py", "sample_submission.csv", "key.csv", "--bootstrap", "0", "--json")
    result = json.loads(scored.stdout)
    assert (result["formula"], result["srocc"]) == ("(srocc + plcc) / 2", 1.0)
    assert run("score_local.py").returncode == 2


def test_it_never_holds_a_mos_or_the_order_of_the_key(kit):
    everything = b"\n".join(kit.values()).decode()
    assert not [value for value in hidden_mos().values() if str(value) in everything]
    scores = [float(row["score"]) for row in csv.DictReader(io.StringIO(kit["sample_submission.csv"].decode()))]
    names = sorted(IMAGES)
    assert abs(scoring.srocc(scores, [hidden_mos()[name] for name in names])) < 0.4


def test_the_same_phase_gives_the_same_bytes_and_makes_them_once(world):
    first = starter_kit(world.development, SITE)
    content = read(first)
    again = starter_kit(Phase.objects.get(pk=world.development.pk), SITE)
    assert (again.path, again.etag) == (first.path, first.etag)
    default_storage.delete(first.path)
    assert read(starter_kit(world.development, SITE)) == content


@pytest.mark.parametrize("change", ["dates", "key", "scorer"])
def test_whatever_it_tells_makes_a_new_one(world, monkeypatch, change):
    phase = world.development
    first = starter_kit(phase, SITE)
    if change == "dates":
        phase.closes_at += datetime.timedelta(days=1)
        phase.save()
    elif change == "key":
        new_answer_key(phase, answer_key_csv() + b"new.png,3.5,alpha\n")
    else:
        monkeypatch.setattr(scoring, "SCORER_VERSION", "99.0.0")
    second = starter_kit(phase, SITE)
    assert second.etag != first.etag
    facts = json.loads(members(read(second))["phase.json"])
    assert {"dates": facts["closes_at"][:10], "key": facts["answer_key_version"], "scorer": facts["scorer_version"]}[
        change
    ] == {"dates": f"{phase.closes_at:%Y-%m-%d}", "key": 2, "scorer": "99.0.0"}[change]


def test_it_is_for_participants_once_the_phase_opens(world, client):
    def status(user=None):
        client.logout()
        if user:
            client.force_login(user)
        response = client.get(URL)
        if response.streaming:
            b"".join(response.streaming_content)
        return response.status_code

    people = (None, world.outsider, world.alice, world.organiser)
    assert [status(user) for user in people] == [404, 404, 200, 200]
    Phase.objects.update(opens_at=timezone.now() + datetime.timedelta(hours=1))
    assert [status(user) for user in people] == [404, 404, 404, 200]
    Phase.objects.update(opens_at=timezone.now())
    Challenge.objects.update(terms_version=2)
    assert [status(user) for user in people] == [404, 404, 404, 200]
    Registration.objects.update(terms_version=2)
    assert status(world.alice) == 200


def test_pages_lead_to_it_where_it_may_be_had(world, client):
    for user, may in ((world.alice, True), (world.outsider, False)):
        client.force_login(user)
        assert (f'href="{URL}"' in client.get("/c/iqa/data/").content.decode()) == may
    client.force_login(world.alice)
    assert URL in client.get("/c/iqa/development/submit/").content.decode()
    world.development.answer_keys.all().delete()
    assert client.get(URL).status_code == 404
    for page in ("/c/iqa/data/", "/c/iqa/development/submit/"):
        assert URL not in client.get(page).content.decode()


def test_the_sample_can_be_submitted(world, kit, rung):
    submission = world.submit(content=kit["sample_submission.csv"])
    assert submission.rows == len(IMAGES)
