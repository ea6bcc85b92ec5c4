"""The catalogue of models: the paper's, and what is wrong with one's own."""

from decimal import Decimal

import pytest

from generation.catalogue.models import DEMO, read_catalogue, read_generators
from generation.catalogue.sources import Diffusers, Imported
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


SOURCE = "pipeline: StableDiffusionPipeline, repository: o/n, licence: {name: L, url: 'https://example.org'}"
STAGE = "pipeline: UpPipeline, repository: o/up, licence: {name: L, url: u}, scale: 4, iterations: 50, cfg: 4.0"


def with_source(text):
    return GOOD.replace("quantum: 8,", f"quantum: 8, source: {{{text}}},")


def test_the_papers_models_say_where_their_images_come_from():
    sources = {model.name: model.source for model in read_catalogue().models}
    imported = [name for name, source in sources.items() if isinstance(source, Imported)]
    assert imported == ["DALLE2", "DALLE3", "MJ"]
    drawn = {name: source for name, source in sources.items() if isinstance(source, Diffusers)}
    assert len(drawn) == 12
    assert {name for name, source in drawn.items() if source.weights.gated} == {"IF"}
    assert {name: source.scheduler for name, source in drawn.items() if source.lora} == {
        "LCM_SD1.5": "LCMScheduler",
        "LCM_SDXL": "LCMScheduler",
    }
    assert [(stage.scale, stage.iterations) for stage in drawn["IF"].stages] == [(4, 50), (4, 75)]
    assert all(part.licence.url.startswith("https://") for source in drawn.values() for part in source.all_weights)


def test_the_demos_weights_ship_with_it():
    (toy,) = read_catalogue(DEMO).models
    assert (toy.source.weights.folder / "model_index.json").is_file()


def test_entries_of_a_further_file_are_added_or_replace(tmp_path):
    path = tmp_path / "more.yaml"
    entries = [with_source(SOURCE), with_source(f"{SOURCE}, revision: v2").replace("name: A", "name: SDXL")]
    path.write_text("all_default: 1\nmodels:\n" + "".join(f"  - {entry}\n" for entry in entries))
    generators = read_generators([path])
    assert (len(generators), generators["A"].source.weights.place) == (17, "o--n@main")
    assert generators["SDXL"].source.weights.place == "o--n@v2"


def test_stages_a_lora_and_arguments_are_read(catalogue_of):
    lora = "lora: {folder: l, licence: {name: L, url: u}}"
    (model,) = catalogue_of(with_source(f"{SOURCE}, {lora}, stages: [{{{STAGE}}}], call: {{eta: 1.0}}")).models
    source = model.source
    assert (source.scale, source.stages[0].cfg, dict(source.call)) == (4, 4.0, {"eta": 1.0})
    assert source.lora.folder.name == "l"
    assert [part.repository for part in source.all_weights] == ["o/n", "l", "o/up"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("provider: magic", "source: provider must be diffusers or import, not 'magic'"),
        ("provider: import", "source: licence must be {name: ..., url: ...}"),
        (SOURCE.replace("pipeline:", "pipe:"), "source: unknown key 'pipe'; known are call, dtype"),
        (
            SOURCE.replace("StableDiffusionPipeline", "os.system"),
            "pipeline must be a class of diffusers whose name ends",
        ),
        (SOURCE.replace("o/n", "o"), "source: repository must be owner/name, not 'o'"),
        (f"{SOURCE}, folder: x", "source: give either repository: owner/name or folder: PATH"),
        (SOURCE.replace("name: L, ", ""), "source: licence must be"),
        (f"{SOURCE}, revision: ../x", "source: revision must be a branch, tag or commit"),
        (f"{SOURCE}, gated: maybe", "source: gated must be true or false"),
        (f"{SOURCE}, scheduler: LCM", "source: scheduler must be a class of diffusers whose name ends in Scheduler"),
        (f"{SOURCE}, dtype: int8", "source: dtype must be one of float16, bfloat16, float32"),
        (f"{SOURCE}, max_batch: 0", "source: max_batch must be a whole number from 1"),
        (f"{SOURCE}, memory: -1", "source: memory must be a number of GB above 0"),
        (f"{SOURCE}, call: 3", "source: call must hold arguments with values"),
        (f"{SOURCE}, lora: x", "source: lora must hold keys with values"),
        (f"{SOURCE}, lora: {{folder: x}}", "source: lora: licence must be"),
        (f"{SOURCE}, stages: x", "source: stages must be a list"),
        (f"{SOURCE}, stages: [{{{STAGE.replace('scale: 4', 'scale: 0')}}}]", "source: stage 1: scale must be a whole"),
    ],
)
def test_a_source_that_cannot_be_used_says_why(catalogue_of, source, said):
    with pytest.raises(InvalidInput) as refused:
        catalogue_of(with_source(source))
    assert said in str(refused.value)
