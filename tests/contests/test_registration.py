"""Who is let in: modes, allow-list, questions, the organisers' decisions, and what those who wait may not do."""

import csv
import io

import pytest
from allauth.account.models import EmailAddress
from django.core.files.base import ContentFile

from challenge.accounts.services import create_token
from challenge.contests.access import application_of, registration_of
from challenge.contests.admission import JoinRefused, is_on_allow_list
from challenge.contests.models import Challenge, Registration
from challenge.contests.records import RegistrationEvent, RegistrationQuestion
from challenge.contests.registrations import (
    NotPossible,
    add_organiser,
    decide,
    find_person,
    let_apply_again,
    remove_organiser,
)
from challenge.contests.services import join_challenge
from challenge.datasets.access import downloadable_file
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file
from challenge.notices.models import Notice
from challenge.submissions.intake import SubmissionRefused
from tests.factories import make_pending, make_subject, make_user, prediction_csv, upload

Mode = Challenge.RegistrationMode


def may_download(user) -> bool:
    """Whether the user may have any data file."""
    return any(downloadable_file(user, pk) for pk in DataFile.objects.values_list("pk", flat=True))


def set_up(world, **fields) -> Challenge:
    for name, value in fields.items():
        setattr(world.challenge, name, value)
    world.challenge.save()
    challenge: Challenge = world.challenge
    return challenge


def join(world, user, **fields) -> Registration:
    arguments = {"team_name": f"Team {user}", "accepts_terms": True, **fields}
    return join_challenge(user=user, challenge=world.challenge, **arguments)


@pytest.mark.parametrize(
    ("entry", "listed"),
    [
        ("outsider@example.org", True),
        ("OUTSIDER@Example.org", True),
        ("example.org", True),
        ("@example.org", True),
        ("org", True),
        ("other.example.org", False),
        ("ample.org", False),
        ("sider@example.org", False),
        ("", False),
    ],
)
def test_the_allow_list_has_addresses_and_domains(world, entry, listed):
    challenge = set_up(world, allow_list=f"someone@else.net\n  {entry}  \n")
    assert is_on_allow_list(world.outsider, challenge) is listed


def test_an_address_that_is_not_confirmed_opens_nothing(world):
    challenge = set_up(world, registration_mode=Mode.ALLOW_LIST, allow_list="uni.example")
    EmailAddress.objects.create(user=world.outsider, email="me@uni.example", verified=False)
    with pytest.raises(JoinRefused, match="confirmed address"):
        join(world, world.outsider)
    EmailAddress.objects.filter(email="me@uni.example").update(verified=True)
    assert join(world, world.outsider).status == "accepted"
    assert challenge.registrations.filter(user=world.outsider).count() == 1


@pytest.mark.parametrize(
    ("mode", "allow_list", "status"),
    [(Mode.OPEN, "", "accepted"), (Mode.APPROVAL, "", "pending"), (Mode.APPROVAL, "example.org", "accepted")],
)
def test_the_mode_decides_what_a_registration_is(world, mode, allow_list, status):
    set_up(world, registration_mode=mode, allow_list=allow_list)
    registration = join(world, world.outsider)
    assert registration.status == status
    event = registration.events.get()
    assert (event.actor, event.from_status, event.to_status) == (world.outsider, "", status)


def test_who_waits_sees_what_everybody_sees_and_no_more(world, client):
    pending = make_pending(world)
    kept = DataFile(challenge=world.challenge, title="Train", file_name="t.csv")
    add_data_file(data_file=kept, content=ContentFile(b"x"))
    assert registration_of(pending, world.challenge) is None
    assert application_of(pending, world.challenge) is not None
    assert not may_download(pending)
    with pytest.raises(SubmissionRefused, match="waiting for the organisers") as caught:
        world.submit(pending)
    assert caught.value.code == "not_accepted"
    client.force_login(pending)
    assert "Waiting for the organisers" in client.get("/c/iqa/join/").content.decode()
    assert "Waiting for the organisers" in client.get("/c/iqa/data/").content.decode()
    text = create_token(user=pending, name="t", scopes=["submit"])[1]
    answer = client.post(
        f"/api/v1/phases/{world.development.pk}/submissions",
        {"file": upload(prediction_csv())},
        headers={"authorization": f"Bearer {text}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "not_accepted")


def test_accepting_gives_rights_and_a_mail_rejecting_takes_them(world):
    pending = make_pending(world)
    registration = pending.registrations.get()
    assert decide(registration, accept=True, actor=world.organiser, reason="Welcome")
    assert not decide(registration, accept=True, actor=world.organiser)
    assert world.submit(pending).status == "queued"
    assert "Welcome" in Notice.objects.get(user=pending).text
    assert decide(registration, accept=False, actor=world.organiser, reason="Two accounts")
    assert registration_of(pending, world.challenge) is None
    with pytest.raises(SubmissionRefused, match="rejected"):
        world.submit(pending)
    with pytest.raises(JoinRefused, match="rejected"):
        join(world, pending)
    steps = registration.events.values_list("from_status", "to_status", "actor__username")
    assert list(steps) == [
        ("", "pending", "pending"),
        ("pending", "accepted", "organiser"),
        ("accepted", "rejected", "organiser"),
    ]


def test_a_rejected_team_mate_frees_the_place_and_comes_back_only_into_a_free_one(world):
    set_up(world, max_team_size=2)
    registration = world.bob.registrations.get()
    decide(registration, accept=False, actor=world.organiser)
    join(world, world.outsider, invitation=world.team.invitation)
    with pytest.raises(NotPossible, match="full"):
        decide(registration, accept=True, actor=world.organiser)
    assert let_apply_again(registration, actor=world.organiser)
    assert join(world, world.bob).team.name == "Team bob"
    assert Registration.objects.filter(user=world.bob).count() == 1


def test_a_team_whose_leader_is_rejected_gets_another_one(world):
    decide(world.alice.registrations.get(), accept=False, actor=world.organiser)
    world.team.refresh_from_db()
    assert world.team.leader == world.bob


def ask(world, text, **fields) -> RegistrationQuestion:
    return RegistrationQuestion.objects.create(challenge=world.challenge, text=text, **fields)


def test_answers_are_stored_with_the_question_as_it_was_asked(world, client):
    ask(world, "Institution", position=1)
    pick = ask(world, "Track", kind="choice", choices="Image\nVideo", position=2)
    ask(world, "I am a student", kind="checkbox", required=False, position=3)
    names = [f"question_{pk}" for pk in RegistrationQuestion.objects.values_list("pk", flat=True)]
    client.force_login(world.outsider)
    page = client.get("/c/iqa/join/").content.decode()
    assert all(f'name="{name}"' in page for name in names)
    given = {"team_name": "New", "accepts_terms": "on", names[0]: "TU Wien", names[1]: "Video"}
    assert client.post("/c/iqa/join/", given).status_code == 302
    pick.text = "Another question"
    pick.save()
    assert world.outsider.registrations.get().answers == [
        {"question": "Institution", "answer": "TU Wien"},
        {"question": "Track", "answer": "Video"},
        {"question": "I am a student", "answer": "no"},
    ]


@pytest.mark.parametrize("answer", ["", "  \u200b ", "Audio"])
def test_a_missing_or_impossible_answer_is_refused_at_its_field(world, answer):
    question = ask(world, "Track", kind="choice", choices="Image\nVideo")
    field = f"question_{question.pk}"
    with pytest.raises(JoinRefused) as caught:
        join(world, world.outsider, answers={field: answer})
    assert caught.value.field == field
    assert not world.outsider.registrations.exists()


def test_changed_terms_are_asked_for_before_data_and_submitting(world, client):
    kept = DataFile(challenge=world.challenge, title="Train", file_name="t.csv")
    add_data_file(data_file=kept, content=ContentFile(b"x"))
    assert may_download(world.alice)
    set_up(world, terms_version=2)
    assert not may_download(world.alice)
    assert may_download(world.organiser)
    with pytest.raises(SubmissionRefused) as caught:
        world.submit()
    assert caught.value.code == "terms_changed"
    client.force_login(world.alice)
    assert client.get("/c/iqa/development/submit/").url == "/c/iqa/terms/"
    assert "terms have changed" in client.get("/c/iqa/").content.decode()
    assert client.post("/c/iqa/terms/", {"version": "1"}).status_code == 200  # what was read is not in force any more
    assert client.post("/c/iqa/terms/", {"version": "2"}).status_code == 302
    registration = world.alice.registrations.get()
    assert registration.terms_version == 2
    assert registration.events.last().reason == "terms 2 accepted"
    assert world.submit().status == "queued"
    assert may_download(world.alice)


def test_organisers_decide_on_many_at_once_and_on_their_own_challenge_only(world, client):
    pending = [make_pending(world, f"p{number}") for number in range(3)]
    chosen = [str(user.registrations.get().pk) for user in pending[:2]]
    client.force_login(world.organiser)
    page = client.get("/c/iqa/registrations/?status=pending").content.decode()
    assert all(user.email in page for user in pending)
    assert world.alice.email not in page
    done = client.post("/c/iqa/registrations/", {"chosen": chosen, "decision": "reject", "reason": "Full"})
    assert done.status_code == 302
    assert [user.registrations.get().status for user in pending] == ["rejected", "rejected", "pending"]
    client.force_login(world.other_organiser)
    foreign = {"chosen": [str(pending[2].registrations.get().pk)], "decision": "accept"}
    assert client.post("/c/iqa/registrations/", foreign).status_code == 404
    assert client.post("/c/other/registrations/", foreign).status_code == 422
    assert pending[2].registrations.get().status == "pending"


def test_the_export_has_the_answers_and_runs_no_formula(world, client):
    question = ask(world, "=cmd")
    join(world, world.outsider, team_name="+Team", answers={f"question_{question.pk}": "=1+1"})
    client.force_login(world.organiser)
    text = client.get("/c/iqa/registrations.csv").content.decode()
    header, *rows = csv.reader(io.StringIO(text))
    mine = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == "outsider")
    assert header[-1] == "'=cmd"
    assert (mine["team"], mine["'=cmd"], mine["email"]) == ("'+Team", "'=1+1", "outsider@example.org")


def test_the_last_organiser_is_not_offered_for_removal(world, client):
    client.force_login(world.organiser)
    assert 'name="remove"' not in client.get("/c/iqa/organisers/").content.decode()
    world.challenge.organisers.add(world.outsider)
    assert client.get("/c/iqa/organisers/").content.decode().count('name="remove"') == 2


def test_organisers_are_added_by_name_or_confirmed_address_and_the_last_one_stays(world, client):
    challenge = world.challenge
    EmailAddress.objects.create(user=world.bob, email="victim@uni.example", verified=False)
    assert find_person("victim@uni.example") is None
    assert find_person("OUTSIDER") == find_person("Outsider@Example.org") == world.outsider
    with pytest.raises(NotPossible, match="no account"):
        add_organiser(challenge, "nobody", actor=world.organiser)
    with pytest.raises(NotPossible, match="needs an organiser"):
        remove_organiser(challenge, world.organiser, actor=world.organiser)
    client.force_login(world.organiser)
    assert client.post("/c/iqa/organisers/", {"name": "outsider@example.org"}).status_code == 302
    assert client.post("/c/iqa/organisers/", {"remove": "organiser"}).status_code == 302
    assert client.get("/c/iqa/organisers/").status_code == 404
    assert list(challenge.organisers.all()) == [world.outsider]


def test_a_subject_takes_part_in_nothing_and_organises_nothing(world):
    subject = make_subject(world)
    assert registration_of(subject, world.challenge) is None
    fresh = make_user("fresh", is_subject=True)
    with pytest.raises(JoinRefused, match="rates images"):
        join(world, fresh)
    with pytest.raises(NotPossible, match="rates images"):
        add_organiser(world.challenge, "fresh", actor=world.organiser)
    assert not RegistrationEvent.objects.filter(registration__user=fresh).exists()


def test_a_subject_with_staff_status_manages_nothing_in_the_administration(world, client):
    subject = make_subject(world)
    subject.is_staff = True
    subject.save()
    client.force_login(subject)
    page = client.get(f"/admin/contests/challenge/{world.challenge.pk}/change/")
    assert page.status_code == 302
