"""The organisers' desk: enough to run a challenge, closed to the challenges of others."""

from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from challenge.contests.models import Challenge, Phase

PHASE = {
    "phases-TOTAL_FORMS": "1",
    "phases-INITIAL_FORMS": "0",
    "phases-0-title": "Development",
    "phases-0-slug": "development",
    "phases-0-position": "1",
    "phases-0-opens_at_0": "2030-01-01",
    "phases-0-opens_at_1": "00:00",
    "phases-0-closes_at_0": "2030-02-01",
    "phases-0-closes_at_1": "00:00",
    "phases-0-daily_quota": "5",
    "phases-0-board_rule": "best",
    "phases-0-rank_display": "both",
    "phases-0-reference_column": "",
    "phases-0-formula": "(srocc + plcc) / 2",
    "phases-0-release_rule": "plain",
    "phases-0-standard_errors": "1.0",
}
CHALLENGE = {
    "slug": "fresh",
    "title": "Fresh",
    "summary": "One sentence.",
    "terms_version": "1",
    "registration_mode": "open",
    "max_team_size": "4",
    "questions-TOTAL_FORMS": "0",
    "questions-INITIAL_FORMS": "0",
    "is_published": "on",
}


def add(client, **changes):
    return client.post(reverse("admin:contests_challenge_add"), {**CHALLENGE, **PHASE, **changes})


def test_an_organiser_makes_a_challenge_with_a_phase_and_runs_it(world, client):
    client.force_login(world.organiser)
    assert add(client).status_code == 302
    challenge = Challenge.objects.get(slug="fresh")
    assert list(challenge.organisers.all()) == [world.organiser]
    assert challenge.phases.get().daily_quota == 5
    assert client.get("/c/fresh/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases-0-closes_at_0": "2029-01-01"}, "closes after it opens"),
        ({"phases-0-formula": "srocc + fame"}, "fame"),
        ({"phases-0-formula": "__import__('os')"}, "formula"),
        ({"phases-0-slug": "join"}, "page of every challenge"),
        ({"phases-0-is_blind": "on", "phases-0-shows_fit": "on"}, "hidden scores"),
        ({"phases-0-daily_quota": "0"}, "greater than or equal to 1"),
        ({"phases-0-release_rule": "ladder", "phases-0-shows_fit": "on"}, "shows no fit"),
        ({"phases-0-standard_errors": "0"}, "more than 0 standard errors"),
        ({"slug": "iqa"}, "already exists"),
    ],
)
def test_a_mistake_is_named_beside_its_field_and_nothing_is_saved(world, client, changes, message):
    client.force_login(world.organiser)
    response = add(client, **changes)
    assert response.status_code == 200
    assert message in response.content.decode()
    assert not Challenge.objects.filter(slug="fresh").exists()


def test_an_organiser_sees_and_offers_only_their_own(world, client):
    client.force_login(world.other_organiser)
    listed = client.get(reverse("admin:contests_challenge_changelist")).content.decode()
    assert "Another challenge" in listed
    assert "IQA challenge" not in listed
    form = client.get(reverse("admin:datasets_answerkey_add")).content.decode()
    assert str(world.development.pk) not in form


def test_an_answer_key_cannot_be_put_into_the_phase_of_another_challenge(world, client):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tests.factories import answer_key_csv

    client.force_login(world.other_organiser)
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("k.csv", answer_key_csv())}
    response = client.post(reverse("admin:datasets_answerkey_add"), data)
    assert response.status_code == 200
    assert "valid choice" in response.content.decode()
    assert world.development.answer_keys.count() == 1


def test_submissions_can_be_read_but_not_changed(world, client):
    submission = world.scored()
    client.force_login(world.organiser)
    url = reverse("admin:submissions_submission_change", args=[submission.pk])
    page = client.get(url).content.decode()
    assert "scored with key 1" in page
    assert client.post(url, {"status": "queued"}).status_code == 403
    assert client.get(reverse("admin:submissions_submission_add")).status_code == 403
    delete = reverse("admin:submissions_submission_delete", args=[submission.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403


def test_a_phase_with_submissions_cannot_be_deleted(world, client):
    world.submit()
    client.force_login(world.organiser)
    assert client.post(reverse("admin:contests_phase_delete", args=[world.development.pk])).status_code == 403
    assert Phase.objects.filter(pk=world.development.pk).exists()


def test_a_taken_name_or_slug_is_a_message_and_not_an_error_page(world, client):
    client.force_login(world.organiser)
    form = {"name": "rivals", "registrations-TOTAL_FORMS": "0", "registrations-INITIAL_FORMS": "0"}
    page = client.post(reverse("admin:contests_team_change", args=[world.team.pk]), form).content.decode()
    assert "no other team" in page
    change = reverse("admin:contests_challenge_change", args=[world.challenge.pk])
    fields = {**CHALLENGE, "slug": "iqa", "organisers": [str(world.organiser.pk)], **PHASE}
    assert "has a phase with this slug" in client.post(change, fields).content.decode()
    twice = {name.replace("-0-", "-1-"): value for name, value in PHASE.items() if "-0-" in name}
    page = client.post(
        change, {**fields, **twice, "phases-TOTAL_FORMS": "2", "phases-0-slug": "a", "phases-1-slug": "a"}
    )
    assert "duplicate" in page.content.decode()
    assert world.challenge.phases.count() == 2


def test_filters_do_not_name_the_challenges_of_others(world, client):
    Challenge.objects.create(slug="secret", title="Secret plans", summary="x")
    world.submit()
    client.force_login(world.organiser)
    for name in ("submissions_submission", "contests_team", "datasets_datafile"):
        page = client.get(reverse(f"admin:{name}_changelist")).content.decode()
        assert "Secret plans" not in page
        assert "Another challenge" not in page


def test_formula_and_key_do_not_change_under_scores(world, client):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from challenge.datasets.key_check import check
    from challenge.datasets.models import AnswerKey
    from tests.factories import answer_key_csv

    world.scored()
    client.force_login(world.organiser)
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("k.csv", answer_key_csv())}
    page = client.post(reverse("admin:datasets_answerkey_add"), data, follow=True).content.decode()
    assert "/c/iqa/development/rescoring/" in page
    new = AnswerKey.objects.get(phase=world.development, version=2)
    check(new.pk)
    new.refresh_from_db()
    assert (new.check_run.state, new.is_current) == ("done", False)
    world.development.formula = "srocc"
    with pytest.raises(ValidationError, match="another formula"):
        world.development.full_clean()


def test_the_admin_login_has_the_limits_of_the_login(world, client):
    assert client.get("/admin/login/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")


def posted(form):
    """What a browser sends for an admin form that nobody touched."""
    sent: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if isinstance(field.field, forms.SplitDateTimeField):
            sent |= (
                {f"{field.html_name}_0": f"{value:%Y-%m-%d}", f"{field.html_name}_1": f"{value:%H:%M:%S}"}
                if value
                else {}
            )
        elif value not in (None, False):
            sent[field.html_name] = "on" if value is True else value
    return sent


def test_a_phase_that_runs_is_edited_but_its_deadline_is_not(world, client):
    client.force_login(world.organiser)
    url = reverse("admin:contests_phase_change", args=[world.development.pk])
    sent = posted(client.get(url).context["adminform"].form) | {"title": "Validation"}
    assert client.post(url, sent).status_code == 302  # although the form drops fractions of a second
    world.development.refresh_from_db()
    assert world.development.title == "Validation"
    response = client.post(url, sent | {"closes_at_0": "2090-01-01"})
    assert "tells the participants and keeps a record" in response.content.decode()


def test_a_gate_is_offered_among_the_phases_of_the_challenge_only(world, client):
    from tests.factories import make_phase

    elsewhere = make_phase(Challenge.objects.get(slug="other"), "elsewhere")
    client.force_login(world.admin)
    page = client.get(reverse("admin:contests_challenge_change", args=[world.challenge.pk])).content.decode()
    assert str(world.development.pk) in page
    assert str(elsewhere.pk) not in page
