"""The renderer, with the trained toy: files, records, and what it does when drawing goes wrong."""

import json
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image

from generation.problems import InvalidInput
from generation.render import finished
from generation.render.pipelines import Pipeline
from generation.render.renderer import DRAWS, seed_of
from generation.render.run import render_all

torch = pytest.importorskip("torch")


@pytest.fixture
def painter(monkeypatch):
    """Replace what a pipeline draws: `paint(request, seed)` gives an image's value, or raises; calls are noted."""

    def install(paint, most=None):
        calls = []

        def draw(self, requests, seeds):
            calls.append([request.name for request in requests])
            if most is not None and len(requests) > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            one = requests[0]
            pixels = np.zeros((len(requests), one.height, one.width, 3), np.float32)
            for i, (request, seed) in enumerate(zip(requests, seeds, strict=True)):
                pixels[i] = paint(request, seed)
            return pixels

        monkeypatch.setattr(Pipeline, "draw", draw)
        return calls

    return install


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_images_are_pngs_of_the_asked_size_without_metadata_and_with_a_record(toy, request_of, tmp_path):
    wide = request_of(1, height=32)
    (image,) = toy.render([wide], tmp_path)
    png = (tmp_path / wide.name).read_bytes()
    with Image.open(tmp_path / wide.name) as opened:
        assert (opened.size, opened.mode, opened.format, opened.info) == ((64, 32), "RGB", "PNG", {})
    assert wide.prompt.encode() not in png
    assert (image.status, image.sha256, image.bytes) == ("done", sha256(png).hexdigest(), len(png))
    assert (image.attempts, image.seed_used) == (1, 1)
    known = image.provenance
    assert (known["prompt"], known["steps"], known["cfg"], known["seed"]) == (wide.prompt, 2, 4.0, 1)
    assert (known["device"], known["dtype"], known["batch"], known["torch"]) == ("cpu", "float32", 1, torch.__version__)
    assert (known["pipeline"], known["scheduler"]) == ("StableDiffusionPipeline", "EulerDiscreteScheduler")
    assert (known["tokens"], known["truncated"]) == (12, False)
    assert json.loads((tmp_path / f"{wide.name}.json").read_text())["provenance"] == known
    assert finished(wide, tmp_path) == image


def test_a_prompt_that_is_longer_than_the_encoder_reads_is_marked(toy, request_of, tmp_path):
    (image,) = toy.render([request_of(prompt="a red circle, " * 10)], tmp_path)
    assert image.provenance["truncated"]


def test_results_are_in_the_order_of_the_requests_whatever_their_kinds(toy, request_of, tmp_path):
    mixed = [request_of(0), request_of(1, height=32), request_of(2), request_of(3, steps=1)]
    assert [image.name for image in toy.render(mixed, tmp_path)] == [one.name for one in mixed]


def test_few_steps_make_other_images_than_many(toy, request_of, tmp_path):
    few, many, again = toy.render([request_of(0), request_of(1, steps=6, seed=0), request_of(2, seed=0)], tmp_path)
    assert few.sha256 == again.sha256
    assert few.sha256 != many.sha256


def test_a_run_goes_on_and_changes_no_byte_of_what_is_there(toy, request_of, tmp_path):
    plan = [request_of(i) for i in range(4)]
    first = render_all(plan, tmp_path, lambda: toy, batch_size=2, limit=2)
    assert (first.kept, first.drawn, first.left, first.problems) == (0, 2, 2, [])
    before = contents(tmp_path)
    second = render_all(plan, tmp_path, lambda: toy, batch_size=2)
    assert (second.kept, second.drawn, second.left) == (2, 2, 0)
    after = contents(tmp_path)
    assert before.items() <= after.items()
    lost = plan[3].name
    (tmp_path / lost).unlink()  # as after a kill between record and image
    third = render_all(plan, tmp_path, lambda: toy, batch_size=2)
    assert (third.kept, third.drawn, third.left) == (3, 1, 0)
    at_last = contents(tmp_path)
    assert at_last[lost][0] == after[lost][0]
    ours = {lost, f"{lost}.json"}
    assert {name: at_last[name] for name in at_last if name not in ours} == {
        name: after[name] for name in after if name not in ours
    }


def test_a_finished_run_needs_no_renderer(painter, toy, request_of, tmp_path):
    painter(lambda request, seed: 0.5)
    toy.render([request_of()], tmp_path)
    done = render_all([request_of()], tmp_path, lambda: pytest.fail("a renderer was made"))
    assert (done.kept, done.drawn) == (1, 0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"\x89PNG"), "has changed since it was made"),
        (lambda path: path.with_name(path.name + ".json").unlink(), "is not of this program"),
        (lambda path: path.with_name(path.name + ".json").write_text("{"), "cannot be read"),
    ],
)
def test_a_file_that_is_not_what_was_drawn_is_refused_not_replaced(painter, toy, request_of, tmp_path, spoil, said):
    painter(lambda request, seed: 0.5)
    one = request_of()
    toy.render([one], tmp_path)
    spoil(tmp_path / one.name)
    with pytest.raises(InvalidInput, match=said):
        finished(one, tmp_path)


def test_an_image_of_another_plan_is_refused(painter, toy, request_of, tmp_path):
    painter(lambda request, seed: 0.5)
    one = request_of()
    toy.render([one], tmp_path)
    with pytest.raises(InvalidInput, match=r"another request \(steps 2, now 3\): give the new plan another folder"):
        finished(replace(one, steps=3), tmp_path)


def test_a_black_image_is_drawn_again_with_a_seed_that_follows_from_the_first(painter, toy, request_of, tmp_path):
    calls = painter(lambda request, seed: 0.0 if request.seed == seed == 1 else 0.5)
    fine, redrawn = toy.render([request_of(0), request_of(1)], tmp_path)
    assert calls == [[fine.name, redrawn.name], [redrawn.name]]
    assert (fine.attempts, fine.seed_used, redrawn.attempts) == (1, 0, 2)
    assert redrawn.seed_used == seed_of(request_of(1), 2) == int(sha256(b"1|2").hexdigest()[:8], 16)
    assert (redrawn.status, redrawn.provenance["seed"]) == ("done", 1)


@pytest.mark.parametrize(("value", "problem"), [(0.0, "black"), (np.nan, "its values overflowed")])
def test_an_image_that_stays_black_is_no_file(painter, toy, request_of, tmp_path, value, problem):
    calls = painter(lambda request, seed: value)
    (image,) = toy.render([request_of()], tmp_path)
    assert (image.status, image.problem, image.attempts, len(calls)) == ("black", problem, DRAWS, DRAWS)
    assert (image.sha256, image.bytes, list(tmp_path.glob("*.png*"))) == (None, None, [])


def test_out_of_memory_halves_the_batch_and_is_remembered(painter, fresh_toy, request_of, tmp_path):
    calls = painter(lambda request, seed: 0.5, most=3)
    images = fresh_toy.render([request_of(i) for i in range(8)], tmp_path)
    assert [len(call) for call in calls] == [8, 4, 2, 2, 2, 2]
    assert {image.status for image in images} == {"done"}
    assert {image.provenance["batch"] for image in images} == {2}
    fresh_toy.render([request_of(i) for i in range(10, 14)], tmp_path)
    assert [len(call) for call in calls[6:]] == [2, 2]


def test_too_little_memory_for_one_image_fails_that_image(painter, toy, request_of, tmp_path):
    painter(lambda request, seed: 0.5, most=0)
    (image,) = toy.render([request_of()], tmp_path)
    assert (image.status, image.problem) == ("failed", "OutOfMemoryError: CUDA out of memory")


def test_one_bad_image_does_not_take_its_batch_along(painter, toy, request_of, tmp_path):
    def paint(request, seed):
        if request.seed == 2:
            raise RuntimeError("size of\n tensor a")
        return 0.5

    painter(paint)
    images = toy.render([request_of(i) for i in range(4)], tmp_path)
    assert [image.status for image in images] == ["done", "done", "failed", "done"]
    assert images[2].problem == "RuntimeError: size of tensor a"
    done = render_all([request_of(i) for i in range(4)], tmp_path, lambda: toy)
    assert (done.kept, done.drawn, len(done.problems)) == (3, 0, 1)


def test_a_device_that_is_lost_ends_the_run(painter, toy, request_of, tmp_path):
    def paint(request, seed):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    painter(paint)
    with pytest.raises(torch.AcceleratorError):
        toy.render([request_of(0), request_of(1)], tmp_path)
