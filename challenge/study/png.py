"""PNG without what does not belong to the picture: prompts and parameters in text chunks, EXIF, times, names.

Kept are the chunks that a decoder needs for the same pixels in the same colours (W3C PNG, third edition, section 11);
an ICC profile keeps its content and loses its name. Compressed pixels are copied, never encoded again.
"""

import struct
import zlib
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KEPT = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP"})
LARGEST_SIDE = 8192  # pixels
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


class NotAPicture(ValueError):
    """The bytes are no PNG that every browser shows; the text says why, for people."""


@dataclass(frozen=True)
class Picture:
    """A PNG file without metadata, and its size in pixels."""

    content: bytes
    width: int
    height: int


def strip_png(content: bytes) -> Picture:
    """The picture in `content`. Raises NotAPicture for another format, damage, and sides above LARGEST_SIDE."""
    if not content.startswith(SIGNATURE):
        raise NotAPicture("is no PNG file. Convert it to PNG, which keeps every pixel")
    chunks = _chunks(content)
    if chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise NotAPicture("is damaged: it has no header")
    width, height = struct.unpack(">II", chunks[0][1][:8])
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise NotAPicture(f"has {width} x {height} pixels; at most {LARGEST_SIDE} a side can be shown")
    _check_pixels(chunks, width, height)
    kept = [_chunk(kind, _without_name(data) if kind == b"iCCP" else data) for kind, data in chunks if kind in KEPT]
    return Picture(SIGNATURE + b"".join(kept), width, height)


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """(type, data) of every chunk up to IEND; what follows is no part of the picture."""
    found: list[tuple[bytes, bytes]] = []
    place = len(SIGNATURE)
    while True:
        header = content[place : place + 8]
        if len(header) < 8:
            raise NotAPicture("is damaged: it ends in the middle")
        size, kind = struct.unpack(">I4s", header)
        data, check = content[place + 8 : place + 8 + size], content[place + 8 + size : place + 12 + size]
        if len(check) < 4:
            raise NotAPicture("is damaged: it ends in the middle")
        if zlib.crc32(kind + data) != struct.unpack(">I", check)[0]:
            raise NotAPicture(f"is damaged: the checksum of its chunk {kind.decode('latin-1')} is wrong")
        found.append((kind, data))
        if kind == b"IEND":
            return found
        place += 12 + size


def _check_pixels(chunks: list[tuple[bytes, bytes]], width: int, height: int) -> None:
    """Raises NotAPicture unless the pixels unpack to the number of bytes that the header promises."""
    depth, colour, _, _, interlaced = chunks[0][1][8:]
    if colour not in CHANNELS or depth not in (1, 2, 4, 8, 16):
        raise NotAPicture("is damaged: its header names no kind of pixels")
    bits = depth * CHANNELS[colour]
    least = height * ((width * bits + 7) // 8)
    # Every row has a byte for its filter, and Adam7 splits rows: seven times as many at most.
    most = least + height * (8 * 7 if interlaced else 1)
    unpacking, size = zlib.decompressobj(), 0
    try:
        for data in (data for kind, data in chunks if kind == b"IDAT"):
            while data and not unpacking.eof and size <= most:
                size += len(unpacking.decompress(data, most))
                data = unpacking.unconsumed_tail  # noqa: PLW2901  what is left of it
    except zlib.error:
        raise NotAPicture("is damaged: its pixels cannot be unpacked") from None
    if not least <= size <= most or not unpacking.eof:
        raise NotAPicture("is damaged: it has too few or too many pixels")


def _without_name(profile: bytes) -> bytes:
    return b"profile\0" + profile.partition(b"\0")[2]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
