"""The catalogue of models: the paper's, and what is wrong with one's own."""

from decimal import Decimal

import pytest

from generation.catalogue.models import read_catalogue
from generation.problems import InvalidInput

GOOD = "{name: A, images: 10, iterations: 40, cfg: 7.5, longest_edge: 512, quantum: 8, varies: [cfg, iterations]}"


@pytest.fixture
def catalogue_of(tmp_path):
    def write(*entries, all_default=2):
        path = tmp_path / "m.yaml"
        path.write_text(f"all_default: {all_default}\nmodels:\n" + "".join(f"  - {entry}\n" for entry in entries))
        return read_catalogue(path)

    return write


def test_the_papers_models_are_there():
    catalogue = read_catalogue()
    assert [model.images for model in catalogue.models] == [2000] * 7 + [1000] * 4 + [500] * 4
    assert (catalogue.images, catalogue.all_default) == (15_000 + 5_000, 500)
    by_steps = {model.name: model.iterations for model in catalogue.models}
    assert set(list(by_steps.values())[:7]) == {40}
    assert set(list(by_steps.values())[7:11]) == {4}
    assert [len(model.varies) for model in catalogue.models] == [3] * 7 + [2] * 4 + [0] * 4


def test_an_entry_is_read_as_written(catalogue_of):
    (model,) = catalogue_of(GOOD).models
    assert (model.name, model.cfg, model.varies) == ("A", Decimal("7.5"), ("iterations", "cfg"))


def test_what_is_not_told_may_be_left_out(catalogue_of):
    (model,) = catalogue_of("{name: A, images: 10, longest_edge: 512, quantum: 8}").models
    assert (model.iterations, model.cfg, model.varies) == (None, None, ())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("images: 10", "image: 10", "model 1 (A): unknown key 'image'; known are name, images"),
        ("images: 10, ", "", "images is missing"),
        ("images: 10", "images: 0", "images must be a whole number from 1, not 0"),
        ("images: 10", "images: 1", "A: all_default is 2, but it has 1 images only"),
        ("quantum: 8", "quantum: 60", "longest_edge 512 is not a multiple of quantum 60"),
        ("name: A", "name: a/b", "name becomes part of file names"),
        ("name: A", "name: 15", "in quotes if a number"),
        ("iterations: 40", "iterations: 2", "to vary iterations their default must be 3 or more"),
        ("iterations: 40", "iterations: ", "to vary iterations their default must be 3 or more"),
        ("iterations: 40", "iterations: 4.5", "iterations must be a whole number from 1, or nothing, not 4.5"),
        ("cfg: 7.5", "cfg: 0", "to vary cfg its default must be given and above 0"),
        ("cfg: 7.5", "cfg: .nan", "cfg must be a number from 0 to 1000"),
        ("cfg: 7.5", "cfg: seven", "cfg must be a number from 0 to 1000"),
        ("[cfg, iterations]", "[steps]", "varies must be a list of iterations, cfg, resolution"),
        (GOOD, "A", "model 1: not a mapping"),
        (GOOD, f"{GOOD}\n  - {GOOD}", "the name A is there twice"),
        (GOOD, "{", "not YAML"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(catalogue_of, old, new, said):
    with pytest.raises(InvalidInput) as refused:
        catalogue_of(GOOD.replace(old, new))
    assert said in str(refused.value)


def test_a_file_of_another_form_is_refused(tmp_path, catalogue_of):
    with pytest.raises(InvalidInput, match="all_default must be a whole number"):
        catalogue_of(GOOD, all_default="many")
    (tmp_path / "list.yaml").write_text("- a\n")
    with pytest.raises(InvalidInput, match="`models:` with a list of entries is missing"):
        read_catalogue(tmp_path / "list.yaml")
