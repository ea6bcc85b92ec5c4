"""Answer keys: sealed in the request, versioned, opened by scoring workers only."""

from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from challenge.datasets import sealing, services
from challenge.datasets.models import AnswerKey
from challenge.datasets.sealing import SealingError, seal, unseal
from challenge.datasets.services import add_answer_key, current_answer_key, expected_names, open_answer_key
from scoring.answer_key import InvalidAnswerKey
from tests.factories import IMAGES, answer_key_csv, hidden_mos


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
    key = add_answer_key(phase=world.development, content=b"\n".join(by_mos), actor=None)
    assert expected_names(key) == tuple(sorted(IMAGES))


def test_a_worker_reads_values_and_subsets(world):
    table = open_answer_key(current_answer_key(world.development))
    assert dict(zip(table.names, map(float, table.mos), strict=True)) == hidden_mos()
    assert set(table.subsets) == {"generator"}


def test_a_new_version_takes_over_and_the_old_one_stays(world):
    old = current_answer_key(world.development)
    new = add_answer_key(phase=world.development, content=answer_key_csv(), actor=world.organiser)
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
    key = current_answer_key(world.development)
    assert (key.version, key.uploaded_by) == (2, world.organiser)
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
    key = current_answer_key(world.development)
    assert (key.subset_columns, key.further_columns) == (["generator"], ["mos_std", "n_ratings"])


def test_a_formula_that_the_key_cannot_serve_is_refused(world):
    world.development.formula = "0.5 * srocc + 0.5 * pair_accuracy_within"
    with pytest.raises(ValidationError, match="lacks the column pair_group"):
        world.development.clean()
    world.development.formula = "0.5 * srocc + 0.5 * pair_accuracy"
    world.development.clean()
