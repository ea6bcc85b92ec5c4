"""Private files: whole or not there, readable by us only, without URLs, never overwritten."""

import stat
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from challenge.core.storage import PrivateStorage


@pytest.fixture
def storage(tmp_path):
    return PrivateStorage(tmp_path / "private")


def test_a_file_is_stored_whole_and_for_us_only(storage):
    name = storage.save("a/b.csv", ContentFile(b"x" * 200_000))
    path = Path(storage.path(name))
    assert path.read_bytes() == b"x" * 200_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_name_is_never_used_twice(storage):
    first, second = storage.save("a.csv", ContentFile(b"1")), storage.save("a.csv", ContentFile(b"2"))
    assert first != second
    with storage.open(first) as stream:
        assert stream.read() == b"1"


def test_a_failed_write_leaves_nothing(storage):
    class Broken(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        storage.save("a.csv", Broken(b""))
    assert [path for path in Path(storage.location).rglob("*") if path.is_file()] == []


def test_there_is_no_url(storage):
    with pytest.raises(ValueError, match="no URL"):
        storage.url("a.csv")


def test_names_cannot_leave_the_folder(storage):
    from django.core.exceptions import SuspiciousFileOperation

    with pytest.raises(SuspiciousFileOperation):
        storage.save("../outside.csv", ContentFile(b"x"))
