"""Answer keys: sealed in the request, versioned, opened by scoring workers only."""

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from nacl.public import PrivateKey

from challenge.datasets import sealing, services
from challenge.datasets.key_check import check
from challenge.datasets.models import AnswerKey, KeyCheck
from challenge.datasets.sealing import SealingError, seal, unseal
from challenge.datasets.services import add_answer_key, current_answer_key, expected_names, open_answer_key
from scoring.answer_key import InvalidAnswerKey
from tests.factories import IMAGES, answer_key_csv, hidden_mos, new_answer_key


def test_what_is_sealed_opens_with_the_private_key_only(settings, tmp_path):
    box = seal(b"secret")
    assert b"secret" not in box
    assert unseal(box) == b"secret"
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = ""
    with pytest.raises(SealingError, match="not set in this process"):
        unseal(box)
    other = tmp_path / "other"
    other.write_bytes(b"x" * 32)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = str(other)
    with pytest.raises(SealingError, match="does not open"):
        unseal(box)
    other.write_bytes(b"short")
    with pytest.raises(SealingError, match="32 bytes"):
        unseal(box)


def test_no_stored_byte_holds_a_hidden_value(world, settings):
    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    stored = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    row = str(AnswerKey.objects.values().get(phase=world.development))
    for mos in hidden_mos().values():
        assert str(mos).encode() not in stored
        assert str(mos) not in row


def test_the_names_are_public_but_not_in_the_order_of_the_key(world):
    """A key sorted by MOS would give its ranking away."""
    lines = answer_key_csv().splitlines()
    by_mos = [lines[0], *sorted(lines[1:], key=lambda line: float(line.split(b",")[1]))]
    key = new_answer_key(world.development, b"\n".join(by_mos))
    assert expected_names(key) == tuple(sorted(IMAGES))


def test_a_worker_reads_values_and_subsets(world):
    table = open_answer_key(current_answer_key(world.development))
    assert dict(zip(table.names, map(float, table.mos), strict=True)) == hidden_mos()
    assert set(table.subsets) == {"generator"}


def test_a_new_version_takes_over_and_the_old_one_stays(world):
    old = current_answer_key(world.development)
    new = new_answer_key(world.development, actor=world.organiser)
    old.refresh_from_db()
    assert (old.version, old.is_current, new.version, new.is_current) == (1, False, 2, True)
    assert current_answer_key(world.development) == new


def test_a_wrong_file_is_refused_by_line_and_changes_nothing(world):
    before = AnswerKey.objects.count()
    with pytest.raises(InvalidAnswerKey, match="2"):
        add_answer_key(phase=world.development, content=b"name,mos\na.png,nan\n", actor=None)
    assert AnswerKey.objects.count() == before
    assert current_answer_key(world.development).version == 1


def test_a_key_that_was_changed_on_disk_is_not_used(world):
    key = current_answer_key(world.development)
    services._table.cache_clear()
    Path(key.sealed.path).write_bytes(sealing.seal(answer_key_csv()))
    with pytest.raises(SealingError, match="not the one that was uploaded"):
        open_answer_key(key)


def test_the_admin_seals_an_upload_and_never_shows_it(world, client):
    client.force_login(world.organiser)
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", answer_key_csv())}
    response = client.post(reverse("admin:datasets_answerkey_add"), data, follow=True)
    assert response.status_code == 200
    key = AnswerKey.objects.get(phase=world.development, version=2)
    assert (key.check_run.state, key.is_current, key.uploaded_by) == ("waiting", False, world.organiser)
    check(key.pk)
    page = client.get(reverse("admin:datasets_answerkey_change", args=[key.pk])).content.decode()
    assert "generator" in page
    assert not any(str(mos) in page for mos in hidden_mos().values())


def test_the_admin_lists_the_errors_of_a_wrong_key(world, client):
    client.force_login(world.organiser)
    data = {
        "phase": str(world.development.pk),
        "upload": SimpleUploadedFile("key.csv", b"name,mos\na.png,1\na.png,2\nb.png,x\n"),
    }
    page = client.post(reverse("admin:datasets_answerkey_add"), data).content.decode()
    assert "line 3" in page.lower()
    assert "line 4" in page.lower()


def test_a_key_has_the_columns_that_the_main_score_needs_or_is_refused(world, client):
    world.development.formula = "auc_bw"
    world.development.save()
    client.force_login(world.organiser)

    def send(content):
        data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", content)}
        return client.post(reverse("admin:datasets_answerkey_add"), data, follow=True).content.decode()

    assert "needs the column mos_std, n_ratings" in send(answer_key_csv())
    lines = answer_key_csv().decode().splitlines()
    wider = [lines[0] + ",mos_std,n_ratings", *(f"{line},0.5,20" for line in lines[1:])]
    assert "needs the column" not in send("\n".join(wider).encode())
    key = AnswerKey.objects.get(phase=world.development, version=2)
    assert (key.subset_columns, key.further_columns) == (["generator"], ["mos_std", "n_ratings"])


def test_a_formula_that_the_key_cannot_serve_is_refused(world):
    world.development.formula = "0.5 * srocc + 0.5 * pair_accuracy_within"
    with pytest.raises(ValidationError, match="lacks the column pair_group"):
        world.development.clean()
    world.development.formula = "0.5 * srocc + 0.5 * pair_accuracy"
    world.development.clean()


# --- the check by a worker --------------------------------------------------------------------------------------------
def changed_key(**mos: str) -> bytes:
    """The usual key with other texts in the place of some MOS; `img_007=None` leaves the image out."""
    lines = answer_key_csv().decode().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    kept = [row for row in rows if mos.get(row[0].removesuffix(".png"), "") is not None]
    for row in kept:
        row[1] = mos.get(row[0].removesuffix(".png"), row[1])
    return "\n".join([lines[0], *(",".join(row) for row in kept)]).encode()


def findings(key: AnswerKey) -> str:
    run = KeyCheck.objects.get(answer_key=key)
    return f"{run.state}: {' '.join(run.findings)}{run.failure}"


def test_a_key_is_not_in_force_before_a_worker_has_checked_it(world, django_capture_on_commit_callbacks, monkeypatch):
    calls = []
    monkeypatch.setattr("challenge.core.work.ring_bell", lambda task, pk: calls.append((task.name, pk)))
    with django_capture_on_commit_callbacks(execute=True):
        key = add_answer_key(phase=world.development, content=answer_key_csv(), actor=None)
    assert calls == [("datasets.check_answer_key", key.pk)]
    assert current_answer_key(world.development).version == 1
    check(key.pk)
    assert current_answer_key(world.development) == key
    check(key.pk)  # a second delivery
    assert KeyCheck.objects.get(answer_key=key).attempts == 1


def test_the_check_says_which_names_differ_and_counts_changed_mos(world):
    assert "No MOS differs" in findings(new_answer_key(world.development))
    found = findings(new_answer_key(world.development, changed_key(img_003="2.5", img_004="2.6")))
    assert "The names are those of version 2. 2 of the MOS that both have differ." in found
    found = findings(new_answer_key(world.development, changed_key(img_000=None, img_001=None)))
    assert found.startswith("done: ")
    assert "2 names of version 3 missing here: img_000.png, img_001.png. Files that were accepted" in found
    assert "1 name not in version 4: img_000.png." in findings(
        new_answer_key(world.development, changed_key(img_001=None))
    )


def test_a_mos_outside_the_rating_scale_is_counted_and_keeps_the_key_out_of_force(world):
    key = new_answer_key(world.development, changed_key(img_005="17.123456"), scale=(0.5, 5.0))
    assert findings(key) == "failed: 1 of 60 MOS lie outside the rating scale (from 0.5 to 5)."
    assert current_answer_key(world.development).version == 1
    assert "All MOS lie within the rating scale (to 5)." in findings(
        new_answer_key(world.development, scale=(None, 5.0))
    )


def test_a_key_of_equal_mos_is_refused(world):
    equal = b"name,mos\n" + b"".join(f"{name},3\n".encode() for name in IMAGES)
    assert findings(new_answer_key(world.development, equal)) == (
        "failed: All MOS are equal: no correlation with them exists."
    )


def test_a_list_of_names_that_is_not_the_keys_is_noticed(world):
    key = add_answer_key(phase=world.development, content=answer_key_csv(), actor=None)
    Path(key.names.path).write_text("\n".join([*IMAGES[1:], "img_999.png"]))
    services._names.cache_clear()
    check(key.pk)
    assert "is not that of the sealed key" in findings(key)
    services._names.cache_clear()


def test_a_worker_that_cannot_open_the_key_says_why_and_another_can(world, settings, tmp_path):
    key = add_answer_key(phase=world.development, content=answer_key_csv(), actor=None)
    right, other = settings.ANSWER_KEY_PRIVATE_KEY_FILE, tmp_path / "other"
    other.write_bytes(b"x" * 32)
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = str(other)
    services._table.cache_clear()
    check(key.pk)
    assert findings(key) == "waiting: The sealed answer key does not open with this worker's private key."
    settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    check(key.pk)
    assert findings(key).startswith("done: It opens")


def test_a_key_before_it_that_opens_no_more_is_compared_by_its_names_only(world, settings):
    new_pair = PrivateKey.generate()
    for name, content in (("PUBLIC", bytes(new_pair.public_key)), ("PRIVATE", bytes(new_pair))):
        path = Path(settings.STATE_DIR) / f"new-{name}"
        path.write_bytes(content)
        setattr(settings, f"ANSWER_KEY_{name}_KEY_FILE", str(path))
    services._table.cache_clear()
    found = findings(new_answer_key(world.development))
    assert "The names are those of version 1. Version 1 does not open any more" in found


def test_once_something_is_scored_a_checked_key_waits_for_a_rescoring(world):
    world.scored()
    key = new_answer_key(world.development)
    assert findings(key).startswith("done: ")
    assert not key.is_current


def test_an_older_key_that_is_checked_late_does_not_come_back_into_force(world):
    older = add_answer_key(phase=world.development, content=answer_key_csv(), actor=None)
    newer = new_answer_key(world.development)
    check(older.pk)
    assert current_answer_key(world.development) == newer


def test_the_ends_of_the_scale_have_an_order(world, client):
    client.force_login(world.organiser)
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", answer_key_csv())}
    page = client.post(reverse("admin:datasets_answerkey_add"), data | {"scale_low": 5, "scale_high": 1})
    assert "The highest MOS possible lies above the lowest" in page.content.decode()
