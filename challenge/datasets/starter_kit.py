"""The starter kit of a phase: a zip of instructions, names, a sample file, the scorer and the command line as here.

It holds nothing hidden: the names come from the public list of the answer key, the sample's scores from the names.
The bytes follow from phase, answer key, scorer and the address of the site, so a kit is made once and then kept in
private storage under a digest of all that goes in. Nothing here imports numpy.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
import zipfile
from functools import lru_cache
from importlib.metadata import version as installed_version
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.template.loader import render_to_string

import scoring
from challenge.contests.models import Phase
from challenge.core.downloads import StoredFile
from challenge.datasets.models import AnswerKey
from challenge.datasets.services import current_answer_key, expected_names

# The earliest time a zip can hold: times of members say nothing here and would change the bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_STARTER_FILES = Path(__file__).parent / "starter_files"


def starter_kit(phase: Phase, site: str) -> StoredFile | None:
    """The kit of `phase` as it is now; None while the phase has no answer key.

    `site` is the address of this site that its instructions name, such as https://challenge.example.org.
    """
    key = current_answer_key(phase)
    if key is None:
        return None
    members = {**_instructions(phase, key, site), **_programs()}
    digest = hashlib.sha256(f"{key.pk} {key.names.name} {scoring.SCORER_VERSION}".encode())
    for name, content in members.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    path = f"starter-kits/{phase.pk}/{digest.hexdigest()}.zip"
    if not default_storage.exists(path):
        # Two requests at once may both make it: the same bytes, and a second copy does no harm.
        default_storage.save(path, ContentFile(_zip({**members, **_names_and_sample(expected_names(key))})))
    return StoredFile(
        storage=default_storage,
        path=path,
        name=f"{phase.challenge.slug}-{phase.slug}-starter-kit.zip",
        size=default_storage.size(path),
        etag=digest.hexdigest(),
        modified=default_storage.get_modified_time(path),
    )


def _instructions(phase: Phase, key: AnswerKey, site: str) -> dict[str, bytes]:
    """The texts that tell the phase's rules, to people and to `score_local.py`."""
    facts = {
        "challenge": phase.challenge.slug,
        "phase": phase.slug,
        "phase_id": str(phase.pk),
        "opens_at": phase.opens_at.astimezone(datetime.UTC).isoformat(),
        "closes_at": phase.closes_at.astimezone(datetime.UTC).isoformat(),
        "formula": phase.formula,
        "daily_quota": phase.daily_quota,
        "total_quota": phase.total_quota,
        "rows": key.rows,
        "answer_key_version": key.version,
        "scorer_version": scoring.SCORER_VERSION,
    }
    context = {
        "phase": phase,
        "challenge": phase.challenge,
        "key": key,
        "site": site,
        "scorer_version": scoring.SCORER_VERSION,
        "opens": f"{phase.opens_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "closes": f"{phase.closes_at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "megabytes": settings.MAX_PREDICTION_FILE_BYTES // 10**6,
    }
    return {
        "README.md": render_to_string("datasets/starter_kit.md", context).encode(),
        "phase.json": (json.dumps(facts, indent=2) + "\n").encode(),
    }


@lru_cache(maxsize=1)
def _programs() -> dict[str, bytes]:
    """The scorer and the command line of this installation with what they need to run elsewhere."""
    packages = (Path(scoring.__file__).parent, settings.BASE_DIR / "aiqa")
    sources = {
        path.relative_to(package.parent).as_posix(): path.read_bytes()
        for package in packages
        for path in sorted(package.rglob("*.py"))
    }
    pins = "".join(f"{name}=={installed_version(name)}\n" for name in ("numpy", "scipy"))
    return {
        **sources,
        "score_local.py": (_STARTER_FILES / "score_local.py").read_bytes(),
        "requirements.txt": pins.encode(),
        "LICENSE": (settings.BASE_DIR / "LICENSE").read_bytes(),
    }


def _names_and_sample(names: tuple[str, ...]) -> dict[str, bytes]:
    scores = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32 for name in names]
    return {
        "names.csv": _csv([["name"], *([name] for name in names)]),
        "sample_submission.csv": _csv(
            [["name", "score"], *([name, f"{score:.4f}"] for name, score in zip(names, scores, strict=True))]
        ),
    }


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _zip(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in sorted(members.items()):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system = 3  # Unix, also where this runs on something else
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, member)
    return content.getvalue()
