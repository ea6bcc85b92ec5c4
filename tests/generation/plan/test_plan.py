"""Plans: rows, seeds, prompts, bytes."""

import csv
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.catalogue.models import read_catalogue
from generation.plan.deck import Prompt, read_prompts
from generation.plan.plan import PROMPT_MODES, _seed, make_plan, write_plan
from generation.plan.report import as_markdown, cramers_v, plan_report
from generation.problems import InvalidInput
from generation.rounding import apportion

PAPER = read_catalogue()


@pytest.fixture(scope="module")
def paper():
    return make_plan(PAPER)


def prompts(count, bins=(("short", 3), ("middle", 5), ("long", 2))):
    labels = [label for label, weight in bins for _ in range(weight)]
    return [Prompt(f"p{i}", f"a picture of number {i}", labels[i % len(labels)]) for i in range(count)]


def test_every_margin_of_the_papers_plan_is_exact(paper):
    assert len(paper.images) == 20_000
    assert [image.index for image in paper.images] == list(range(20_000))
    for model in PAPER.models[:7]:
        images = [image for image in paper.images if image.model == model.name]
        steps, edge = model.iterations, model.longest_edge
        assert Counter(i.iterations for i in images) == {steps: 1000, steps // 2: 500, steps // 4: 500}
        assert Counter(i.cfg_level for i in images) == {"1": 1000, "0.5": 400, "2": 400, "random": 200}
        fixed = Counter((i.width, i.height) for i in images if i.resolution_level != "random")
        short = edge * 3 // 4, edge * 9 // 16
        assert fixed == {(edge, edge): 1000} | dict.fromkeys(
            [(short[0], edge), (edge, short[0]), (short[1], edge), (edge, short[1])], 200
        )
    assert sum(image.iteration_default for image in paper.images) == 11_504
    assert sum(image.cfg_default for image in paper.images) == 13_000
    assert sum(image.resolution_default for image in paper.images) == 11_504
    assert sum(i.iterations for i in paper.images if i.model == "SDXL") == 55_000


def test_every_model_has_at_least_500_images_with_all_defaults(paper):
    flags = ("iteration_default", "cfg_default", "resolution_default")
    counts = Counter(i.model for i in paper.images if all(getattr(i, flag) for flag in flags))
    assert len(counts) == 15
    assert min(counts.values()) >= 500


def test_a_service_that_tells_no_steps_and_scale_has_none(paper):
    assert {(i.iterations, i.cfg) for i in paper.images if i.model == "MJ"} == {(None, None)}
    assert {(i.iterations, i.cfg) for i in paper.images if i.model == "IF"} == {(100, Decimal("7.00"))}


def test_random_scales_fill_their_range_evenly(paper):
    for law, middle in (("log-uniform", 7.5), ("uniform", 9.375)):
        plan = paper if law == "log-uniform" else make_plan(PAPER, random_cfg=law)
        scales = sorted(float(i.cfg) for i in plan.images if i.model == "SD1.4" and i.cfg_level == "random")
        assert len(scales) == 200
        assert scales[0] == pytest.approx(3.75, abs=0.06)
        assert scales[-1] == pytest.approx(15, abs=0.11)
        assert (scales[99] + scales[100]) / 2 == pytest.approx(middle, abs=0.05)


def test_half_of_the_random_sizes_are_landscape(paper):
    sizes = [(i.width, i.height) for i in paper.images if i.model == "SDXL" and i.resolution_level == "random"]
    assert sum(w > h for w, h in sizes) == pytest.approx(100, abs=2)


def test_seeds_are_the_first_32_bits_of_a_hash_and_differ(paper):
    assert len({image.seed for image in paper.images}) == 20_000
    for image in paper.images[::997]:
        digest = sha256(f"{paper.plan_id}|{image.model}|{image.index}".encode()).digest()
        assert image.seed == int.from_bytes(digest[:4])


def test_a_seed_that_is_taken_is_drawn_again():
    used: set[int] = set()
    assert _seed("plan", "SDXL", 7, used) != _seed("plan", "SDXL", 7, used)
    assert len(used) == 2


def test_neither_index_nor_name_tells_the_configuration(paper):
    images = [image for image in paper.images if image.model == "SDXL"]
    assert [image.name for image in images] == [f"SDXL_{i:04d}.png" for i in range(2000)]
    in_first_half = sum(image.block == "anchor" for image in images[:1000])
    assert in_first_half == pytest.approx(250, abs=4 * 9.7)  # sd of a hypergeometric draw


def test_factors_are_orthogonal_in_the_factorial_block(paper):
    for model in plan_report(paper)["models"]:
        for pair in model["cramers_v"].values():
            assert pair["factorial"] < 0.02
    images = [i for i in paper.images if i.model == "SDXL" and i.block == "factorial"]
    table = [[0] * 6 for _ in range(3)]
    for image in images:
        column = ["1:1", "3:4", "4:3", "9:16", "16:9", "random"].index(image.resolution_level)
        table[["1", "0.5", "0.25"].index(image.iteration_level)][column] += 1
    assert cramers_v(table) < 0.02


def test_the_file_has_the_bytes_it_always_had(paper, tmp_path):
    write_plan(paper, tmp_path / "plan.csv")
    content = (tmp_path / "plan.csv").read_bytes()
    assert content.startswith(
        b"index,model,iterations,cfg,width,height,seed,block,iteration_default,cfg_default,resolution_default,"
    )
    assert sha256(content).hexdigest() == "6fe71706b22f96c3c51fe116d6a5c16d25d9340c9686e4d6031bbcacdfd1480a"
    write_plan(make_plan(PAPER, seed=1), tmp_path / "other.csv")
    assert (tmp_path / "other.csv").read_bytes() != content


def test_another_decimal_library_gives_the_same_bytes(tmp_path):
    """Python's own implementation of decimal arithmetic in place of the C library behind it."""
    script = (
        "import sys, _pydecimal; sys.modules['decimal'] = _pydecimal\n"
        "from generation.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    for way in (["-c", script], ["-m", "generation"]):
        out = tmp_path / f"{len(way[1])}.csv"
        subprocess.run(
            [sys.executable, *way, "plan", "--out", str(out), "--images", "3000"], check=True, capture_output=True
        )
    one, other = (path.read_bytes() for path in tmp_path.iterdir())
    assert one == other


@settings(max_examples=15)
@given(st.integers(160, 400), st.sampled_from(PROMPT_MODES), st.integers(0, 3))
def test_prompts_are_dealt_as_the_mode_says_with_equal_shares_of_lengths(images, mode, seed):
    plan = make_plan(PAPER, images=images, prompts=prompts(500), prompt_mode=mode, seed=seed)
    used = Counter(image.prompt_id for image in plan.images)
    if mode == "unique":
        assert set(used.values()) == {1}
    elif mode == "crossed":
        assert len(used) == max(design.images for design in plan.designs)
    else:
        anchors = {image.prompt_id for image in plan.images if image.block == "anchor"}
        assert len(anchors) == max(design.anchors for design in plan.designs)
        others = [image.prompt_id for image in plan.images if image.block == "factorial"]
        assert len(set(others) - anchors) == len(others)
    for design in plan.designs:
        own = [image for image in plan.images if image.model == design.model.name]
        assert len({image.prompt_id for image in own}) == len(own)
        for part in (own, [image for image in own if image.block == "anchor"]):
            lengths = Counter(image.length_bin for image in part)
            for label, share in (("short", 0.3), ("middle", 0.5), ("long", 0.2)):
                assert abs(lengths[label] - share * len(part)) <= 2


def test_prompts_of_a_plan_keep_the_shares_of_the_pool():
    plan = make_plan(PAPER, prompts=prompts(30_000))
    assert Counter(image.length_bin for image in plan.images) == {"short": 6000, "middle": 10_000, "long": 4000}
    for design in plan.designs:
        anchors = [i for i in plan.images if i.model == design.model.name and i.block == "anchor"]
        lengths = Counter(image.length_bin for image in anchors)
        exact = apportion(len(anchors), [3, 5, 2])
        assert all(abs(lengths[label] - n) <= 1 for label, n in zip(("short", "middle", "long"), exact, strict=True))


@pytest.mark.parametrize(
    ("mode", "options", "said"),
    [
        ("unique", {}, "needs 20000 prompts, the file has 14000: give 6000 more, or --prompt-mode shared_anchor"),
        ("unique", {}, "shared_anchor, which needs 13244, or --prompt-mode crossed, which needs 2000, or plan fewer"),
        ("shared_anchor", {"policy": "marginals"}, "needs anchors, and this plan has models without"),
        ("crossed", {"images": 200_000}, "needs 20000 prompts, the file has 14000: give 6000 more, or plan fewer"),
    ],
)
def test_too_few_prompts_say_how_many_and_what_else_is_possible(mode, options, said):
    with pytest.raises(InvalidInput) as refused:
        make_plan(PAPER, prompts=prompts(14_000), prompt_mode=mode, **options)
    assert said in str(refused.value)


def test_prompts_are_read_with_whatever_columns_there_are(tmp_path):
    path = tmp_path / "kept.csv"
    path.write_text("prompt\na cat\n" + "very " * 21 + "long\n" + "word " * 60 + "\n" + "w; " * 60 + "\n")
    assert [p.length_bin for p in read_prompts(path)] == ["1-20", "21-40", "41-77", "78+"]
    path.write_text("id,prompt,tokens\nx,a cat,21\ny,a dog,20\n")
    assert [(p.id, p.length_bin) for p in read_prompts(path)] == [("x", "21-40"), ("y", "1-20")]
    path.write_text("tokens,length_bin,prompt\n3,any label,a cat\n")
    assert read_prompts(path) == [Prompt("1", "a cat", "any label")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prompt\na cat\na cat\n", "kept.csv:3: the same prompt as on line 2"),
        ("prompt,tokens\na cat,many\n", "kept.csv:2: tokens is 'many', not a whole number"),
        ("text\na cat\n", "no column prompt"),
    ],
)
def test_prompts_that_cannot_be_dealt_are_named_by_line(tmp_path, content, said):
    (tmp_path / "kept.csv").write_text(content)
    with pytest.raises(InvalidInput) as refused:
        read_prompts(tmp_path / "kept.csv")
    assert said in str(refused.value)


def test_a_plan_with_commas_and_quotes_in_its_prompts_is_read_back(tmp_path):
    texts = [Prompt(str(i), f'"{i}", said the cat', "short") for i in range(15)]
    write_plan(make_plan(PAPER, images=15, prompts=texts), tmp_path / "plan.csv")
    with (tmp_path / "plan.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["prompt"] for row in rows} == {prompt.text for prompt in texts}
    assert {row["cfg_default"] for row in rows} == {"true"}


@pytest.mark.parametrize(
    ("policy", "note"),
    [
        ("guarantee", "exclude each other for LCM_SD1.5, LCM_SDXL, LCM_Pixart, SDXL_Turbo: the shares gave way"),
        ("strict", "its effects cannot be told apart (--policy strict)"),
        ("marginals", "independent shares leave fewer than 500 all-default images for SD1.4"),
    ],
)
def test_the_report_says_which_rule_gave_way(policy, note):
    report = plan_report(make_plan(PAPER, policy=policy))
    assert note in as_markdown(report)
    v = {model["model"]: model["cramers_v"] for model in report["models"]}
    confounding = {"guarantee": 0.333, "strict": 0.707, "marginals": 0.0}[policy]
    assert v["LCM_SDXL"]["iterations x resolution"]["all"] == pytest.approx(confounding, abs=1e-3)
    assert v["IF"] == {}


def test_cramers_v_is_0_for_independent_1_for_determined_and_none_for_one_level():
    assert cramers_v([[10, 20], [30, 60]]) == pytest.approx(0, abs=1e-9)
    assert cramers_v([[5, 0, 0], [0, 3, 0], [0, 0, 2]]) == pytest.approx(1)
    assert cramers_v([[5, 3], [0, 0]]) is None
    assert cramers_v([[8, 2], [2, 8]]) == pytest.approx(0.6)  # phi coefficient
