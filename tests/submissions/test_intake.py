"""How a prediction file becomes a submission, and what is refused without a trace."""

import datetime
import hashlib
from pathlib import Path

import pytest
from django.test import TestCase
from django.utils import timezone

from challenge.datasets.models import AnswerKey
from challenge.submissions.intake import Method, SubmissionRefused
from challenge.submissions.models import Submission
from tests.factories import IMAGES, World, hidden_mos, prediction_csv, upload


def stored_files(settings) -> list[Path]:
    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"]) / "predictions"
    return [path for path in root.rglob("*") if path.is_file()] if root.exists() else []


def refused(world: World, content: bytes, **kwargs) -> SubmissionRefused:
    with pytest.raises(SubmissionRefused) as caught:
        world.submit(content=content, **kwargs)
    return caught.value


def test_it_works(world, rung, django_capture_on_commit_callbacks):
    content = prediction_csv()
    with django_capture_on_commit_callbacks(execute=True):
        submission = world.submit(content=content)
    assert submission.status == "queued"
    assert submission.team == world.team
    assert submission.sha256 == hashlib.sha256(content).hexdigest()
    assert submission.rows == len(IMAGES)
    with submission.file.open("rb") as stream:
        assert stream.read() == content
    assert [(event.from_status, event.to_status) for event in submission.events.all()] == [
        ("", "received"),
        ("received", "queued"),
    ]
    assert rung == [str(submission.pk)]


def test_the_worker_is_called_only_after_the_commit(world, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=False):
        world.submit()
    assert rung == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"img_003": "nan"}, "not_finite"),
        ({"img_003": "inf"}, "not_finite"),
        ({"img_003": ""}, "empty_score"),
        ({"img_003": "good"}, "bad_score"),
    ],
)
def test_it_refuses_a_bad_score_and_names_its_line(world, change, code):
    error = refused(world, prediction_csv(**change))
    assert error.code == "invalid_file"
    assert [(problem.code, problem.line) for problem in error.report.problems] == [(code, 4)]


def test_a_refused_file_leaves_no_row_no_file_and_no_quota_used(world, settings):
    before = set(stored_files(settings))
    refused(world, b"img_000.png,1\n")
    assert not Submission.objects.exists()
    assert set(stored_files(settings)) == before


def test_a_file_refused_for_quota_leaves_no_file(world, settings):
    world.development.daily_quota = 1
    world.development.save()
    world.submit()
    before = set(stored_files(settings))
    assert refused(world, prediction_csv()).code == "quota_spent"
    assert set(stored_files(settings)) == before


def test_no_message_holds_a_hidden_value(world):
    error = refused(world, b"img_000.png,1\nnot_there.png,2\n")
    text = str(error) + str(error.report.to_dict())
    assert not any(str(mos) in text for mos in hidden_mos().values())


def test_it_refuses_those_who_have_not_joined(world):
    assert refused(world, prediction_csv(), user=world.outsider).code == "not_registered"
    assert refused(world, prediction_csv(), user=world.organiser).code == "not_registered"


def test_the_moment_the_upload_began_decides_about_the_deadline(world):
    """av2-api #268: a large file is on its way when the deadline passes."""
    phase = world.development
    a_second = datetime.timedelta(seconds=1)
    assert world.submit(began_at=phase.closes_at - a_second).status == "queued"
    assert refused(world, prediction_csv(), began_at=phase.closes_at).code == "phase_closed"
    assert refused(world, prediction_csv(), began_at=phase.opens_at - a_second).code == "phase_not_open"
    assert world.submit(began_at=phase.opens_at).status == "queued"


def test_it_refuses_while_there_is_no_answer_key(world):
    AnswerKey.objects.filter(phase=world.development).update(is_current=False)
    assert refused(world, prediction_csv()).code == "no_answer_key"


def test_it_refuses_when_the_disk_is_full_and_says_that_quota_is_untouched(world, settings):
    settings.MIN_FREE_DISK_BYTES = 2**62
    error = refused(world, prediction_csv())
    assert error.code == "disk_full"
    assert "quota is untouched" in str(error)


def test_a_repeated_idempotency_key_returns_the_first_submission(world, settings):
    first = world.submit(idempotency_key="k1")
    files = set(stored_files(settings))
    assert world.submit(idempotency_key="k1") == first
    assert world.submit(user=world.bob, idempotency_key="k1") == first  # the same team
    assert world.submit(user=world.mallory, idempotency_key="k1") != first
    assert Submission.objects.count() == 2
    assert len(set(stored_files(settings)) - files) == 1


def test_a_repeated_idempotency_key_works_even_when_the_quota_is_spent_and_the_phase_closed(world):
    world.development.daily_quota = 1
    world.development.save()
    first = world.submit(idempotency_key="k1")
    assert world.submit(idempotency_key="k1", began_at=world.development.closes_at) == first


def test_another_file_with_the_same_idempotency_key_is_refused_and_not_swallowed(world):
    first = world.submit(idempotency_key="k1")
    assert refused(world, prediction_csv(seed=2), idempotency_key="k1").code == "idempotency_key_reused"
    assert refused(world, prediction_csv(), idempotency_key="k" * 81).code == "invalid_idempotency_key"
    assert list(Submission.objects.all()) == [first]


def test_sending_another_file_from_the_same_page_is_another_submission(world, client):
    """The way Back leads to the same form with the same nonce."""
    client.force_login(world.alice)
    url = world.development.get_absolute_url()
    for seed in (1, 1, 2):
        form = {"file": upload(prediction_csv(seed=seed)), "nonce": "abc"}
        assert client.post(url, form).status_code == 302
    assert Submission.objects.count() == 2


def test_an_accepted_row_keeps_its_file_whatever_happens_after_the_commit(world, monkeypatch):
    from challenge.submissions import intake

    def explode(_):
        raise RuntimeError("broker library bug")

    monkeypatch.setattr(intake, "ring", explode)
    with TestCase.captureOnCommitCallbacks(execute=True):
        submission = world.submit()
    with submission.file.open("rb") as stream:
        assert stream.read() == prediction_csv()


@pytest.mark.parametrize("runtime", [float("nan"), float("inf"), -1.0, 1.75e308])
def test_an_impossible_runtime_is_refused(world, runtime):
    assert refused(world, prediction_csv(), method=Method(runtime_s=runtime)).code == "invalid_method"


def test_invisible_characters_do_not_get_into_names(world):
    method = Method(name="A\x00B\u202eC\u200b  D", description="one\x00\ntwo")
    submission = world.submit(method=method)
    assert (submission.method_name, submission.description) == ("ABC D", "one\ntwo")


def test_a_dry_run_tells_no_names_before_the_phase_opens(world, client):
    world.development.opens_at = timezone.now() + datetime.timedelta(days=1)
    world.development.save()
    client.force_login(world.alice)
    page = client.post("/c/iqa/development/validate/", {"file": upload(b"x.png,1\n")}).content.decode()
    assert "opens at" in page
    assert "img_" not in page + client.get("/c/iqa/development/submit/").content.decode()
    client.force_login(world.outsider)
    assert client.post("/c/iqa/development/validate/", {"file": upload(b"x.png,1\n")}).status_code == 403


def test_constant_predictions_are_accepted_with_a_warning(world):
    content = "".join(f"{name},3\n" for name in IMAGES).encode()
    submission = world.submit(content=content)
    assert submission.status == "queued"
    assert submission.warnings
