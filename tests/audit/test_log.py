"""The audit log: every privileged act leaves one row, rows stay as they are, and hold nothing hidden."""

import datetime
import json
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from challenge.accounts.erasure import erase_account
from challenge.audit.models import Act, AuditEntry, LogIsAppendOnly
from challenge.audit.services import record
from challenge.contests import registrations
from challenge.contests.deadlines import ChangeRefused, change_deadline, freeze_board
from challenge.contests.models import Challenge, Registration
from challenge.contests.setup import create_from_file, export
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file
from challenge.jobs import services as jobs
from challenge.rescorings import services as rescorings
from challenge.submissions.intake import Method, receive_reference
from challenge.teams import mergers
from challenge.teams import services as teams
from tests.factories import answer_key_csv, hidden_mos, make_pending, new_answer_key, prediction_csv, upload
from tests.jobs.made import make_job


def acts(**conditions):
    """What was written down since the world was made, oldest first."""
    rows = AuditEntry.objects.filter(actor__isnull=False, **conditions).order_by("pk")
    return [Act(row.act) for row in rows]


def newest(act):
    return AuditEntry.objects.filter(act=act).latest("pk")


def test_what_organisers_decide_about_people_is_written_down(world):
    pending, organiser = make_pending(world), world.organiser
    registration = Registration.objects.get(user=pending)
    registrations.decide(registration, accept=True, actor=organiser, reason="known to us")
    registrations.decide(registration, accept=False, actor=organiser)
    registrations.let_apply_again(registration, actor=organiser)
    registrations.add_organiser(world.challenge, "outsider", actor=organiser)
    registrations.remove_organiser(world.challenge, world.outsider, actor=organiser)
    assert acts(challenge=world.challenge, actor=organiser) == [
        *(Act.REGISTRATION_ACCEPTED, Act.REGISTRATION_REJECTED, Act.REGISTRATION_REOPENED),
        *(Act.ORGANISER_ADDED, Act.ORGANISER_REMOVED),
    ]
    accepted = newest(Act.REGISTRATION_ACCEPTED)
    assert (accepted.person, accepted.reason) == (pending, "known to us")
    assert (accepted.before, accepted.after) == ({"status": "pending"}, {"status": "accepted"})


def test_a_moved_deadline_and_a_freeze_keep_the_moments_before_and_after(world):
    phase = world.development
    before, after = phase.closes_at, phase.closes_at + datetime.timedelta(days=1)
    change_deadline(phase=phase, closes_at=after, reason="The server was down.", actor=world.organiser)
    freeze_board(phase=phase, frozen_at=timezone.now(), actor=world.organiser)
    assert acts() == [Act.DEADLINE, Act.FREEZE]
    entry = newest(Act.DEADLINE)
    assert entry.reason == "The server was down."
    moments = [datetime.datetime.fromisoformat(values["closes_at"]) for values in (entry.before, entry.after)]
    assert [abs(a - b) < datetime.timedelta(milliseconds=1) for a, b in zip(moments, (before, after), strict=True)]


def test_what_is_refused_leaves_no_entry(world):
    with pytest.raises(ChangeRefused):
        change_deadline(phase=world.development, closes_at=timezone.now(), reason="", actor=world.organiser)
    assert acts() == []


def test_keys_rescorings_and_reference_rows_are_written_down_without_any_hidden_value(world, rung):
    phase, organiser = world.development, world.organiser
    world.scored()
    key = new_answer_key(phase, answer_key_csv().replace(b"alpha", b"delta"), actor=organiser)
    options = {"phase": phase, "answer_key": key, "formula": "srocc", "reason": "labels", "actor": organiser}
    rescorings.discard(rescorings.start(**options), organiser)
    rescoring = rescorings.start(**options)
    from challenge.rescorings.rescoring_run import rescore

    rescore(rescoring.pk)
    rescorings.publish(rescoring, organiser)
    receive_reference(phase=phase, upload=upload(prediction_csv(2.0)), method=Method(name="NIQE"), actor=organiser)
    assert acts() == [
        *(Act.KEY_UPLOADED, Act.RESCORING_STARTED, Act.RESCORING_DISCARDED, Act.RESCORING_STARTED),
        *(Act.KEY_IN_FORCE, Act.RESCORING_PUBLISHED, Act.REFERENCE_ROW),
    ]
    in_force = newest(Act.KEY_IN_FORCE)
    assert (in_force.before, in_force.after) == ({"version": 1}, {"version": 2})
    log = json.dumps(list(AuditEntry.objects.values_list("name", "reason", "before", "after")))
    assert not [mos for mos in hidden_mos().values() if str(mos) in log]


def test_teams_changed_by_organisers_are_written_down_but_not_what_teams_do_themselves(world):
    teams.rename(world.team, "Kings", actor=world.alice)
    assert acts() == []
    teams.rename(world.team, "Queens", actor=world.organiser)
    teams.remove_member(Registration.objects.get(user=world.bob), actor=world.organiser)
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    mergers.agree(merger, actor=world.mallory)
    mergers.confirm(merger, actor=world.organiser)
    assert acts() == [Act.TEAM_RENAMED, Act.MEMBER_REMOVED, Act.TEAMS_MERGED]
    assert newest(Act.TEAM_RENAMED).after == {"name": "Queens"}
    assert newest(Act.TEAMS_MERGED).after == {"team": "Queens", "merged": "Rivals"}


def test_a_challenge_from_a_file_is_written_down(world):
    made = create_from_file(export(world.challenge), world.organiser, slug="clone")
    assert acts(challenge=made) == [Act.CHALLENGE_MADE]


def test_jobs_are_written_down_for_administrators(world):
    job = make_job(world.admin, "paused")
    before = len(acts())
    jobs.resume(job, world.admin)
    jobs.pause(job, world.admin)
    jobs.delete(job, world.admin)
    assert acts(challenge=None)[before:] == [Act.JOB, Act.JOB, Act.JOB_DELETED]
    assert newest(Act.JOB).after == {"state": "paused"}


def test_settings_changed_in_the_administration_keep_both_values(client, world):
    client.force_login(world.organiser)
    page = f"/admin/contests/phase/{world.development.pk}/change/"
    form = client.get(page).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None}
    for name in ("opens_at", "closes_at"):
        moment = data.pop(name)
        data |= {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}
    data |= {"daily_quota": 7, "formula": "srocc"}
    response = client.post(page, {name: value for name, value in data.items() if value is not False})
    assert response.status_code == 302, response.context["adminform"].form.errors
    entry = newest(Act.SETTINGS_CHANGED)
    assert (entry.actor, entry.challenge) == (world.organiser, world.challenge)
    assert entry.before["daily_quota"] == 5
    assert entry.before["formula"] == "(srocc + plcc) / 2"
    assert (entry.after["daily_quota"], entry.after["formula"]) == (7, "srocc")


def test_a_quota_changed_inline_on_the_challenges_page_and_its_allow_list(client, world):
    client.force_login(world.organiser)
    page = f"/admin/contests/challenge/{world.challenge.pk}/change/"
    response = client.get(page)
    data: dict[str, object] = {}
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    for form in forms:
        for bound in form:
            value = bound.value()
            widget = bound.field.widget
            if hasattr(widget, "decompress"):
                parts = widget.decompress(value)
                data |= {f"{bound.html_name}_{i}": part for i, part in enumerate(parts) if part is not None}
            elif value is not None and value is not False:
                data[bound.html_name] = value
    data["allow_list"] = "anna@example.org"
    data["phases-0-daily_quota"] = "2"
    assert client.post(page, data).status_code == 302
    rows = {row.kind: row for row in AuditEntry.objects.filter(act=Act.SETTINGS_CHANGED)}
    assert (rows["phase"].before, rows["phase"].after) == ({"daily_quota": 5}, {"daily_quota": 2})
    assert rows["phase"].challenge == world.challenge
    assert set(rows["challenge"].after) == {"allow_list"}
    assert "anna" not in json.dumps(rows["challenge"].after)  # addresses are personal data


def test_what_is_deleted_in_the_administration_is_written_down_once(client, world):
    file = add_data_file(
        data_file=DataFile(challenge=world.challenge, title="Train", file_name="t.csv"), content=ContentFile(b"x")
    )
    client.force_login(world.organiser)
    client.post(f"/admin/datasets/datafile/{file.pk}/delete/", {"post": "yes"})
    assert not DataFile.objects.exists()
    assert acts() == [Act.SETTINGS_DELETED]
    assert newest(Act.SETTINGS_DELETED).challenge == world.challenge


def test_rights_given_to_an_account_are_kept_but_no_name_and_no_password(client, world):
    client.force_login(world.admin)
    user = world.outsider
    client.post(
        f"/admin/accounts/user/{user.pk}/change/",
        {
            **{"username": "outsider", "first_name": "Olga", "email": user.email, "is_active": "on", "is_staff": "on"},
            **{"date_joined_0": f"{user.date_joined:%Y-%m-%d}", "date_joined_1": f"{user.date_joined:%H:%M:%S}"},
        },
    )
    entry = newest(Act.SETTINGS_CHANGED)
    assert entry.person == user
    assert (entry.before["is_staff"], entry.after["is_staff"]) == (False, True)
    password = "another horse battery staple"
    client.post(f"/admin/accounts/user/{user.pk}/password/", {"password1": password, "password2": password})
    assert newest(Act.SETTINGS_CHANGED).pk > entry.pk
    log = json.dumps(list(AuditEntry.objects.values_list("name", "before", "after")))
    assert not [word for word in ("outsider", "Olga", password) if word in log]


def test_erasing_an_account_takes_words_about_it_out_and_leaves_the_acts(world):
    registration = Registration.objects.get(user=world.mallory)
    registrations.decide(registration, accept=False, actor=world.organiser, reason="Mallory M. copies.")
    erase_account(world.mallory)
    entry = newest(Act.REGISTRATION_REJECTED)
    assert entry.reason == ""
    assert entry.person.username.startswith("erased-")
    assert newest(Act.ACCOUNT_ERASED).person == entry.person


def test_rows_are_only_ever_added(world):
    entry = record(world.admin, Act.FREEZE, world.development)
    entry.reason = "another"
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(LogIsAppendOnly):
            change()
    with pytest.raises(LogIsAppendOnly):
        AuditEntry.objects.filter(pk=entry.pk).update(reason="another")
    assert AuditEntry.objects.get(pk=entry.pk).reason == ""


def test_the_log_outlives_the_challenge(world):
    other = Challenge.objects.get(slug="other")
    entry = record(world.admin, Act.FREEZE, other, challenge=other)
    other.delete()
    entry.refresh_from_db()
    assert (entry.challenge, entry.name) == (None, "Another challenge")


def test_an_entry_without_the_transaction_of_its_act_is_a_fault(world, monkeypatch):
    monkeypatch.setattr("challenge.audit.services.connection", SimpleNamespace(in_atomic_block=False))
    with pytest.raises(RuntimeError, match="transaction of the act"):
        record(world.admin, Act.FREEZE, world.development)


def test_an_act_that_is_rolled_back_leaves_no_entry(world, monkeypatch):
    monkeypatch.setattr("challenge.contests.registrations._tell_decision", lambda *_: 1 / 0)
    registration = Registration.objects.get(user=world.mallory)
    with pytest.raises(ZeroDivisionError):
        registrations.decide(registration, accept=False, actor=world.organiser)
    assert acts() == []


def test_organisers_read_the_log_of_their_challenge_by_act_and_person(client, world):
    registrations.decide(Registration.objects.get(user=world.mallory), accept=False, actor=world.organiser)
    freeze_board(phase=world.development, frozen_at=timezone.now(), actor=world.admin)
    other = Challenge.objects.get(slug="other")
    record(world.admin, Act.FREEZE, other, challenge=other, reason="not theirs")
    client.force_login(world.organiser)

    def shown(query):
        return {row.act for row in client.get(f"/c/iqa/desk/log/?{query}").context["page"].object_list}

    assert shown("") >= {"registration_rejected", "freeze", "key_uploaded"}
    assert shown("act=freeze") == {"freeze"}
    assert shown("q=mallory") == {"registration_rejected"}
    assert b"not theirs" not in client.get("/c/iqa/desk/log/").content
    assert b"not theirs" not in client.get("/c/iqa/desk/log.csv").content
    client.force_login(world.admin)
    assert b"not theirs" in client.get("/log/").content


def test_the_csv_of_the_log_runs_no_formula(client, world):
    record(world.admin, Act.FREEZE, world.development, challenge=world.challenge, reason='=HYPERLINK("x")')
    client.force_login(world.organiser)
    text = client.get("/c/iqa/desk/log.csv?act=freeze").content.decode()
    assert text.splitlines()[0].startswith("at,actor,act,")
    assert "'=HYPERLINK" in text
