"""`python -m generation release`: the tree, what is hidden in it, resuming, and what is refused."""

import csv
import io
import json
import struct
import subprocess
import tarfile
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from generation.cli import main
from generation.release import command, contents, formats, rows
from tests.generation.pictures import write_picture
from tests.generation.release_case import HIDDEN, N, hidden_digits, make_case, name_of, opinions, release, tree, write
from tests.reference import shared


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def table(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def text_of(path, content):
    """All that a file says, as text: Parquet and tar decoded, every number with all its digits."""
    if not path.endswith(".parquet"):
        return content.decode("latin-1")
    found, metadata = pq.read_table(pa.BufferReader(content)), pq.read_metadata(pa.BufferReader(content))
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    statistics = [str(group.column(i)) for group in groups for i in range(metadata.num_columns)]
    rows = [{column: value for column, value in row.items() if column != "image"} for row in found.to_pylist()]
    return "\n".join([str(metadata.metadata), *statistics, json.dumps(rows)])


def interrupt(*arguments):
    raise KeyboardInterrupt


def said_in(folder):
    """The text of every file of a tree."""
    return "\n".join(text_of(path, content) for path, content in tree(folder).items())


def test_the_tree_is_the_documented_one(case, capsys):
    assert release(case, "--funnel", str(case / "funnel.json")) == 0
    found = tree(case / "out")
    splits = {"train": range(12), "validation": (12, 13), "test": HIDDEN}
    images = {f"imagefolder/{split}/{name_of(number)}" for split, numbers in splits.items() for number in numbers}
    shards = {path for path in found if path.startswith(("data/", "webdataset/"))}
    assert found.keys() - images - shards == {
        *("README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "croissant.json", "SHA256SUMS", "COMMITMENTS"),
        *("metadata/images.csv", "metadata/plan.csv", "metadata/prompts.csv", "metadata/prompt_funnel.json"),
        *("ratings/raw_ratings.parquet", "ratings/subjects.csv", "info_train.csv", "info_val.csv", "info_test.csv"),
        *(f"splits/{split}.txt" for split in splits),
        *(f"imagefolder/{split}/metadata.parquet" for split in splits),
    }
    assert images <= found.keys()
    assert "data/train-00001-of-00003.parquet" in shards
    assert "webdataset/train-00001.tar" in shards
    out = capsys.readouterr().out
    assert "20 images (train 12, validation 2, test 6)" in out
    assert f"hf upload owner/waves {case / 'out'} . --repo-type dataset" in out
    assert f"modelscope upload OWNER/NAME {case / 'out'} --repo-type dataset" in out
    assert "columns left out: old_mos, seconds" in out
    assert "the card says nothing of" not in out


def test_checksums_cover_every_other_file(case):
    assert release(case) == 0
    listed = dict(line.split("  ")[::-1] for line in (case / "out" / "SHA256SUMS").read_text().splitlines())
    found = {path: sha256(content).hexdigest() for path, content in tree(case / "out").items() if path != "SHA256SUMS"}
    assert listed == found
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=case / "out", check=True)


def test_tables_hold_the_joined_columns_in_order_of_name(case):
    assert release(case) == 0
    found = table((case / "out" / "metadata" / "images.csv").read_bytes())
    names = [row["name"] for row in found]
    assert names == sorted(name_of(number) for number in range(N))
    by_name = {row["name"]: row for row in found}
    row = by_name[name_of(5)]
    assert row["mos"] == str(opinions(5)["mos"])
    assert (row["iterations"], row["cfg"], row["seed"], row["cfg_default"]) == ("40", "7.5", "4294967295", "false")
    assert (row["width"], row["height"], row["split"]) == ("24", "16", "train")
    assert row["sha256"] == sha256((case / "images" / "a" / "5.png").read_bytes()).hexdigest()
    train = table((case / "out" / "info_train.csv").read_bytes())
    assert list(train[0]) == ["name", "prompt", "mos"]
    assert {row["name"]: row["mos"] for row in train} == {name_of(n): str(opinions(n)["mos"]) for n in range(12)}
    assert (case / "out" / "splits" / "test.txt").read_text().split() == sorted(map(name_of, HIDDEN))


def test_parquet_and_tar_hold_the_files_and_the_columns(case):
    assert release(case) == 0
    expected = {row["name"]: row for row in table((case / "out" / "metadata" / "images.csv").read_bytes())}
    parquet: dict = {}
    tar: dict = {}
    for path, content in tree(case / "out").items():
        if path.startswith("data/"):
            parquet |= {row["name"]: row for row in pq.read_table(pa.BufferReader(content)).to_pylist()}
        if path.startswith("webdataset/"):
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                members = archive.getmembers()
                assert {(one.mtime, one.uid, one.mode, one.uname) for one in members} == {(0, 0, 0o644, "")}
                parts = {one.name: archive.extractfile(one).read() for one in members}
            for name in (name for name in parts if name.endswith(".json")):
                row = json.loads(parts[name])
                ending = row["name"].rsplit(".", 1)[1]
                tar[row["name"]] = row | {"image": parts[name.replace("json", ending)]}
    assert parquet.keys() == tar.keys() == expected.keys()
    for name, row in expected.items():
        content = (case / "out" / "imagefolder" / row["split"] / name).read_bytes()
        assert sha256(content).hexdigest() == row["sha256"]
        assert tar[name].pop("image") == content
        assert parquet[name].pop("image") == {"bytes": content, "path": name}
        assert tar[name] == parquet[name]
        assert {k: "" if v is None else str(v).lower() for k, v in tar[name].items()} == {
            k: v.lower() for k, v in row.items()
        }


def test_no_hidden_opinion_is_anywhere(case, capfd):
    assert release(case, "--funnel", str(case / "funnel.json")) == 0
    found = tree(case / "out")
    said = said_in(case / "out")
    shown = capfd.readouterr()
    said += shown.out + shown.err + (case / "out.progress.jsonl").read_text()
    assert not [secret for secret in hidden_digits() if secret in said]
    # The search does find what is there.
    assert all(str(value) in said for number in range(14) for value in opinions(number).values())
    raw = b"".join(found.values())
    assert not [number for number in HIDDEN if struct.pack("<d", opinions(number)["mos"]) in raw]
    columns = {"mos", "std", "n_ratings", "ci95"}
    for path, content in found.items():
        if "test" in path and path.endswith((".parquet", ".csv")):
            records = table(content) if path.endswith(".csv") else pq.read_table(pa.BufferReader(content)).to_pylist()
            assert {row[column] for row in records for column in columns & row.keys()} <= {None, ""}


def test_raw_ratings_are_of_published_images_and_by_pseudonym(case):
    assert release(case) == 0
    found = pq.read_table(case / "out" / "ratings" / "raw_ratings.parquet").to_pylist()
    assert len(found) == 3 * 14
    assert {row["image"] for row in found} == {name_of(number) for number in range(14)}
    assert {row["subject"] for row in found} == {"S001", "S002", "S003"}
    assert {row["session"] for row in found} == {1, 2, 3}
    assert all(set(row) == {"subject", "image", "session", "rating"} for row in found)
    everything = b"".join(tree(case / "out").values())
    assert b"example.org/waves" in everything
    assert b"@example.org" not in everything
    assert (case / "out" / "ratings" / "subjects.csv").read_text().splitlines()[1:] == [
        f"S00{i},14,1" for i in (1, 2, 3)
    ]
    key = case / "out.private" / "subjects.csv"
    assert {row["subject"] for row in table(key.read_bytes())} == {f"{s}@example.org" for s in ("ann", "bob", "cyd")}
    assert key.stat().st_mode & 0o077 == 0


def test_the_same_input_gives_the_same_bytes(case):
    assert release(case) == 0
    assert release(case, "--private", str(case / "out.private"), "--workers", "2", out="again") == 0
    assert tree(case / "again") == tree(case / "out")


def test_a_finished_release_is_kept_and_damage_is_mended(case, capsys):
    assert release(case) == 0
    before = tree(case / "out")
    times = {path: (case / "out" / path).stat().st_mtime_ns for path in before}
    damaged, lost = "data/train-00001-of-00003.parquet", "webdataset/test-00000.tar"
    content = bytearray(before[damaged])
    content[100] ^= 1
    (case / "out" / damaged).write_bytes(content)
    (case / "out" / lost).unlink()
    capsys.readouterr()
    assert release(case) == 0
    assert f"{len(before) - 4:,} files kept from an earlier run" in capsys.readouterr().out
    assert tree(case / "out") == before
    changed = {path for path in before if (case / "out" / path).stat().st_mtime_ns != times[path]}
    assert changed == {damaged, lost, "SHA256SUMS", "croissant.json"}


def test_an_interrupted_release_goes_on(case, capsys, monkeypatch):
    assert release(case, out="whole") == 0
    reads = []
    read = contents.Item.read

    def read_some(item):
        reads.append(item)
        if len(reads) == 30:
            raise KeyboardInterrupt
        return read(item)

    monkeypatch.setattr(contents.Item, "read", read_some)
    assert release(case, "--private", str(case / "whole.private")) == 130
    left = tree(case / "out")
    assert "SHA256SUMS" not in left
    assert not [path for path in left if path.endswith(".part")]
    with (case / "out.progress.jsonl").open("a") as stream:
        stream.write('{"key": "file data/tr')  # as if killed while writing
    (case / "out" / "data" / ".train-00000-of-00003.parquet.x.part").write_bytes(b"left by a kill")
    capsys.readouterr()
    assert release(case, "--private", str(case / "whole.private")) == 0
    assert f"{len(left):,} files kept" in capsys.readouterr().out
    assert tree(case / "out") == tree(case / "whole")


@pytest.mark.parametrize("stopped", [False, True])
def test_files_of_an_earlier_release_that_would_tell_scores_are_removed_first(case, monkeypatch, stopped):
    assert release(case, "--publish", "train,validation,test", "--shard-size", "1M") == 0
    said = said_in(case / "out")
    assert all(secret in said for secret in hidden_digits())
    if stopped:
        monkeypatch.setattr(contents.Item, "read", interrupt)
    assert release(case) == (130 if stopped else 0)
    said = said_in(case / "out")
    assert not [secret for secret in hidden_digits() if secret in said]


def test_unreadable_images_are_listed_and_the_others_released(case, capsys):
    (case / "images" / "a" / "2.png").write_bytes(b"not a picture")
    (case / "images" / "a" / "15.png").unlink()
    write_picture(case / "x.jpg", 4)
    (case / "x.jpg").replace(case / "images" / "a" / "4.png")
    assert release(case) == 1
    captured = capsys.readouterr()
    for said in ("2.png: not an image", "15.png: No such file", "4.png: the content is JPEG, the name says PNG"):
        assert said in captured.err
    assert "3 images could not be read and are not in the release" in captured.err
    assert "17 images (train 10, validation 2, test 5)" in captured.out
    assert len(table((case / "out" / "metadata" / "images.csv").read_bytes())) == 17
    # The commitment is to all MOS, so it stays when the images are mended.
    commitments = (case / "out" / "COMMITMENTS").read_bytes()
    assert release(case, "--skip-unreadable") == 0
    for number in (2, 4, 15):
        write_picture(case / "images" / "a" / f"{number}.png", number)
    assert release(case) == 0
    assert (case / "out" / "COMMITMENTS").read_bytes() == commitments


def test_attributes_must_be_of_the_released_files(case, capsys):
    arguments = [
        "attributes",
        "--images",
        str(case / "images"),
        "--out",
        str(case / "attributes.csv"),
        "--workers",
        "1",
    ]
    assert main(arguments) == 0
    assert release(case, tables="images splits attributes") == 0
    row = table((case / "out" / "metadata" / "images.csv").read_bytes())[0]
    measured = {row["sha256"]: row for row in table((case / "attributes.csv").read_bytes())}[row["sha256"]]
    assert float(row["si_512"]) == float(measured["si_512"])
    write_picture(case / "images" / "a" / "5.png", 99)
    assert release(case, tables="images splits attributes") == 1
    assert "5.png: the attributes were measured on another file" in capsys.readouterr().err


def test_opinions_may_come_in_a_table_of_their_own(case):
    with (case / "images.csv").open() as stream:
        known = list(csv.DictReader(stream))
    write(case / "images.csv", [{key: row[key] for key in ("name", "file", "prompt")} for row in known])
    write(
        case / "mos.csv",
        [
            {"image": row["name"], "mos": row["mos"], "std": "", "n": row["n_ratings"], "ci95": row["ci95"]}
            for row in known
        ],
    )
    assert release(case, tables="images splits mos") == 0
    found = {row["name"]: row for row in table((case / "out" / "metadata" / "images.csv").read_bytes())}
    assert found[name_of(3)]["n_ratings"] == str(opinions(3)["n_ratings"])
    assert found[name_of(15)]["n_ratings"] == found[name_of(15)]["mos"] == ""


def test_further_columns_are_released_when_they_are_named(case):
    with (case / "images.csv").open() as stream:
        known = list(csv.DictReader(stream))
    write(case / "images.csv", [{**row, "Topic": "sea", "year": 2022, "mos": row["mos"]} for row in known])
    assert release(case, "--describes", "topic,year,mos") == 0
    path = case / "out" / "data" / "test-00000-of-00002.parquet"
    schema = pq.read_schema(path)
    assert (schema.field("topic").type, schema.field("year").type) == (pa.string(), pa.int64())
    assert "old_mos" not in schema.names
    test = pq.read_table(path)
    assert set(test.column("mos").to_pylist()) == {None}
    assert set(test.column("topic").to_pylist()) == {"sea"}


def test_a_database_without_scores_is_released_too(case):
    with (case / "images.csv").open() as stream:
        known = list(csv.DictReader(stream))
    write(case / "images.csv", [{key: row[key] for key in ("name", "file", "prompt")} for row in known])
    assert release(case, "--formats", "parquet", tables="images splits") == 0
    found = tree(case / "out")
    assert "COMMITMENTS" not in found
    assert not [path for path in found if path.startswith(("imagefolder/", "webdataset/", "ratings/"))]
    assert found["info_test.csv"].startswith(b"name,prompt\n")
    assert not (case / "out.private").exists()


def test_a_real_database_is_released_in_place(tmp_path, capsys):
    source = shared("avt-ai-images/images_original").parent
    with (source / "quality_2023.csv").open() as stream:
        quality = {row["image_key"]: row for row in csv.DictReader(stream)}
    names = {f"stable_diffusion/p{number:02d}": f"sd_{number:02d}.png" for number in range(1, 28)}
    images = [
        {"name": name, "file": f"{key}.png", "mos": quality[key]["rating"], "std": quality[key]["std"]}
        | {"split": ("train", "train", "test")[i % 3]}
        for i, (key, name) in enumerate(names.items())
    ]
    write(tmp_path / "images.csv", images)
    with (source / "raw_2023_quality_appeal.csv").open() as stream:
        votes = [row for row in csv.DictReader(stream) if row["image_key"] in names]
    ratings = [
        {"subject": row["user_ID"], "image": names[row["image_key"]], "session": 1, "rating": row["rating"]}
        | {"scale": row["scale"], "timestamp": row["timestamp"]}
        for row in votes
    ]
    write(tmp_path / "ratings.csv", ratings)
    arguments = ["release", "--images", str(source / "images_original"), "--table", str(tmp_path / "images.csv")]
    arguments += ["--ratings", str(tmp_path / "ratings.csv"), "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main(arguments) == 0
    assert "27 images (train 18, test 9)" in capsys.readouterr().out
    hidden = {row["name"] for row in images if row["split"] == "test"}
    released = pq.read_table(tmp_path / "out" / "ratings" / "raw_ratings.parquet").to_pylist()
    assert {row["image"] for row in released} == set(names.values()) - hidden
    assert len(released) == sum(row["image"] not in hidden for row in ratings)
    assert {row["scale"] for row in released} == {"image_quality", "image_appeal"}
    test = pq.read_table(tmp_path / "out" / "data" / "test-00000-of-00001.parquet")
    assert test.column("mos").null_count == test.num_rows == 9


def test_the_help_knows_the_same_formats_and_splits_as_the_code():
    assert command.FORMATS == formats.FORMATS
    assert command.SPLITS == rows.SPLITS


def test_without_a_card_the_release_says_what_is_not_stated(case, capsys):
    (case / "card.yaml").write_text("title: Bare\n")
    assert release(case) == 0
    assert "the card says nothing of: version, date, license, authors" in capsys.readouterr().out
    assert "license: unknown" in (case / "out" / "README.md").read_text()
    assert "not stated" in (case / "out" / "LICENSE").read_text()
    assert "huggingface" not in (case / "out" / "CITATION.cff").read_text()
