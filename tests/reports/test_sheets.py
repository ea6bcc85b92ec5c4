"""A team's fact sheet by the pages: filled in, guarded against lost updates, refused with reasons, submitted."""

import datetime
import hashlib
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from challenge.accounts.erasure import erase_account
from challenge.accounts.export import describe
from challenge.audit.models import Act, AuditEntry
from challenge.reports import services
from challenge.reports.forms import form_data
from challenge.reports.models import Attachment, Author, FactSheet
from challenge.reports.prefill import initial_of
from challenge.submissions.intake import Method
from challenge.teams import mergers
from tests.reports.made import AUTHORS, FACTS, PDF, collect, pdf, save, submitted

PAGE = "/c/iqa/development/fact-sheet/"
METHOD = Method("AceNet", "From the readme.", runtime_s=0.25, device="gpu", extra_data=True)


@pytest.fixture
def open_world(world, client):
    """Alice's team has a scored file, sheets are collected, alice is signed in."""
    world.submission = world.scored(method=METHOD)
    collect(world)
    client.force_login(world.alice)
    return world


def typed(version: int = 0, **changes) -> dict[str, object]:
    """What a browser sends."""
    values = {name: "" if value is None else value for name, value in {**FACTS, **changes}.items()}
    return form_data({**values, "version": version}, changes.get("authors", AUTHORS))


def test_a_new_sheet_begins_with_what_the_readme_said(open_world, client):
    page = client.get(PAGE)
    assert page.context["form"].initial == {
        "team_title": "Aces",
        "method_name": "AceNet",
        "description": "From the readme.",
        "runtime_s": 0.25,
        "device": "GPU",
        "extra_data": True,
        "version": 0,
    }
    assert '<option value="True" selected>Yes</option>' in page.content.decode()
    assert not FactSheet.objects.exists()


@pytest.mark.parametrize(
    ("rule", "told"),
    [({"is_blind": True}, "second"), ({}, "first"), ({"is_blind": True, "board_rule": "last"}, "second")],
)
def test_what_it_begins_with_tells_no_hidden_score(world, rule, told):
    """Of a blind phase with the rule «best», which file counts is a secret: the newest one is taken."""
    world.scored(noise=0.1, method=Method("first"))
    world.scored(noise=2.0, method=Method("second"))
    for name, value in rule.items():
        setattr(world.development, name, value)
    assert initial_of(world.team, world.development)["method_name"] == told


def test_it_is_saved_completed_and_submitted(open_world, client):
    answer = client.post(PAGE, typed(training_data="", authors=AUTHORS[1:]), follow=True)
    text = answer.content.decode()
    assert "Saved as a draft" in text
    assert "<li>the training data</li>" in text
    assert "<li>the e-mail address of one author</li>" in text
    refused = client.post(f"{PAGE}submit/", {"version": 1}, follow=True).content.decode()
    assert "still lacks the training data; the e-mail address of one author" in refused
    confirm = client.post(PAGE, {**typed(version=1), "and": "submit"}, follow=True)
    assert confirm.redirect_chain[-1][0] == f"{PAGE}submit/"
    assert "University of A; Institute B" in confirm.content.decode()
    client.post(f"{PAGE}submit/", {"version": 2})
    sheet = FactSheet.objects.get()
    assert (sheet.status, sheet.version, sheet.saved_by) == ("submitted", 3, open_world.alice)
    assert [author.name for author in sheet.authors.all()] == ["Ada Ace", "Bob Béla"]
    assert sheet.saves.first().what == "submitted"
    # The same again changes nothing; a change makes it a draft.
    client.post(PAGE, typed(version=3))
    assert FactSheet.objects.get().is_submitted
    client.post(PAGE, typed(version=3, device="CPU"))
    assert (FactSheet.objects.get().status, FactSheet.objects.get().submitted_at) == ("draft", None)


def test_a_stale_form_is_told_keeps_what_was_typed_and_may_win(open_world, client):
    save(open_world, open_world.bob, device="Bob's card")
    stale = client.post(PAGE, typed(device="Alice's card"))
    text = stale.content.decode()
    assert stale.status_code == 409
    assert "<strong>Not saved.</strong> bob has saved this sheet" in text
    assert "Alice&#x27;s card" in text
    assert FactSheet.objects.get().device == "Bob's card"
    assert 'name="version" value="1"' in text
    client.post(PAGE, typed(version=1, device="Alice's card"))
    assert FactSheet.objects.get().device == "Alice's card"
    with pytest.raises(services.SheetStale):
        services.submit_sheet(phase=open_world.development, user=open_world.bob, version=1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"runtime_s": "0"}, "more than 0"),
        ({"runtime_s": "nan"}, "Enter a number"),
        ({"parameters_m": "-1"}, "greater than or equal to 0"),
        ({"code_url": "http://example.org/x"}, "begins with https://"),
        ({"code_url": "javascript:alert(1)"}, "begins with https://"),
        ({"reference_year": "24"}, "greater than or equal to 1900"),
        ({"method_name": "x" * 121}, "at most 120"),
        ({"authors": [{"name": "", "affiliation": "Somewhere", "email": ""}]}, "Give the name, or clear the row"),
        ({"authors": [{"name": "A", "affiliation": "", "email": "no address"}]}, "valid email"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(open_world, client, changes, says):
    answer = client.post(PAGE, typed(**changes))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not FactSheet.objects.exists()


def test_invisible_characters_and_empty_rows_are_not_kept(open_world, client):
    rows = [{"name": " ", "affiliation": "", "email": ""}, {"name": "A\u202e  B\x00", "affiliation": "", "email": ""}]
    client.post(PAGE, typed(team_title="Ａces\u200b", description="One\r\n\r\nTwo\x07", authors=rows))
    sheet = FactSheet.objects.get()
    assert (sheet.team_title, sheet.description) == ("Aces", "One\n\nTwo")
    assert list(sheet.authors.values_list("name", flat=True)) == ["A B"]


def test_files_are_private_checked_limited_and_removed(open_world, client, settings):
    settings.MAX_FACT_SHEET_FILES = 2
    settings.MAX_FACT_SHEET_FILE_BYTES = 100
    answer = client.post(PAGE, {**typed(), "attachment": pdf(name="..\\my method.pdf")}, follow=True)
    digest = hashlib.sha256(PDF).hexdigest()
    assert digest in answer.content.decode()
    file = Attachment.objects.get()
    response = client.get(file.get_absolute_url())
    assert b"".join(response.streaming_content) == PDF
    assert response["Content-Disposition"] == 'attachment; filename="my method.pdf"'
    assert (response["X-Content-Type-Options"], response["Content-Type"]) == ("nosniff", "application/octet-stream")
    for other in (open_world.mallory, open_world.outsider, open_world.other_organiser):
        client.force_login(other)
        assert client.get(file.get_absolute_url()).status_code == 404
    client.force_login(open_world.bob)
    for wrong, says in (
        (SimpleUploadedFile("a.exe", b"MZ"), "Attach a PDF or a zip"),
        (SimpleUploadedFile("a.zip", b"%PDF-"), "its content is something else"),
        (pdf(PDF + b"x" * 100), "larger than 0.0001 MB"),
    ):
        refused = client.post(PAGE, {**typed(version=1), "attachment": wrong})
        assert refused.status_code == 422
        assert says in refused.content.decode()
    client.post(PAGE, {**typed(version=1), "attachment": pdf()})  # the same bytes once more: no second file
    assert FactSheet.objects.get().version == 1
    client.post(PAGE, {**typed(version=1), "attachment": pdf(PDF * 2, "more.pdf")})
    full = client.post(PAGE, {**typed(version=2), "attachment": pdf(PDF * 3)})
    assert "at most 2 files" in full.content.decode()
    stored = file.file.storage
    kept = {str(one.file.name) for one in Attachment.objects.all()}
    folder = str(file.file.name).rpartition("/")[0]
    assert {f"{folder}/{name}" for name in stored.listdir(folder)[1]} >= kept
    before = len(stored.listdir(folder)[1])
    client.post(PAGE, {**typed(version=2), "removed": [str(file.pk)], "attachment": pdf(PDF * 3)})
    assert sorted(one.name for one in Attachment.objects.all()) == ["method.pdf", "more.pdf"]
    assert not Attachment.objects.filter(pk=file.pk).exists()
    assert len(stored.listdir(folder)[1]) == before + 1  # the bytes go after the commit, which a test never sees


def test_collecting_ends_by_the_clock_and_by_the_switch(open_world, client):
    save(open_world)
    deadline = timezone.now() - datetime.timedelta(seconds=1)
    collect(open_world, closes_at=deadline, is_open=None)
    assert "Fact sheets of this phase are closed" in client.get(PAGE).content.decode()
    assert "do not collect" in client.post(PAGE, typed(version=1, device="x")).content.decode()
    client.force_login(open_world.organiser)
    report = "/c/iqa/development/report/"
    client.post(report, {"closes_at": deadline.strftime("%Y-%m-%dT%H:%M:%S"), "tolerance": "0.02", "what": "open"})
    collection = services.collection_of(open_world.development)
    assert (collection.takes_sheets, collection.closes_at, collection.tolerance) == (True, None, 0.02)
    client.post(report, {"closes_at": "", "tolerance": "0.02", "what": "close"})
    with pytest.raises(services.SheetRefused, match="do not collect"):
        save(open_world, version=1, device="y")
    acts = AuditEntry.objects.filter(act=Act.FACT_SHEETS)
    assert [entry.after["is_open"] for entry in acts] == [False, True, True, True]
    assert acts.first().before["is_open"] is True


def test_only_teams_with_a_scored_file_in_time_are_asked(open_world, client):
    assert 'href="/c/iqa/development/fact-sheet/"' in client.get("/c/iqa/").content.decode()
    assert "Fact sheet, Development" in client.get("/c/iqa/team/").content.decode()
    client.force_login(open_world.mallory)
    assert "fact-sheet" not in client.get("/c/iqa/").content.decode()
    assert "no scored submission" in client.get(PAGE).content.decode()
    with pytest.raises(services.SheetRefused, match="no scored submission"):
        save(open_world, open_world.mallory)
    assert "do not collect" in client.get("/c/iqa/final/fact-sheet/").content.decode()


def test_the_database_holds_what_the_form_promises(open_world):
    sheet = save(open_world)
    for wrong in ({"runtime_s": 0}, {"code_url": "ftp://x"}, {"status": "submitted"}, {"parameters_m": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            FactSheet.objects.filter(pk=sheet.pk).update(**wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        FactSheet.objects.create(phase=sheet.phase, team=sheet.team)


def test_a_program_reads_changes_and_submits_it(open_world, client):
    from challenge.accounts.services import create_token

    headers = {"authorization": f"Bearer {create_token(user=open_world.alice, name='t', scopes=['read', 'submit'])[1]}"}
    address = f"/api/v1/phases/{open_world.development.pk}/fact-sheet"
    told = client.get(address, headers=headers).json()
    assert (told["status"], told["version"], told["runtime_s"], told["device"]) == ("missing", 0, 0.25, "GPU")

    def put(**body):
        return client.put(address, json.dumps(body), content_type="application/json", headers=headers)

    wrong = put(**{**FACTS, "version": 0, "code_url": "http://x.org", "authors": [{"name": "", "email": "a@b.org"}]})
    assert [error["where"] for error in wrong.json()["errors"]] == ["code_url", "authors.0.name"]
    draft = put(version=0, method_name="AceNet", submits=True)
    assert (draft.status_code, draft.json()["code"]) == (409, "incomplete_sheet")
    assert put(version=0, method_name="Other").json()["code"] == "stale_sheet"
    done = put(**FACTS, version=1, authors=AUTHORS, submits=True).json()
    assert (done["status"], done["missing"], done["authors"]) == ("submitted", [], AUTHORS)
    assert {name: done[name] for name in FACTS} == FACTS


def test_a_merger_brings_the_sheet_along(world):
    for user in (world.alice, world.mallory):
        world.scored(user)
    collect(world)
    sheet = save(world, world.mallory)
    plan = mergers.ask(world.team, "Rivals", actor=world.alice)
    mergers.agree(plan, actor=world.mallory)
    mergers.confirm(plan, actor=world.organiser)
    sheet.refresh_from_db()
    assert sheet.team == world.team


def test_an_erased_account_leaves_no_author_behind(open_world):
    save(open_world, authors=[{**AUTHORS[0], "email": "Alice@example.org"}, AUTHORS[1]])
    told = describe(open_world.alice, [])
    assert [row["name"] for row in told["fact_sheet_authors"]] == ["Ada Ace"]
    assert len(told["fact_sheet_saves"]) == 1
    erase_account(open_world.alice)
    assert [author.name for author in Author.objects.all()] == ["Bob Béla"]
    erase_account(open_world.bob)
    assert not FactSheet.objects.exists()  # nobody is left who could answer for it


def test_a_submitted_sheet_stays_so_whatever_else_happens(open_world):
    sheet = submitted(open_world)
    open_world.scored(noise=0.1)
    sheet.refresh_from_db()
    assert sheet.is_submitted
