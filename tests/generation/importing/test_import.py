"""Bringing the images of services: from a folder and from a zip, checked line by line, taken up again."""

import csv
import io
import zipfile
from hashlib import sha256

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from generation import cli
from generation.importing import bundle
from generation.render import finished, read_requests

PLAN = """index,name,model,prompt,iterations,cfg,width,height,seed
0,toy_0000.png,toy,a circle,4,4.0,64,64,1
1,DALLE3_0000.png,DALLE3,a cat,,,32,16,2
2,DALLE3_0001.png,DALLE3,a dog,,,32,16,3
3,MJ_0000.png,MJ,a cat on mars,,,32,16,4
"""


def picture(number, size=(32, 16)):
    """A PNG with its prompt in the metadata, as services give them."""
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("parameters", "a secret prompt")
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=notes)
    return stream.getvalue()


FILES = {"a/1.png": picture(1), "a/2.png": picture(2), "3.png": picture(3)}
ROWS = [
    {"file": "a/1.png", "name": "DALLE3_0000.png", "sha256": sha256(FILES["a/1.png"]).hexdigest(), "service": "web"},
    {"file": "a/2.png", "name": "DALLE3_0001.png", "sha256": sha256(FILES["a/2.png"]).hexdigest(), "service": "web"},
    {"file": "3.png", "name": "MJ_0000.png", "sha256": sha256(FILES["3.png"]).hexdigest(), "service": ""},
]


@pytest.fixture
def bring(tmp_path):
    """Run the command on these files and rows; the folder of images is tmp_path / "out"."""
    plan = tmp_path / "plan.csv"
    plan.write_text(PLAN)

    def run(rows=ROWS, files=FILES, *more, kind="zip"):
        source = tmp_path / ("files.zip" if kind == "zip" else "files")
        if kind == "zip":
            with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as made:
                for name, content in files.items():
                    made.writestr(name, content)
        else:
            for name, content in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(content)
        manifest = tmp_path / "manifest.csv"
        with manifest.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        arguments = ["--plan", str(plan), "--images", str(source), "--manifest", str(manifest)]
        return cli.main(["import", *arguments, "--out", str(tmp_path / "out"), *more])

    return run


def changed(number, **fields):
    return [{**row, **(fields if i == number else {})} for i, row in enumerate(ROWS)]


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_images_are_stored_with_the_same_pixels_and_no_metadata(bring, tmp_path, capsys, kind):
    assert bring(kind=kind) == 0
    said = capsys.readouterr().out
    assert "3 images are as the manifest says; 0 were there already" in said
    stored = tmp_path / "out" / "DALLE3_0000.png"
    with Image.open(stored) as image, Image.open(io.BytesIO(FILES["a/1.png"])) as original:
        assert image.info == {}
        assert np.array_equal(image, original)
    assert b"secret" not in stored.read_bytes()
    request = read_requests(tmp_path / "plan.csv")[1]
    record = finished(request, tmp_path / "out")
    assert record.provenance["source_sha256"] == ROWS[0]["sha256"]
    assert (record.provenance["source_file"], record.provenance["source_service"]) == ("a/1.png", "web")


def test_a_dry_run_stores_nothing(bring, tmp_path, capsys):
    assert bring(ROWS, FILES, "--dry-run") == 0
    assert "nothing was stored (--dry-run)" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_it_goes_on_and_leaves_what_is_there(bring, tmp_path, capsys):
    assert bring(ROWS[:1]) == 0
    said = capsys.readouterr().out
    assert "2 image files are not in the manifest, the first: 3.png" in said
    assert "1 images of DALLE3 are still to be brought" in said
    assert "1 images of MJ are still to be brought" in said
    stored = tmp_path / "out" / "DALLE3_0000.png"
    before = (stored.read_bytes(), stored.stat().st_mtime_ns)
    assert bring() == 0
    said = capsys.readouterr().out
    assert "1 were there already" in said
    assert "2 were stored" in said
    assert (stored.read_bytes(), stored.stat().st_mtime_ns) == before
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_an_image_that_was_brought_as_another_file_is_refused(bring, capsys):
    assert bring(ROWS[:1]) == 0
    assert bring([{"file": "3.png", "name": "DALLE3_0000.png"}]) == 1
    assert "DALLE3_0000.png was imported from another file" in capsys.readouterr().err


@pytest.mark.parametrize("identifier", [{"index": "3"}, {"prompt": "a cat on mars"}])
def test_an_image_may_be_named_by_its_index_or_prompt(bring, tmp_path, identifier):
    assert bring([{"file": "3.png", **identifier}]) == 0
    assert (tmp_path / "out" / "MJ_0000.png").exists()


@pytest.mark.parametrize(
    ("rows", "files", "said"),
    [
        (changed(1, name="DALLE3_0009.png"), FILES, "csv:3: name 'DALLE3_0009.png' is that of no image to import"),
        (changed(1, name="toy_0000.png"), FILES, "csv:3: name 'toy_0000.png' is that of no image to import"),
        (changed(1, name="DALLE3_0000.png"), FILES, "csv:3: the same name as on line 2"),
        (changed(1, file="a/1.png"), FILES, "csv:3: the same file as on line 2"),
        (changed(1, file="a/9.png"), FILES, "csv:3: a/9.png: not in the zip"),
        (changed(1, file="../../etc/passwd"), FILES, "csv:3: ../../etc/passwd: the path leads out"),
        (changed(1, file="/etc/passwd"), FILES, "csv:3: /etc/passwd: the path leads out"),
        (changed(1, sha256="0" * 64), FILES, "csv:3: a/2.png: its sha256 is"),
        (ROWS, {**FILES, "a/2.png": picture(2, (16, 32))}, "csv:3: a/2.png: its sha256 is"),
        (
            [{"file": "3.png", "name": "MJ_0000.png"}],
            {"3.png": picture(3, (16, 32))},
            "csv:2: 3.png: it is 16 x 32 pixels, the plan says 32 x 16",
        ),
        ([{"file": "3.png", "name": "MJ_0000.png", "width": "8", "height": "8"}], FILES, "the manifest says 8 x 8"),
        ([{"file": "3.png", "name": "MJ_0000.png"}], {"3.png": b"no image"}, "csv:2: 3.png: not an image"),
        (
            [{"file": "a/1.png", "name": "MJ_0000.png"}, {"file": "b.png", "name": "DALLE3_0000.png"}],
            {**FILES, "b.png": FILES["a/1.png"]},
            "csv:3: b.png: has the same content as a/1.png",
        ),
        ([{"file": "3.png", "title": "x"}], FILES, "needs one of the columns name, index, prompt"),
    ],
)  # fmt: skip
def test_what_is_not_as_said_is_refused_with_its_line_and_nothing_is_stored(bring, tmp_path, capsys, rows, files, said):
    assert bring(rows, files) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_prompt_of_two_images_names_neither(bring, tmp_path, capsys):
    (tmp_path / "plan.csv").write_text(PLAN.replace("a cat on mars", "a cat"))
    assert bring([{"file": "3.png", "prompt": "a cat"}]) == 1
    assert "is that of 2 images to import in the plan; name it by name or index" in capsys.readouterr().err


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(bring, capsys, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_BYTES", 2**20)
    assert bring([{"file": "3.png", "name": "MJ_0000.png"}], {"3.png": bytes(2**24)}) == 1
    assert "3.png: larger than 1 MB" in capsys.readouterr().err


def test_a_link_that_leads_out_of_the_folder_is_not_followed(bring, tmp_path, capsys):
    (tmp_path / "elsewhere.png").write_bytes(FILES["3.png"])
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "3.png").symlink_to(tmp_path / "elsewhere.png")
    assert bring([{"file": "3.png", "name": "MJ_0000.png"}], {}, kind="folder") == 1
    assert "3.png: a link that leads out of the folder" in capsys.readouterr().err


def test_what_is_no_zip_and_a_plan_without_such_images_are_said(bring, tmp_path, capsys):
    manifest = tmp_path / "m.csv"
    manifest.write_text("file,name\n3.png,MJ_0000.png\n")
    arguments = ["--manifest", str(manifest), "--out", str(tmp_path / "out"), "--images", str(manifest)]
    assert cli.main(["import", "--plan", str(tmp_path / "plan.csv"), *arguments]) == 1
    assert "m.csv: is neither a folder nor a zip that is whole" in capsys.readouterr().err
    (tmp_path / "plan.csv").write_text("\n".join(PLAN.splitlines()[:2]) + "\n")
    assert cli.main(["import", "--plan", str(tmp_path / "plan.csv"), *arguments]) == 1
    assert "has no image of a model that the catalogue marks as import" in capsys.readouterr().err
