"""Image files: what is decoded to which pixels, and what is refused with which reason."""

import contextlib
import io
import struct
import zlib

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from generation.images import Unreadable, decode, list_images, suffix_problem
from generation.problems import InvalidInput
from tests.generation.pictures import pixels, write_picture


def saved(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_pixels_of_lossless_formats_come_back(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    rgb, found = decode(saved(Image.fromarray(pixels(1)), kind, **options))
    assert found == kind
    assert np.array_equal(rgb, pixels(1))


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_colour_modes_become_rgb(mode):
    image = Image.fromarray(pixels(2)).convert(mode)
    rgb, _ = decode(saved(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert np.array_equal(rgb, np.asarray(image.convert("RGB")))


def test_16_bit_samples_keep_their_high_byte():
    values = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    rgb, _ = decode(saved(Image.fromarray(values)))
    assert np.array_equal(rgb, np.repeat((values >> 8).astype(np.uint8)[:, :, None], 3, axis=2))


def test_what_is_transparent_is_white():
    image = Image.new("RGBA", (3, 1), (200, 10, 10, 255))
    image.putpixel((1, 0), (200, 10, 10, 0))
    image.putpixel((2, 0), (0, 0, 0, 128))
    rgb, _ = decode(saved(image))
    assert rgb.tolist() == [[[200, 10, 10], [255, 255, 255], [127, 127, 127]]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([9, 9, 9, 90, 90, 90])
    palette.putpixel((1, 0), 1)
    rgb, _ = decode(saved(palette, transparency=0))
    assert rgb.tolist() == [[[255, 255, 255], [90, 90, 90]]]


def test_exif_orientation_is_obeyed():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    rgb, _ = decode(saved(Image.fromarray(pixels(3, (24, 16))), "PNG", exif=exif))
    assert np.array_equal(rgb, np.rot90(pixels(3, (24, 16)), -1))


def test_the_first_frame_counts():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    rgb, _ = decode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert rgb[0, 0].tolist() == [255, 0, 0]


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def bomb():
    """A PNG that would unfold to 2.7 GB."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"name,mos\n", "not an image"),
        (saved(Image.fromarray(pixels(4)))[:-100], "damaged"),
        (saved(Image.fromarray(pixels(4, (64, 64))), "JPEG")[:-200], "damaged"),
        (saved(Image.fromarray(np.ones((4, 4), dtype=np.float32)), "TIFF"), "32 bits"),
        (bomb(), "more than 89,478,485 pixels"),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "float", "bomb"],
)
def test_what_cannot_be_decoded_says_why(content, reason):
    with pytest.raises(Unreadable, match=reason):
        decode(content)


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]), st.data())
def test_damage_gives_pixels_or_a_reason_and_nothing_else(kind, draw):
    content = bytearray(saved(Image.fromarray(pixels(5)), kind))
    for _ in range(draw.draw(st.integers(1, 8))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    with contextlib.suppress(Unreadable):
        rgb, _ = decode(bytes(content))
        assert rgb.ndim == 3


def test_a_folder_is_listed_at_all_levels_in_order_of_name(tmp_path):
    for name in ("b/2.PNG", "b/1.jpg", "a.webp", ".hidden.png"):
        write_picture(tmp_path / name, 0)
    (tmp_path / "notes.txt").write_text("")
    assert [image.name for image in list_images(tmp_path)] == ["a.webp", "b/1.jpg", "b/2.PNG"]


def test_a_table_lists_names_and_where_their_files_are(tmp_path):
    (tmp_path / "l.csv").write_text("name,file\na.png,sub/x.png\nb.png,y.png\n")
    found = [(image.name, image.path) for image in list_images(tmp_path / "l.csv")]
    assert found == [("a.png", tmp_path / "sub/x.png"), ("b.png", tmp_path / "y.png")]
    (tmp_path / "l.csv").write_text("name\na.png\n")
    assert list_images(tmp_path / "l.csv")[0].path == tmp_path / "a.png"


def test_names_with_control_characters_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no images"):
        list_images(tmp_path)
    write_picture(tmp_path / "a\nb.png", 0)
    with pytest.raises(InvalidInput, match="control characters"):
        list_images(tmp_path)


def test_the_ending_must_be_that_of_the_content():
    assert suffix_problem("a.jpeg", "JPEG") is None
    assert suffix_problem("a.PNG", "PNG") is None
    assert suffix_problem("a.png", "JPEG") == "the content is JPEG, the name says PNG: rename it"
    assert "nothing of the format" in suffix_problem("a", "PNG")
