"""`manage.py add_release`: a folder made by the real `generation release` on the data page of a challenge."""

import hashlib
import io
import shutil

import pytest
from django.core.management import CommandError, call_command

from challenge.datasets.models import DataFile
from challenge.datasets.releases import read_release, split_of
from tests.generation.release_case import hidden_digits, make_case, release


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = make_case(tmp_path_factory.mktemp("release"))
    assert release(folder) == 0
    assert release(folder, "--publish", "train,validation,test", out="published") == 0
    return folder


@pytest.fixture
def folder(made, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(made / "out", tmp_path / "out")


def add(folder, *options: str) -> str:
    out = io.StringIO()
    call_command("add_release", "iqa", str(folder), *options, stdout=out)
    return out.getvalue()


def listed(folder) -> dict[str, str]:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    return {line[66:]: line[:64] for line in lines}


def stored() -> dict[str, str]:
    return {file.path_in_release: file.newest.sha256 for file in DataFile.objects.all()}


def test_every_file_that_tells_nothing_hidden_is_there_with_its_checksum(world, folder):
    said = add(folder, "--audience", "public", "--phase", "final")
    sums = listed(folder)
    assert {path: sums[path] for path in stored()} == stored()
    left_out = set(sums) - set(stored())
    assert left_out == {path for path in sums if "test" in path or path.startswith("metadata/")}
    assert f"{len(left_out)} files left out, for they tell of the hidden splits test" in said
    assert f"[1/{len(stored())}]" in said
    file = DataFile.objects.get(path_in_release="info_train.csv")
    assert (file.audience, file.phase, file.newest.note) == ("public", world.final, "Release 1.0.0")
    assert "CC-BY-4.0" in file.licence
    with file.newest.file.open("rb") as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == sums["info_train.csv"]
    assert len({file.file_name for file in DataFile.objects.all()}) == len(stored())


def test_hidden_files_come_when_asked_for_and_hold_no_score(world, folder):
    add(folder, "--hidden")
    assert stored() == listed(folder)
    for file in DataFile.objects.filter(file_name__endswith=".csv"):
        with file.newest.file.open("rb") as stream:
            content = stream.read().decode()
        assert not [digits for digits in hidden_digits() if digits in content]


def test_of_a_release_that_hides_nothing_all_files_come(world, made):
    said = add(made / "published")
    assert stored() == listed(made / "published")
    assert "left out" not in said


def test_doing_it_again_changes_nothing_and_a_next_release_makes_versions(world, made, folder):
    add(folder)
    before = {file.pk: file.newest.pk for file in DataFile.objects.all()}
    DataFile.objects.filter(path_in_release="README.md").update(title="Read this first", audience="public")
    assert "\n0 files added" in add(folder)
    assert {file.pk: file.newest.pk for file in DataFile.objects.all()} == before
    add(made / "published")
    readme = DataFile.objects.get(path_in_release="README.md")
    assert (readme.title, readme.audience, readme.newest.number) == ("Read this first", "public", 2)
    train = DataFile.objects.get(path_in_release="splits/train.txt")
    assert train.newest.number == 1


def test_a_file_that_is_not_the_listed_one_stops_it_and_it_goes_on_later(world, folder):
    path = folder / "splits" / "train.txt"
    right = path.read_bytes()
    path.write_bytes(right + b"x")
    with pytest.raises(CommandError, match=r"splits/train\.txt: is not the file that SHA256SUMS lists"):
        add(folder)
    assert "splits/train.txt" not in stored()
    count = len(stored())
    path.write_bytes(right)
    assert f"{count} there already" in add(folder)
    assert "splits/train.txt" in stored()


def test_patterns_leave_files_out(world, folder):
    add(folder, "--exclude", "imagefolder/*", "--exclude", "webdataset/*")
    assert not [path for path in stored() if path.startswith(("imagefolder", "webdataset"))]
    assert "README.md" in stored()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("0" * 64 + "  ../secret", "leads out of the folder"),
        ("0" * 64 + "  /etc/passwd", "leads out of the folder"),
        ("0" * 64 + "  link", "is a link out of the folder"),
        ("0" * 64 + "  gone.csv", "is not in the folder"),
        ("0" * 64 + "  README.md", "is listed twice"),
        ("0" * 64 + "  " + "x" * 201, "is longer than 200 characters"),
        ("README.md", "is not a SHA-256"),
    ],
)
def test_every_wrong_line_is_named(world, folder, line, fault):
    (folder / "link").symlink_to("/etc/passwd")
    sums = folder / "SHA256SUMS"
    number = len(sums.read_text().splitlines()) + 1
    sums.write_text(sums.read_text() + f"{line}\n")
    with pytest.raises(CommandError, match=f"SHA256SUMS:{number}: .*{fault}"):
        add(folder)
    assert not stored()


def test_what_is_no_release_and_who_is_no_challenge(world, folder, tmp_path):
    with pytest.raises(CommandError, match="SHA256SUMS: is not there"):
        add(tmp_path)
    with pytest.raises(CommandError, match="it has: development, final"):
        add(folder, "--phase", "first")
    with pytest.raises(CommandError, match="no challenge with the slug nothing"):
        call_command("add_release", "nothing", str(folder))
    (folder / "croissant.json").write_text("{")
    with pytest.raises(CommandError, match="is not JSON"):
        add(folder)


def test_a_split_that_says_nothing_of_its_mos_is_hidden(folder):
    (folder / "info_train.csv").unlink()
    sums = folder / "SHA256SUMS"
    sums.write_text(
        "".join(line + "\n" for line in sums.read_text().splitlines() if not line.endswith("info_train.csv"))
    )
    assert read_release(folder).hidden == ("train", "test")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/test-00000-of-00001.parquet", "test"),
        ("imagefolder/test/a.png", "test"),
        ("imagefolder/test/metadata.parquet", "test"),
        ("webdataset/validation-00000.tar", "validation"),
        ("splits/train.txt", "train"),
        ("openings/test.txt", "test"),
        ("info_val.csv", "validation"),
        ("README.md", None),
        ("metadata/images.csv", None),
        ("ratings/raw_ratings.parquet", None),
    ],
)
def test_which_split_a_file_is_of(path, split):
    assert split_of(path) == split
