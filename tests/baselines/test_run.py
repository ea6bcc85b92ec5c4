"""The runner: whatever an image holds there is one row for it, and nothing done is done again."""

import json
import threading

import numpy as np
import pytest

import scoring.baselines.run as runner
from scoring.baselines.images import ImageFile, InvalidImages, list_images
from scoring.baselines.job import AnotherRun, predictions, run_metric
from scoring.baselines.metric import Undefined
from scoring.baselines.registry import MetricInfo, find_metric
from scoring.baselines.run import Scored, chunks, run_chunk
from scoring.predictions import validate


class Mean:
    """A metric whose value is the mean of the red channel; what goes wrong is set by tests."""

    batch_size = 4
    one_size = False
    parallel = 1
    room = 100  # images that fit in memory
    loaded = 0
    batches: list = []  # noqa: RUF012 (reset by the fixture)

    def __init__(self, setting):
        type(self).loaded += 1

    def prepare(self, image, prompt):
        if image.max() == 0:
            raise Undefined("black")
        return image[..., 0], prompt

    def score(self, prepared):
        Mean.batches.append([image.shape for image, _ in prepared])
        if len(prepared) > Mean.room:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        if any(image.max() == 13 for image, _ in prepared):
            raise ZeroDivisionError("thirteen")
        return [float(image.mean()) + len(prompt) for image, prompt in prepared]


INFO = MetricInfo("mean", "Mean", "", "perception", "", "", "", f"{__name__}:Mean", lower_is_better=True, min_side=8)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(Mean, "batches", [])
    monkeypatch.setattr(Mean, "loaded", 0)
    monkeypatch.setattr(Mean, "batch_size", 4)
    monkeypatch.setattr(Mean, "room", 100)
    monkeypatch.setattr(runner, "_RESIDENT", runner._Resident())


@pytest.fixture
def images(save):
    """Twelve images of two sizes, alternating; image i has the level 20 + i."""
    sizes = [(16, 16, 3), (16, 9, 3)]
    return [save(f"{i:02d}.png", np.full(sizes[i % 2], 20 + i, np.uint8)) for i in range(12)]


def test_rows_come_in_order_and_batches_hold_one_size(images):
    rows = run_chunk(INFO, images)
    assert [row.name for row in rows] == [image.name for image in images]
    assert [row.raw for row in rows] == [20.0 + i for i in range(12)]
    assert [row.score for row in rows] == [-20.0 - i for i in range(12)]  # lower is better
    assert {row.status for row in rows} == {"scored"}
    assert all(len(set(batch)) == 1 for batch in Mean.batches)
    assert sorted(len(batch) for batch in Mean.batches) == [2, 2, 4, 4]


def test_each_bad_image_has_its_reason_and_the_others_their_score(images, save, tmp_path):
    black = save("black.png", np.zeros((16, 16, 3), np.uint8))
    small = save("small.png", np.full((7, 30, 3), 9, np.uint8))
    breaks = save("breaks.png", np.full((16, 16, 3), 13, np.uint8))
    (tmp_path / "cut.png").write_bytes(black.path.read_bytes()[:40])
    (tmp_path / "text.png").write_text("hello")
    rest = [ImageFile(name, tmp_path / name) for name in ("cut.png", "text.png", "absent.png")]
    rows = {row.name: row for row in run_chunk(INFO, [black, *images[:3], small, *rest, breaks, *images[3:]])}
    statuses = {name: row.status for name, row in rows.items() if row.status != "scored"}
    assert statuses == {
        "black.png": "undefined",
        "small.png": "undefined",
        "cut.png": "unreadable",
        "text.png": "unreadable",
        "absent.png": "unreadable",
        "breaks.png": "failed",
    }
    assert rows["small.png"].problem == "30 x 7 pixels: Mean needs 8 on the shorter side"
    assert "thirteen" in rows["breaks.png"].problem
    assert all(row.raw is None and row.score is None and row.problem for row in rows.values() if row.name in statuses)
    assert [rows[image.name].raw for image in images] == [20.0 + i for i in range(12)]


def test_a_batch_too_large_for_memory_is_halved_and_stays_so(images, monkeypatch):
    monkeypatch.setattr(Mean, "room", 2)
    rows = run_chunk(INFO, images)
    assert [row.raw for row in rows] == [20.0 + i for i in range(12)]
    sizes = [len(batch) for batch in Mean.batches]
    assert sizes.count(4) == 1  # tried once only


def test_an_image_too_large_for_memory_fails_alone(images, monkeypatch):
    monkeypatch.setattr(Mean, "room", 0)
    assert {(row.status, row.problem.partition(":")[0]) for row in run_chunk(INFO, images[:2])} == {
        ("failed", "MemoryError")
    }


def test_not_a_number_is_undefined(images, monkeypatch):
    monkeypatch.setattr(Mean, "score", lambda self, prepared: [float("nan")] * len(prepared))
    assert {row.status for row in run_chunk(INFO, images)} == {"undefined"}


def test_a_metric_is_loaded_once_and_only_one_is_kept(images):
    other = MetricInfo("other", "Other", "", "perception", "", "", "", f"{__name__}:Mean")
    for info in (INFO, INFO, other, other, INFO):
        run_chunk(info, images[:2])
    assert Mean.loaded == 3


def test_prompts_reach_the_metric_and_a_missing_one_is_named(images):
    info = MetricInfo("m", "M", "", "alignment", "", "", "", f"{__name__}:Mean", needs_prompt=True)
    prompts = {image.name: "x" * 7 for image in images}
    assert run_chunk(info, images[:1], prompts)[0].raw == 27.0
    del prompts["03.png"]
    with pytest.raises(InvalidImages, match=r"1 of 12 images have no prompt.*03\.png"):
        run_chunk(info, images, prompts)


def test_batches_are_scored_side_by_side_where_the_metric_allows(images, monkeypatch):
    meeting = threading.Barrier(2, timeout=20)

    def score(self, prepared):
        meeting.wait()  # passes only with two at once
        return [float(image.mean()) for image, _ in prepared]

    monkeypatch.setattr(Mean, "parallel", 2)
    monkeypatch.setattr(Mean, "batch_size", 3)
    monkeypatch.setattr(Mean, "score", score)
    assert [row.raw for row in run_chunk(INFO, images)] == [20.0 + i for i in range(12)]


def test_reading_ahead_is_bounded():
    begun, taken = [], []

    def slow(item):
        begun.append(item)
        return item

    for item in runner.ahead(slow, range(50), depth=5):
        taken.append(item)
        assert len(begun) <= len(taken) + 5
    assert taken == list(range(50))


def test_chunks_keep_sizes_together_and_lose_nothing(images):
    found = chunks(images, 5)
    assert [len(chunk) for chunk in found] == [5, 5, 2]
    assert {image.name for image in found[0]} < {image.name for image in images[1::2]}
    assert sorted(image.name for chunk in found for image in chunk) == [image.name for image in images]
    with pytest.raises(ValueError, match="at least one"):
        chunks(images, 0)


def test_a_run_that_was_stopped_does_no_chunk_again(images, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done >= 8:
            raise Stop

    out = tmp_path / "out"
    with pytest.raises(Stop):
        run_metric(INFO, images, out, chunk_size=4, progress=stop)
    before = len(Mean.batches)
    told = []
    summary = run_metric(INFO, images, out, chunk_size=4, progress=lambda done, total: told.append((done, total)))
    assert sum(len(batch) for batch in Mean.batches[before:]) == 4
    assert told == [(4, 12), (8, 12), (12, 12)]
    assert summary.statuses == {"scored": 12}
    assert summary.complete
    whole = run_metric(INFO, images, tmp_path / "whole", chunk_size=4)
    assert whole.statuses == summary.statuses
    assert (out / "predictions.csv").read_bytes() == (tmp_path / "whole" / "predictions.csv").read_bytes()


def test_results_are_a_valid_prediction_file_and_a_parquet_table(images, save, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    black = save("black.png", np.zeros((16, 16, 3), np.uint8))
    summary = run_metric(INFO, [black, *images], tmp_path / "out")
    assert summary.filled == 1
    assert summary.problems == ("black.png: undefined: black",)
    assert validate(tmp_path / "out" / "predictions.csv", ["black.png", *(image.name for image in images)]).ok
    rows = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [row["name"] for row in rows] == ["black.png", *(image.name for image in images)]
    assert rows[0]["status"] == "undefined"
    assert rows[0]["raw"] is None
    assert rows[1]["raw"] == -rows[1]["score"] == 20.0


@pytest.mark.parametrize(("undefined", "expected"), [("median", "c,3.0\n"), ("worst", "c,1.0\n"), ("leave", "")])
def test_an_image_without_a_score_is_filled_in_or_left_out(undefined, expected):
    rows = [Scored(name, "scored", value, value, "", 0.0) for name, value in (("a", 1.0), ("b", 3.0), ("d", 9.0))]
    rows.insert(2, Scored("c", "undefined", None, None, "black", 0.0))
    assert predictions(rows, undefined).decode() == "name,score\na,1.0\nb,3.0\n" + expected + "d,9.0\n"


def test_nothing_scored_at_all_is_an_error_that_says_why():
    with pytest.raises(ValueError, match="no image was scored; the first: black"):
        predictions([Scored("c", "undefined", None, None, "black", 0.0)])


def test_a_folder_of_another_run_is_refused(images, tmp_path):
    run_metric(INFO, images, tmp_path / "out")
    with pytest.raises(AnotherRun, match="images, images_sha256 differ"):
        run_metric(INFO, images[:5], tmp_path / "out")
    with pytest.raises(AnotherRun, match="chunk_size differ"):
        run_metric(INFO, images, tmp_path / "out", chunk_size=3)


def test_images_and_prompts_come_from_a_table(tmp_path, save):
    save("a.png", np.zeros((4, 4, 3), np.uint8))
    table = tmp_path / "images.csv"
    table.write_text("name,file,prompt\nfirst,a.png,a cat\nsecond,sub/b.png,\n")
    found, prompts = list_images(table)
    assert found == [ImageFile("first", tmp_path / "a.png"), ImageFile("second", tmp_path / "sub/b.png")]
    assert prompts == {"first": "a cat"}
    table.write_text("name\na.png\na.png\n")
    with pytest.raises(InvalidImages, match=r"images\.csv:3: 'a\.png' is on line 2 already"):
        list_images(table)
    table.write_text("picture\na.png\n")
    with pytest.raises(InvalidImages, match="no column name"):
        list_images(table)


def test_the_command_runs_metrics_and_says_what_it_could_not(tmp_path, save, pictures, capsys):
    from scoring.cli import main

    folder = tmp_path / "images"
    folder.mkdir()
    for name, picture in pictures.items():
        save(f"{name}.png", picture[:200, :200], folder)
    save("black.png", np.zeros((200, 200, 3), np.uint8), folder)
    arguments = [
        "baselines",
        "run",
        "--metric",
        "niqe",
        "brisque",
        "--images",
        str(folder),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["niqe"]["statuses"] == {"scored": 4, "undefined": 1}
    (folder / "torn.png").write_bytes(b"\x89PNG")
    assert main([*arguments[:-1], str(tmp_path / "p")]) == 1
    assert "torn.png: unreadable" in capsys.readouterr().out
    assert main([*arguments, "--chunk", "3"]) == 2
    assert "holds another run" in capsys.readouterr().err
    assert main([*arguments[:3], "nique", *arguments[5:]]) == 2
    assert "unknown metric 'nique'; known are brisque, niqe" in capsys.readouterr().err


def test_metrics_that_miss_their_weights_say_which_and_how(tmp_path, images):
    from scoring.baselines.metric import MetricUnavailable

    with pytest.raises(MetricUnavailable, match=r"CNNIQA_koniq10k-e6f14c91\.pth: missing; .*weights fetch cnniqa"):
        run_chunk(find_metric("cnniqa"), images, weights=tmp_path)


def test_the_command_offers_what_the_library_knows():
    from scoring.baselines import command, job, weights

    assert command.UNDEFINED == job.UNDEFINED
    assert command.WEIGHTS == weights.DEFAULT_FOLDER


def test_images_are_decoded_as_a_viewer_shows_them(tmp_path):
    from PIL import Image

    from scoring.baselines.images import Unreadable, decode, size_of

    clear = np.zeros((4, 6, 4), np.uint8)
    clear[:, 3:] = (10, 20, 30, 255)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    seen = decode(tmp_path / "clear.png")
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[0, 5].tolist() == [10, 20, 30]
    Image.fromarray(np.full((4, 6), 0x1234, np.uint16)).save(tmp_path / "deep.png")
    assert (decode(tmp_path / "deep.png") == 0x12).all()
    turned = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert decode(tmp_path / "turned.jpg").shape == (6, 4, 3)
    Image.fromarray(np.zeros((4, 6), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(Unreadable, match="32 bits"):
        decode(tmp_path / "float.tif")
    assert size_of(ImageFile("x", tmp_path / "absent.png")) == (0, 0)
