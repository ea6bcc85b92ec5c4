"""Receipts of the site: issued once, by the process that may, handed to those who may see them, checked by anybody."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from challenge.accounts.services import create_token
from challenge.contests.models import Team
from challenge.embedded.secrets import main as make_secrets
from challenge.receipts.models import Receipt
from challenge.receipts.services import issue_scored
from challenge.rescorings.services import publish
from challenge.submissions.models import Evaluation, Score, Submission
from scoring.receipts import read_keys, verify
from tests.factories import upload
from tests.rescorings.conftest import finished


@pytest.fixture
def keys(client, db):
    return read_keys(client.get("/.well-known/receipt-keys.json").content)


def accepted(client, submission) -> Any:
    return client.get(f"/submissions/{submission.pk}/receipt.json").json()


def scored(client, submission, evaluation=None) -> Any:
    evaluation = evaluation or submission.evaluations.get(is_current=True)
    return client.get(f"/submissions/{submission.pk}/receipts/{evaluation.pk}.json").json()


def check(client, content, **more):
    text = content if isinstance(content, str) else json.dumps(content)
    return client.post("/receipts/verify/", {"text": text, **more}).content.decode()


def test_an_accepted_file_has_a_receipt_before_it_is_scored(world, client, keys):
    submission = world.submit()
    client.force_login(world.bob)
    receipt = accepted(client, submission)
    assert verify(receipt, keys).genuine
    document = receipt["receipt"]
    assert document["kind"] == "accepted"
    assert (document["sha256"], document["team"]) == (submission.sha256, "Aces")
    assert document["quota"] == {"day": submission.quota_day.isoformat(), "day_slot": 1, "phase_slot": 1}
    assert document["received_at"] == submission.received_at.isoformat()
    assert accepted(client, submission) == receipt  # issued once


def test_a_scored_receipt_has_the_scores_to_the_last_digit(world, client, keys):
    submission = world.scored()
    evaluation = submission.evaluations.get()
    client.force_login(world.alice)
    receipt = scored(client, submission)
    assert verify(receipt, keys).genuine
    document = receipt["receipt"]
    assert document["scores"] == {name: evaluation.result[name] for name in Score.Metric.values}
    assert document["answer_key"] == {
        "version": 1,
        "sealed_sha256": evaluation.answer_key.sealed_sha256,
    }
    assert (document["scorer_version"], document["formula"]) == (evaluation.scorer_version, evaluation.formula)


def test_undefined_scores_are_null_in_the_receipt(world, client, keys):
    submission = world.scored(content="".join(f"img_{i:03d}.png,3\n" for i in range(60)).encode())
    client.force_login(world.alice)
    receipt = scored(client, submission)
    assert receipt["receipt"]["scores"]["main"] is None
    assert verify(receipt, keys).genuine


def test_on_a_blind_phase_the_scored_receipt_waits_and_the_accepted_one_does_not(world, client, keys):
    submission = world.scored(phase=world.final)
    evaluation = submission.evaluations.get()
    client.force_login(world.alice)
    assert verify(accepted(client, submission), keys).genuine
    path = f"/submissions/{submission.pk}/receipts/{evaluation.pk}.json"
    assert client.get(path).status_code == 404
    world.final.is_blind = False
    world.final.save()
    assert verify(client.get(path).json(), keys).genuine


def test_the_receipt_of_a_rescoring_waits_until_it_is_published(world, client, keys):
    submission = world.scored()
    rescoring = finished(world)
    new = submission.evaluations.get(is_current=False)
    client.force_login(world.alice)
    path = f"/submissions/{submission.pk}/receipts/{new.pk}.json"
    assert client.get(path).status_code == 404
    publish(rescoring, world.organiser)
    receipt = client.get(path).json()
    assert verify(receipt, keys).genuine
    assert receipt["receipt"]["answer_key"]["version"] == 2


def test_a_receipt_verifies_after_everything_it_speaks_of_was_changed(world, client, keys):
    submission = world.scored()
    client.force_login(world.alice)
    receipts = [accepted(client, submission), scored(client, submission)]
    Evaluation.objects.update(result={}, formula="srocc", rank_value=0.1)
    Score.objects.all().delete()
    Submission.objects.update(sha256="0" * 64, file_name="x")
    Team.objects.filter(pk=world.team.pk).update(name="Another name")
    assert [accepted(client, submission), scored(client, submission)] == receipts
    assert all(verify(receipt, keys).genuine for receipt in receipts)


def test_the_api_hands_out_what_the_caller_may_see(world, client, keys):
    open_one, blind = world.scored(), world.scored(phase=world.final)

    def kinds(user, submission) -> list[str]:
        headers = {"authorization": f"Bearer {create_token(user=user, name='t', scopes=['read'])[1]}"}
        found = client.get(f"/api/v1/submissions/{submission.pk}/receipts", headers=headers).json()
        assert all(verify(receipt, keys).genuine for receipt in found)
        return [receipt["receipt"]["kind"] for receipt in found]

    assert kinds(world.alice, open_one) == ["accepted", "scored"]
    assert kinds(world.bob, blind) == ["accepted"]
    assert kinds(world.organiser, blind) == ["accepted", "scored"]


# --- who signs --------------------------------------------------------------------------------------------------------
def test_without_keys_files_are_accepted_and_scored_and_receipts_come_later(world, client, settings, keys):
    paths = {name: getattr(settings, name) for name in ("RECEIPT_ACCEPTED_KEY_FILE", "RECEIPT_SCORED_KEY_FILE")}
    for name in paths:
        setattr(settings, name, "")
    submission = world.scored()
    assert submission.status == "scored"
    assert not Receipt.objects.exists()
    client.force_login(world.alice)
    assert client.get(f"/submissions/{submission.pk}/receipt.json").status_code == 404
    with pytest.raises(CommandError, match="RECEIPT_SCORED_KEY_FILE"):
        call_command("sign_receipts")
    for name, path in paths.items():
        setattr(settings, name, path)
    assert verify(accepted(client, submission), keys).genuine
    call_command("sign_receipts")
    call_command("sign_receipts")
    assert verify(scored(client, submission), keys).genuine
    assert Receipt.objects.count() == 2


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_broken_key_file_stops_nothing(world, settings, tmp_path, content):
    settings.RECEIPT_SCORED_KEY_FILE = str(tmp_path / "key")
    if content:
        (tmp_path / "key").write_bytes(content)
    assert world.scored().status == "scored"
    assert not Receipt.objects.filter(kind="scored").exists()


def test_a_server_without_keys_lists_none(client, settings, db, tmp_path):
    for path in ("", str(tmp_path / "nothing")):
        settings.RECEIPT_PUBLIC_KEYS_FILE = path
        assert client.get("/.well-known/receipt-keys.json").json() == {"keys": []}


def test_each_kind_is_issued_once(world):
    submission = world.scored()
    evaluation = submission.evaluations.get()
    first = evaluation.receipt
    assert issue_scored(evaluation) == first
    row = Receipt.objects.get(kind="accepted")
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_receipts_of_retired_keys_go_on_to_verify(world, client, settings, tmp_path, capsys):
    def use(folder: Path) -> None:
        settings.RECEIPT_ACCEPTED_KEY_FILE = str(folder / "receipt_accepted.private")
        settings.RECEIPT_SCORED_KEY_FILE = str(folder / "receipt_scored.private")
        settings.RECEIPT_PUBLIC_KEYS_FILE = str(folder / "receipt_keys.json")

    assert make_secrets([str(tmp_path)]) == 0
    use(tmp_path)
    old = world.scored()
    client.force_login(world.alice)
    before = scored(client, old)
    assert make_secrets([str(tmp_path), "--rotate-receipts"]) == 0
    assert "receipt_keys.json" in capsys.readouterr().out
    listed = read_keys(client.get("/.well-known/receipt-keys.json").content)
    after = scored(client, world.scored(seed=2))
    assert len(listed) == 4
    assert before["receipt"]["kid"] != after["receipt"]["kid"]
    assert "until 20" in verify(before, listed).reason
    assert "until 20" not in verify(after, listed).reason
    assert verify(before, listed).genuine
    assert verify(after, listed).genuine
    page = check(client, before)
    assert "Genuine" in page


# --- the page ---------------------------------------------------------------------------------------------------------
def test_anybody_may_check_a_receipt(world, client):
    submission = world.scored()
    client.force_login(world.alice)
    receipt = scored(client, submission)
    client.logout()
    page = check(client, receipt)
    assert '<h2 id="verdict">Genuine</h2>' in page
    assert "in force" not in page  # that is for those who may see the submission
    file = client.post("/receipts/verify/", {"file": upload(json.dumps(receipt).encode(), "r.json")})
    assert "Genuine" in file.content.decode()


def test_the_team_learns_what_was_changed_and_others_do_not(world, client):
    submission = world.scored()
    client.force_login(world.alice)
    forged = scored(client, submission)
    forged["receipt"]["scores"]["main"] = 0.999
    forged["receipt"]["team"] = "Rivals"
    page = check(client, forged)
    assert "Not genuine" in page
    assert "<code>scores.main</code>, <code>team</code>" in page
    client.force_login(world.mallory)
    page = check(client, forged)
    assert "Not genuine" in page
    assert "Not as in the receipt" not in page


def test_a_blind_score_cannot_be_guessed_with_the_page(world, client):
    submission = world.scored(phase=world.final)
    client.force_login(world.organiser)
    forged = scored(client, submission)
    forged["receipt"]["scores"]["srocc"] = 0.5
    assert "scores.srocc" in check(client, forged).split("Not as in")[1].split("</section>")[0]
    client.force_login(world.alice)
    assert "Not as in" not in check(client, forged)


def test_a_replaced_score_is_genuine_and_no_longer_in_force(world, client):
    submission = world.scored()
    client.force_login(world.alice)
    receipt = scored(client, submission)
    assert "This score is in force" in check(client, receipt)
    publish(finished(world), world.organiser)
    page = check(client, receipt)
    assert "Genuine" in page
    assert "Another score has come into force since" in page


@pytest.mark.parametrize(
    "content",
    ["nonsense", "{}", '{"receipt": {"submission": "x", "kid": "x"}, "signature": ""}', "[]", '{"receipt": 5}'],
)
def test_what_is_no_receipt_gets_a_verdict_not_an_error(world, client, content):
    assert "Not genuine" in check(client, content)


def test_an_empty_form_and_a_huge_file_are_told(client, db):
    assert client.post("/receipts/verify/", {}).status_code == 422
    huge = client.post("/receipts/verify/", {"file": upload(b"x" * 200_000, "r.json")}).content.decode()
    assert "too large to be a receipt" in huge


def test_what_a_receipt_says_is_escaped(world, client):
    Team.objects.filter(pk=world.team.pk).update(name="<script>alert(1)</script>")
    submission = world.scored()
    client.force_login(world.alice)
    assert "<script>alert" not in check(client, scored(client, submission))
