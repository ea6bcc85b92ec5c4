"""Preparing a study: images without metadata, lists with every fault by line, groups, links, consent versions."""

import io
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from challenge.accounts.erasure import erase_account
from challenge.accounts.export import describe
from challenge.study import rating, setup
from challenge.study.image_list import InvalidList, files_in_zip
from challenge.study.models import Study, StudyImage, Subject
from challenge.study.png import NotAPicture, strip_png
from tests.factories import make_subject
from tests.study.studies import SECRET, add_pictures, chunk, entered, invited, listed, make_study, png, stored, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(world):
    study = Study(challenge=world.challenge, title="Draft", consent_text="Yes", session_images=4)
    setup.save_study(study, [], world.organiser)
    return study


def faults(study, rows, files) -> list[str]:
    with pytest.raises(InvalidList) as caught:
        setup.add_images(study, listed(rows), files_in_zip(io.BytesIO(zipped(files))), None)
    assert not study.images.exists()
    return [problem.message for problem in caught.value.report.problems]


def test_a_picture_keeps_its_pixels_and_colours_and_loses_everything_else():
    profile = chunk(b"iCCP", b"name of a model\0\0" + b"profile")
    content = png(extra=chunk(b"gAMA", b"\0\0\xb1\x8f") + profile + chunk(b"tIME", b"1234567")) + b"trailing " + SECRET
    picture = strip_png(content)
    assert (picture.width, picture.height) == (24, 16)
    assert SECRET not in picture.content
    assert b"name of a model" not in picture.content
    assert b"gAMA" in picture.content
    pixels = content[content.index(b"IDAT") : content.index(b"IEND")]
    assert pixels in picture.content
    assert strip_png(picture.content) == picture


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff\xe0 a JPEG", "no PNG"),
        (png()[:-20], "ends in the middle"),
        (png().replace(b"parameters", b"parametres"), "checksum"),
        (png(width=9000, height=1), "at most 8192"),
        (png().replace(chunk(b"IEND", b""), b"")[: png().index(b"IDAT") - 4] + chunk(b"IEND", b""), "too few"),
    ],
)
def test_what_is_no_whole_png_is_refused_with_the_reason(content, words):
    with pytest.raises(NotAPicture, match=words):
        strip_png(content)


def test_images_are_stored_without_their_metadata_under_names_that_tell_nothing(draft):
    add_pictures(draft, [{"name": "SDXL_0001.png", "prompt": "a cat, sitting", "group": 3}])
    image = draft.images.get()
    assert SECRET not in stored(image.file)
    assert "SDXL" not in image.file.name
    assert (image.prompt, image.group, image.width) == ("a cat, sitting", 3, 24)


def test_every_fault_of_a_list_is_told_by_line_and_nothing_is_added(draft):
    columns = ("name", "prompt", "group", "role", "low", "high")
    good = dict.fromkeys(columns, "")
    rows = [
        {**good, "name": "a.png"},
        {**good, "name": "missing.png"},
        {**good, "name": "a.png"},
        {**good, "name": "b.png", "group": "-1"},
        {**good, "name": "b.png", "role": "best"},
        {**good, "name": "b.png", "role": "gold", "low": "4"},
        {**good, "name": "b.png", "low": "4"},
        {**good, "name": "c.png"},
    ]
    files = {"a.png": png(), "x/b.png": png(), "x/c.png": png(), "y/c.png": png()}
    found = faults(draft, rows, files)
    assert [message.partition(":")[0] for message in found] == [f"line {n}" for n in range(3, 10)]
    for message, words in zip(
        found,
        ("not among", "on line 2", "group", "no role", "needs the range", "only gold", "more than once"),
        strict=True,
    ):
        assert words in message


def test_a_picture_that_is_none_is_told_by_its_line_and_leaves_no_file(draft):
    found = faults(draft, [{"name": "a.png"}, {"name": "b.png"}], {"a.png": png(), "b.png": b"GIF89a"})
    assert found == ["line 3: 'b.png' is no PNG file. Convert it to PNG, which keeps every pixel"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"image,prompt\na.png,x\n", "no_header"),
        (b"name,colour\na.png,x\n", "unknown_column"),
        (b'name,prompt\na.png,"x\n', "bad_quotes"),
        (b"name,prompt\na.png\n", "columns"),
        (b"name\n", "empty_file"),
    ],
)
def test_a_list_that_is_no_table_is_refused(draft, content, code):
    with pytest.raises(InvalidList) as caught:
        setup.add_images(draft, content, files_in_zip(io.BytesIO(zipped({"a.png": png()}))), None)
    assert code in {problem.code for problem in caught.value.report.problems}


def test_opening_deals_the_images_without_a_group_and_fixes_the_set(world, draft):
    add_pictures(draft, [{"name": "given.png", "group": 5}])
    add_pictures(draft, [{"name": f"{n}.png", "group": ""} for n in range(10)])
    setup.open_study(draft, world.organiser)
    groups = list(draft.images.order_by("group").values_list("group", flat=True))
    assert groups == [5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8]
    with pytest.raises(setup.ChangeRefused, match="fixed"):
        add_pictures(draft, [{"name": "late.png"}])
    draft.refresh_from_db()
    draft.scale_high = 9
    with pytest.raises(setup.ChangeRefused, match="scale"):
        setup.save_study(draft, [], world.organiser)


def test_a_study_without_images_does_not_open(world, draft):
    with pytest.raises(setup.ChangeRefused, match="images"):
        setup.open_study(draft, world.organiser)


def test_links_are_stored_hashed_and_a_new_one_puts_the_old_one_out(world):
    study = make_study(world.challenge, world.organiser)
    subject, token = invited(study, world.organiser)
    assert token not in str(list(Subject.objects.values()))
    old = entered(token)
    assert old.get(f"/rate/{study.pk}/").status_code == 200
    renewed = setup.renew_link(subject, world.organiser)
    assert old.get(f"/rate/{study.pk}/").status_code == 404
    assert old.get(f"/rate/invitation/{token}/").status_code == 404
    assert entered(renewed).get(f"/rate/{study.pk}/").status_code == 200


def test_a_changed_consent_text_is_asked_for_again(world):
    study = make_study(world.challenge, world.organiser)
    subject, _ = invited(study, world.organiser)
    study.consent_text = "I agree to something else."
    setup.save_study(study, study.questionnaire, world.organiser)
    subject.refresh_from_db()
    assert rating.owes_consent(subject)
    with pytest.raises(rating.NotNow, match="consent_first"):
        rating.start_session(subject)


def test_the_pages_take_a_study_from_nothing_to_open(client, world):
    client.force_login(world.organiser)
    fields = {
        **{"title": "Pages", "languages": "en", "scale_low": 0, "scale_high": 5, "step": "0.1", "seed": 0},
        **{"session_images": 2, "session_minutes": 30, "rest_minutes": 30, "sessions_per_day": 4, "warm_ups": 0},
        **{"repeats": 0, "golds": 0, "consent_text": "Yes", "questions": "Age: young; old\nProfession"},
        **{"display_check": "off", "acuity_check": "record", "colour_check": "pass"},
        **{"viewing_distance": 60, "training_images": 10},
    }
    wrong = client.post("/c/iqa/studies/new/", fields | {"scale_low": 7, "questions": ": a; b"})
    assert wrong.status_code == 422
    assert b"lies above the lowest" in wrong.content
    assert b"has choices but no question" in wrong.content
    page = client.post("/c/iqa/studies/new/", fields).headers["Location"]
    study = Study.objects.get()
    assert study.questionnaire == [
        {"label": "Age", "choices": ["young", "old"]},
        {"label": "Profession", "choices": []},
    ]
    sent = {
        "list": SimpleUploadedFile("l.csv", listed([{"name": "a.png", "group": 0}, {"name": "b.png", "group": "x"}])),
        "archive": SimpleUploadedFile("i.zip", zipped({"a.png": png(), "b.png": png()})),
    }
    refused = client.post(page + "images/", sent)
    assert refused.status_code == 422
    assert b"line 3" in refused.content.lower()
    sent = {
        "list": SimpleUploadedFile("l.csv", listed([{"name": "a.png"}, {"name": "b.png"}])),
        "archive": SimpleUploadedFile("i.zip", zipped({"a.png": png(), "b.png": png()})),
    }
    assert client.post(page + "images/", sent).status_code == 302
    assert client.post(page + "images/", {"list": SimpleUploadedFile("l.csv", b"x")}).status_code == 422
    assert client.get(page + "preview/").status_code == 200
    state = client.get(page + "preview/state.json").json()
    image = StudyImage.objects.get(pk=state["trials"][0]["id"])
    assert b"".join(client.get(f"{page}preview/{image.pk}.png")) == stored(image.file)
    assert client.post(page + "state/", {"do": "open"}).status_code == 302
    shown = client.post(page + "subjects/", {"count": 2})
    assert shown.content.count(b"/rate/invitation/") == 2
    assert b"/rate/invitation/" not in client.get(page + "subjects/").content
    assert shown.headers["Cache-Control"] == "no-store"
    assert client.post(page + "state/", {"do": "close"}).status_code == 302
    assert [event.action for event in study.events.order_by("pk")] == [
        "created",
        "images",
        "opened",
        "invited",
        "closed",
    ]


def test_the_command_adds_a_folder_or_says_what_is_wrong(draft, tmp_path, capsys):
    (tmp_path / "set").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "set" / name).write_bytes(png())
    names = tmp_path / "list.csv"
    names.write_bytes(listed([{"name": "a.png"}, {"name": "c.png"}]))
    with pytest.raises(CommandError, match="Nothing was added"):
        call_command("add_study_images", str(draft.pk), str(names), str(tmp_path / "set"))
    assert "line 3" in capsys.readouterr().err
    names.write_bytes(listed([{"name": "a.png"}, {"name": "set/b.png"}]))
    call_command("add_study_images", str(draft.pk), str(names), str(tmp_path))
    assert sorted(draft.images.values_list("name", flat=True)) == ["a.png", "set/b.png"]
    for wrong in (
        (uuid.uuid4(), names, tmp_path),
        (draft.pk, names, tmp_path / "none"),
        (draft.pk, tmp_path / "none", tmp_path),
    ):
        with pytest.raises(CommandError):
            call_command("add_study_images", *map(str, wrong))


def test_erasing_an_account_unties_its_subject_and_the_export_has_it(world):
    user = make_subject(world)
    study = make_study(world.challenge, world.organiser)
    subject, _ = setup.invite(study, 1, world.organiser)[0]
    rating.consent(subject, "en", [{"question": "Age", "answer": "under 30"}], user)
    assert describe(user, [])["studies"][0]["number"] == 1
    erase_account(user)
    subject.refresh_from_db()
    assert (subject.user, subject.answers) == (None, [])
