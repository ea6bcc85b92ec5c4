"""`python -m generation release`: what is refused, with which words, and that nothing is written then."""

import csv

import pytest

from tests.generation.release_case import hidden_digits, make_case, name_of, opinions, release, tree, write


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def change(case, file, old, new):
    path = case / file
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("images.csv", b"name,file", b"title,file", "images.csv: no column name; it has: title"),
        ("images.csv", b"SD1.4,", b"SD1.4\xe9,", "images.csv:2: the text is not UTF-8"),
        ("images.csv", b",1.0271828,", b",good,", "images.csv:2: mos of"),
        ("images.csv", b",1.0271828,", b",,", "images.csv: 1 of 12 images of the split train have no MOS"),
        ("images.csv", str(opinions(15)["mos"]).encode(), b"", "1 of 6 images of the split test have no MOS"),
        ("images.csv", b"7000003", b"7.5", "is not a whole number"),
        ("images.csv", b"a/0.png", b"../0.png", "leads out of the folder of images"),
        ("images.csv", name_of(0).encode(), b"a/0.png", "cannot be the name of a file everywhere"),
        ("images.csv", name_of(0).encode(), b"picture", "ends in none of .png"),
        ("splits.csv", b"name,split", b"name,set", "splits.csv: no column split"),
        ("splits.csv", b",train", b",dev", "splits.csv:2: the split 'dev' is none of train, validation, test"),
        ("splits.csv", name_of(0).encode(), b"other.png", f"splits.csv: {name_of(0)!r} is in no split"),
        ("plan.csv", b",false", b",perhaps", "is neither true nor false"),
        ("plan.csv", b"index,name", b"index,model", "plan.csv: no column name"),
        ("ratings.csv", b"subject,", b"rater,", "ratings.csv: no column subject"),
        ("ratings.csv", b",3.5,", b",great,", "ratings.csv:2: rating is not a number"),
        ("ratings.csv", b",3.5,", b",,", "ratings.csv:2: the rating is empty"),
        ("prompts.csv", b"id,prompt", b"mos,prompt", "prompts.csv: holds mos, which would tell hidden scores"),
        ("card.yaml", b"license: CC-BY-4.0", b"licence: CC-BY-4.0", "card.yaml: the key 'licence' is unknown"),
        ("card.yaml", b"version: 1.0.0", b"version: 1.0", "version must be three numbers"),
        ("card.yaml", b"title: Waves", b"title: [Waves", "card.yaml: is not YAML"),
        ("card.yaml", b"[A. Author,", b"[[A. Author],", "an author is a name"),
    ],
)
def test_wrong_input_is_refused_by_line_and_nothing_is_written(case, capsys, file, old, new, said):
    change(case, file, old, new)
    assert release(case) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert not [secret for secret in hidden_digits() if secret in captured.err + captured.out]
    assert not (case / "out").exists()
    assert not (case / "out.private" / "test.txt").exists()


def test_tables_that_contradict_each_other_are_refused_without_telling_scores(case, capsys):
    with (case / "images.csv").open() as stream:
        known = list(csv.DictReader(stream))
    write(case / "mos.csv", [{"image": row["name"], "mos": float(row["mos"]) + 1} for row in known])
    change(case, "plan.csv", b"index,name,iterations", b"index,name,model")
    assert release(case, tables="images splits plan mos") == 1
    said = capsys.readouterr().err
    assert f"plan.csv:2: model of {name_of(0)!r} is another one in an earlier table" in said
    assert not [secret for secret in hidden_digits() if secret in said]


def test_the_private_folder_may_not_be_published(case, capsys):
    assert release(case, "--private", str(case / "out" / "private")) == 1
    assert "which is to be published" in capsys.readouterr().err


def test_images_come_from_a_folder_outside_the_release(case, capsys):
    assert release(case, "--images", str(case / "images.csv")) == 1
    assert "images.csv: is not a folder" in capsys.readouterr().err
    assert release(case) == 0
    assert release(case, "--images", str(case / "out" / "imagefolder")) == 1
    assert "whose files are removed when they are stale" in capsys.readouterr().err


def test_tables_of_other_images_are_refused(case, capsys):
    for file, said in (
        ("plan.csv", "plan.csv: names none of the images of"),
        ("ratings.csv", "ratings.csv: has no rating of a published image"),
    ):
        kept = (case / file).read_bytes()
        (case / file).write_bytes(kept.replace(b"SD1.4_", b"SD1.5_"))
        assert release(case) == 1
        assert said in capsys.readouterr().err
        (case / file).write_bytes(kept)


@pytest.mark.parametrize(
    "wrong", [["--publish", "dev"], ["--formats", "zip"], ["--shard-size", "0"], ["--workers", "x"]]
)
def test_a_wrong_command_line_has_status_2(case, wrong):
    with pytest.raises(SystemExit) as stopped:
        release(case, *wrong)
    assert stopped.value.code == 2


def test_a_folder_with_other_files_is_refused_untouched(case, capsys):
    (case / "out" / ".git").mkdir(parents=True)
    (case / "out" / ".git" / "config").write_text("")
    assert release(case) == 0
    (case / "out" / "thesis.tex").write_text("mine")
    before = tree(case / "out")
    assert release(case, "--shard-size", "3K") == 1
    assert "holds files that are not of a release: thesis.tex" in capsys.readouterr().err
    assert tree(case / "out") == before
