"""Commitments: what they promise, what they tell, and how they are checked once the scores are out."""

import csv
import subprocess
from hashlib import sha256

import hypothesis.strategies as st
import pytest
from hypothesis import given

from generation.cli import main
from generation.problems import InvalidInput
from generation.release.commitment import Opening, commit, differences, openings_of, parse_opening
from tests.generation.release_case import HIDDEN, make_case, name_of, opinions, release

NONCE = "5e" * 32
MOS = {"b.png": 3.1, "a.png": 4.0}


def test_the_commitment_is_the_sha256_of_a_readable_text():
    opening = Opening("test", NONCE, MOS)
    text = f"aigiqa-commitment 1\nsplit test\nnonce {NONCE}\na.png\t4.0\nb.png\t3.1\n"
    assert opening.to_bytes().decode() == text
    assert opening.commitment == sha256(text.encode()).hexdigest()
    assert parse_opening(text.encode(), "x") == opening


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9)
scores = st.dictionaries(names, st.floats(-10, 10), max_size=6)


@given(scores)
def test_an_opening_comes_back_from_its_text_exactly(mos):
    opening = Opening("validation", NONCE, mos)
    assert parse_opening(opening.to_bytes(), "x") == opening


@given(scores, scores)
def test_only_equal_scores_have_equal_texts(one, other):
    texts = [Opening("test", NONCE, mos).to_bytes() for mos in (one, other)]
    same = {name: repr(value) for name, value in one.items()} == {name: repr(value) for name, value in other.items()}
    assert (texts[0] == texts[1]) == same


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"something\nelse\n",
        Opening("test", NONCE, MOS).to_bytes().replace(b"3.1", b"3.10"),
        Opening("test", NONCE, MOS).to_bytes().replace(b"\t", b","),
        Opening("test", NONCE, MOS).to_bytes() + b"a.png\t5.0\n",
        Opening("test", NONCE, MOS).to_bytes().replace(b"commitment 1", b"commitment 2"),
    ],
)
def test_a_text_in_another_form_is_no_opening(content):
    with pytest.raises(InvalidInput, match=r"x\.txt: is not an opening"):
        parse_opening(content, "x.txt")


def test_a_commitment_is_kept_while_the_scores_are_and_never_changed_silently(tmp_path):
    private = tmp_path / "private"
    first = commit(private, {"test": MOS})
    assert commit(private, {"test": dict(MOS)}) == first
    with pytest.raises(InvalidInput, match="commits to other MOS of the split test") as refused:
        commit(private, {"test": {**MOS, "a.png": 4.1}})
    assert first["test"] in str(refused.value)
    assert openings_of(private, {"test": MOS, "train": MOS})["test"].commitment == first["test"]
    with pytest.raises(InvalidInput, match=r"1 MOS of the split test are not those committed to \(first: 'b.png'\)"):
        openings_of(private, {"test": {"a.png": 4.0, "b.png": 3.2}})
    (private / "test.txt").unlink()
    assert commit(private, {"test": MOS}) != first  # another random number


def test_two_commitments_to_the_same_scores_have_nothing_in_common(tmp_path):
    found = {commit(tmp_path / str(i), {"test": MOS})["test"] for i in range(5)}
    assert len(found) == 5
    unsalted = sha256(Opening("test", "", MOS).to_bytes()).hexdigest()
    assert unsalted not in found


def test_openings_are_readable_by_their_owner_only(tmp_path):
    commit(tmp_path / "private", {"test": MOS})
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0
    assert (tmp_path / "private" / "test.txt").stat().st_mode & 0o077 == 0


def test_differences_are_other_and_unknown_names():
    opening = Opening("test", NONCE, MOS)
    assert differences(opening, MOS) == differences(opening, {"a.png": 4.0}) == []
    assert differences(opening, {"a.png": 4.0, "c.png": 1.0, "b.png": 3.1000000000000005}) == ["b.png", "c.png"]


@pytest.fixture
def published(tmp_path, capsys):
    """A case released with the test split hidden (hidden/) and then with all scores (open/); the printed hash."""
    case = make_case(tmp_path)
    assert release(case, "--private", str(case / "private"), "--formats", "parquet", out="hidden") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("commitment to the 6 hidden"))
    everything = ("--publish", "train,validation,test", "--formats", "parquet")
    assert release(case, "--private", str(case / "private"), *everything, out="open") == 0
    assert "the split test is published with the opening of its commitment" in capsys.readouterr().out
    return case, line.rsplit(" ", 1)[1]


def verify(folder, commitment):
    return main(["verify-commitment", "--release", str(folder), "--commitment", str(commitment)])


def test_published_scores_are_checked_against_the_printed_hash_and_the_earlier_file(published, capsys):
    case, digest = published
    for commitment in (digest, digest.upper(), case / "hidden" / "COMMITMENTS"):
        assert verify(case / "open", commitment) == 0
        out = capsys.readouterr().out
        assert f"commitment {digest}" in out
        assert "holds for 6 MOS" in out
    # Without this program:
    (case / "open" / "EARLIER").write_bytes((case / "hidden" / "COMMITMENTS").read_bytes())
    subprocess.run(["sha256sum", "--quiet", "-c", "EARLIER"], cwd=case / "open", check=True)


def test_a_changed_score_is_found(published, capsys):
    case, digest = published
    images = case / "open" / "metadata" / "images.csv"
    mos, name = str(opinions(HIDDEN[0])["mos"]), name_of(HIDDEN[0])
    text = images.read_text()
    assert mos in text
    images.write_text(text.replace(mos, "4.9"))
    assert verify(case / "open", digest) == 1
    assert f"1 MOS are not those committed to (first: {name!r})" in capsys.readouterr().err
    # Changing the opening along with the score changes its hash.
    opening = case / "open" / "openings" / "test.txt"
    opening.write_text(opening.read_text().replace(mos, "4.9"))
    assert verify(case / "open", digest) == 1
    assert "not opened, or changed" in capsys.readouterr().err


def test_what_is_not_published_cannot_be_checked(published, capsys):
    case, digest = published
    assert verify(case / "hidden", digest) == 1
    assert "not opened, or changed" in capsys.readouterr().err
    (case / "hidden" / "openings").mkdir()
    (case / "hidden" / "openings" / "test.txt").write_bytes((case / "private" / "test.txt").read_bytes())
    assert verify(case / "hidden", digest) == 1
    assert "6 MOS of the split test are still hidden" in capsys.readouterr().err
    assert verify(case / "open", case / "images.csv") == 1
    assert "holds no commitment" in capsys.readouterr().err
    assert verify(case / "open", case / "nowhere") == 2


def test_scores_changed_after_the_commitment_are_not_published(published, capsys):
    case, _ = published
    with (case / "images.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    changed = [{**row, "mos": "4.9"} if row["name"] == name_of(HIDDEN[0]) else row for row in rows]
    with (case / "images.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(changed)
    for publish in ("train", "train,validation,test"):
        assert release(case, "--private", str(case / "private"), "--publish", publish, out="next") == 1
    said = capsys.readouterr().err
    assert "commits to other MOS of the split test" in said
    assert "1 MOS of the split test are not those committed to" in said
    assert not (case / "next").exists()
