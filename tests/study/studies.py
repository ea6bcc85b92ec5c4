"""Studies for tests, made through the services: tiny pictures with prompts in their metadata, subjects with links."""

import csv
import io
import random
import struct
import uuid
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.test import Client
from django.utils import timezone

from challenge.contests.models import Challenge
from challenge.study import figure_run, opinions, rating, setup
from challenge.study.image_list import files_in_zip
from challenge.study.models import RatingSession, Study, Subject
from challenge.study.png import SIGNATURE
from challenge.study.records import FigureRun, OpinionRun
from generation.attributes import ATTRIBUTES
from generation.attributes import COLUMNS as ATTRIBUTE_COLUMNS

SECRET = b"a prompt with steps=20, cfg=7.5 and the model's name"


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 24, height: int = 16, shade: int = 128, extra: bytes = b"") -> bytes:
    """A grey picture with text, EXIF and `extra` chunks, as generators write them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * width) * height
    return b"".join(
        [
            SIGNATURE,
            chunk(b"IHDR", header),
            chunk(b"tEXt", b"parameters\0" + SECRET),
            chunk(b"eXIf", b"MM" + SECRET),
            extra,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def stored(file: Any) -> bytes:
    """The content of a FileField."""
    with file.open("rb") as stream:
        content: bytes = stream.read()
    return content


def listed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A list of images as CSV."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def add_pictures(study: Study, rows: Sequence[Mapping[str, Any]], size: tuple[int, int] = (24, 16)) -> None:
    """Add the images of a list, all files made here."""
    content = zipped({f"set/{row['name']}": png(*size, shade=17 * n % 256) for n, row in enumerate(rows)})
    setup.add_images(study, listed(rows), files_in_zip(io.BytesIO(content)), None)


def make_study(
    challenge: Challenge, actor: Any, *, images: int = 12, golds: int = 0, anchors: int = 0, **fields: Any
) -> Study:
    """A study with `images` images in groups of `session_images`, open. Anchors have the ranges 0 to 1, 1 to 2, ..."""
    values = {
        "title": "Quality of generated images",
        "session_images": images,
        "rest_minutes": 0,
        "warm_ups": 2,
        "repeats": 2,
        "golds": golds,
        "consent_text": "I agree to **rate** images.",
        "consent_text_zh": "我同意为图像评分。",
        "instructions": "Rate the overall quality.",
        **fields,
    }
    study = Study(challenge=challenge, **values)
    setup.save_study(study, [{"label": "Age", "choices": ["under 30", "30 or older"]}], actor)
    rows: list[dict[str, Any]] = [
        {"name": f"image_{n:04d}.png", "prompt": f"A picture, number {n}", "translation": f"第{n}张图片"}
        for n in range(images)
    ]
    rows += [{"name": f"gold_{n}.png", "role": "gold", "low": 1, "high": 3} for n in range(golds)]
    rows += [{"name": f"anchor_{n}.png", "role": "anchor", "low": n % 5, "high": n % 5 + 1} for n in range(anchors)]
    columns = ("name", "prompt", "translation", "role", "low", "high")
    add_pictures(study, [{column: row.get(column, "") for column in columns} for row in rows])
    setup.open_study(study, actor)
    return study


def invited(study: Study, actor: Any, *, consents: bool = True) -> tuple[Subject, str]:
    """A new subject and the token of the link."""
    subject, token = setup.invite(study, 1, actor)[0]
    if consents:
        rating.consent(subject, "en", [], None)
        subject.refresh_from_db()
    return subject, token


def entered(token: str) -> Client:
    """A browser that has opened the link."""
    client = Client()
    assert client.get(f"/rate/invitation/{token}/").status_code == 302
    return client


def answer(trial: Any, value: float | None = 3.0, **fields: Any) -> dict[str, Any]:
    """An answer as the rating page sends it."""
    return {
        "id": str(uuid.uuid4()),
        "trial": str(getattr(trial, "pk", trial)),
        "value": value,
        "flag": "",
        "supersedes": None,
        "input": "key",
        "response_ms": 1800,
        "first_ms": 1700,
        "was_hidden": False,
        "client_at": timezone.now().isoformat(),
        **fields,
    }


def rate(session: RatingSession, value: Any) -> None:
    """Rate every trial with `value(trial)` and finish, through the service."""
    page = uuid.uuid4()
    assert rating.hold(session, page, "test", takes_over=True, environment={})
    study = session.subject.study
    trials = session.trials.select_related("image").order_by("position")
    answers = [rating.read_answer(answer(trial, value(trial)), study) for trial in trials]
    taken = rating.take_answers(session, page, answers)
    assert taken is not None
    assert not taken.refused
    assert rating.finish(session)


def image_table(names: Sequence[str], models: int = 2) -> bytes:
    """A table of images for figures: models in turns, every other image with another CFG, prompts that grow."""
    rows = [
        {
            "name": name,
            "model": f"model {n % models}",
            "iteration_default": str(n % 3 == 0).lower(),
            "cfg_default": str(n // models % 2 == 0).lower(),
            "resolution_default": str(n % 5 != 0).lower(),
            "prompt": "a cat " * (n % 30 + 1),
        }
        for n, name in enumerate(names)
    ]
    return listed(rows)


def attribute_table(names: Sequence[str]) -> bytes:
    """What `python -m generation attributes` writes, with attributes drawn at random."""
    draw = random.Random(1)
    rows = []
    for name in names:
        cells = [name, "24", "16", *(f"{draw.random():.6f}" for _ in range(2 * len(ATTRIBUTES))), "0" * 64]
        rows.append(dict(zip(ATTRIBUTE_COLUMNS, cells, strict=True)))
    return listed(rows)


def computed_figures(run: OpinionRun, actor: Any, **options: Any) -> FigureRun:
    """The figures of opinion scores, by a worker, of a table of the study's images."""
    run.refresh_from_db()
    names = run.study.images.order_by("name").values_list("name", flat=True)
    values = {"table": image_table(list(names)), "attributes": b"", "length": "tokens", "all_configurations": True}
    made = opinions.ask_for_figures(run, **{**values, **options}, actor=actor)
    figure_run.compute(made.pk)
    made.refresh_from_db()
    return made
