"""Releases are read by what others read them with: `datasets` of Hugging Face and mlcroissant, offline."""

import json
import re

import pytest
import yaml

from tests.generation.release_case import HIDDEN, N, make_case, name_of, opinions, release

pytestmark = [
    # mlcroissant 1.1.1 with rdflib 7 and pandas 3.
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index is deprecated"),
]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A release with the test split hidden, never changed by a test."""
    folder = make_case(tmp_path_factory.mktemp("case"))
    assert release(folder) == 0
    return folder


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    """The library, which must neither ask the network nor fill the user's cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True, raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return datasets


def check(found):
    """All splits, images that open, known values; the hidden ones null."""
    assert {split: len(rows) for split, rows in found.items()} == {"train": 12, "validation": 2, "test": 6}
    for split, numbers in (("train", range(12)), ("test", HIDDEN)):
        rows = {row["name"]: row for row in found[split]}
        assert rows.keys() == set(map(name_of, numbers))
        row = rows[name_of(numbers[3])]
        assert row["image"].size == (24, 16)
        assert row["mos"] == (opinions(numbers[3])["mos"] if split == "train" else None)
        assert row["seed"] == 2**32 - 1
        assert row["cfg_default"] == (numbers[3] % 3 == 0)


def test_the_folder_itself_loads(case, datasets):
    found = datasets.load_dataset(str(case / "out"))
    assert found["test"].features["image"] == datasets.Image()
    check(found)


def test_imagefolder_loads(case, datasets):
    check(datasets.load_dataset("imagefolder", data_dir=str(case / "out" / "imagefolder")))


def test_webdataset_loads_as_the_dataset_card_says(case, datasets, monkeypatch):
    text = (case / "out" / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0].replace('"owner/waves"', repr(str(case / "out")))
    monkeypatch.chdir(case / "out")
    scope: dict = {}
    exec(code, scope)  # noqa: S102 (what the card tells its readers to run)
    found = {
        split: [{"image": row["png"] or row["jpg"], **row["json"]} for row in rows]
        for split, rows in scope["database"].items()
    }
    check(found)


@pytest.mark.parametrize("formats", ["parquet,imagefolder,webdataset", "imagefolder"])
def test_croissant_is_valid_without_warnings_and_its_records_are_read(case, formats):
    import mlcroissant

    out = "out" if formats.startswith("parquet") else "folder"
    if out != "out":
        assert release(case, "--formats", formats, out=out) == 0
    dataset = mlcroissant.Dataset(jsonld=str(case / out / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    rows = {row["images/name"].decode(): row for row in dataset.records("images")}
    assert len(rows) == N
    assert rows[name_of(2)]["images/mos"] == opinions(2)["mos"]
    assert rows[name_of(15)]["images/mos"] is None
    if out == "out":
        assert rows[name_of(2)]["images/image"].size == (24, 16)
    ratings = list(dataset.records("ratings"))
    assert len(ratings) == 3 * 14
    assert ratings[0]["ratings/rating"] == 3.5


def test_croissant_says_what_the_card_says(case):
    found = json.loads((case / "out" / "croissant.json").read_text())
    assert found["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert found["rai:dataBiases"] == "Only waves."
    assert found["version"] == "1.0.0"
    assert [person["name"] for person in found["creator"]] == ["A. Author", "B. Author"]
    sums = dict(line.split("  ")[::-1] for line in (case / "out" / "SHA256SUMS").read_text().splitlines())
    files = [entry for entry in found["distribution"] if entry["@type"] == "cr:FileObject"]
    assert len(files) >= 8
    for entry in files:
        assert entry["sha256"] == sums[entry["contentUrl"]]
        assert entry["contentSize"] == f"{(case / 'out' / entry['contentUrl']).stat().st_size} B"


def test_the_cards_header_and_the_citation_are_yaml(case):
    header = yaml.safe_load((case / "out" / "README.md").read_text().split("---")[1])
    assert header["license"] == "cc-by-4.0"
    assert header["size_categories"] == ["n<1K"]
    assert [entry["split"] for entry in header["configs"][0]["data_files"]] == ["train", "validation", "test"]
    citation = yaml.safe_load((case / "out" / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"][1] == {"name": "B. Author", "orcid": "https://orcid.org/0000-0001-2345-6789"}
