"""Where images are: found by their names, mostly those of an answer key, in a job's folder, a zip file or a folder.

A source is `job:ID` (a finished database job), `file:ID` (a zip on a data page) or `folder:PATH`. Prompts are those of
the CSV with the columns name and prompt that lies beside the images, or was uploaded with the job.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from django.conf import settings

from challenge.datasets.models import DataFile
from challenge.jobs.database.steps import IMAGES, TABLE
from challenge.jobs.folders import folder_of
from challenge.jobs.kinds import JobFailed, Task
from scoring.baselines.images import ImageFile

PROMPTS = "prompts.csv"  # of the upload, in the job's folder
UNPACKED = "images"
MAX_IMAGE_BYTES = 200_000_000
Found = tuple[list[ImageFile], dict[str, str]]


def find_images(task: Task, names: Sequence[str], parameter: str = "source") -> Found:
    """(an image for each name, {name: prompt}), from the source that a parameter of the job names.

    Raises JobFailed naming what is missing.
    """
    kind, _, where = str(task.parameters[parameter]).partition(":")
    if kind == "file":
        images, prompts = _from_zip(where, names, task.folder / UNPACKED / parameter)
    else:
        root = folder_of(where) / IMAGES if kind == "job" else Path(where)
        tables = [folder_of(where) / TABLE] if kind == "job" else sorted(root.glob("*.csv"))
        images = _from_folder(root, names)
        prompts = _first_prompts(path.read_text("utf-8-sig", "replace") for path in tables if path.is_file())
    if (uploaded := task.folder / PROMPTS).exists():
        prompts = read_prompts(uploaded.read_text("utf-8-sig", "replace"))
    return images, prompts


def _from_folder(root: Path, names: Sequence[str]) -> list[ImageFile]:
    paths = {name: (root / name).resolve() for name in names}
    inside = root.resolve()
    _require(names, {name for name, path in paths.items() if path.is_relative_to(inside) and path.is_file()}, str(root))
    return [ImageFile(name, path) for name, path in paths.items()]


def _from_zip(file_id: str, names: Sequence[str], folder: Path) -> Found:
    """Unpacks the images that are needed, whatever folder of the zip they are in, under names of our own."""
    file = DataFile.objects.filter(pk=file_id).first()
    if file is None:
        raise JobFailed("The zip file is no more on the data page.")
    try:
        with file.newest.file.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            members = _members(archive, file.file_name)
            _require(names, members, file.file_name)
            _require_room([members[name] for name in names])
            folder.mkdir(parents=True, exist_ok=True)
            images = []
            for number, name in enumerate(names):
                path = folder / f"{number:06d}{PurePosixPath(name).suffix}"
                with archive.open(members[name]) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
                images.append(ImageFile(name, path))
            tables = [member for name, member in sorted(members.items()) if name.lower().endswith(".csv")]
            return images, _first_prompts(archive.read(member).decode("utf-8-sig", "replace") for member in tables)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # of encrypted members: RuntimeError
        raise JobFailed(f"{file.file_name} cannot be unpacked: {error}") from error


def _members(archive: zipfile.ZipFile, file_name: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = PurePosixPath(member.filename).name
        if member.is_dir() or name.startswith("."):
            continue
        if name in members:
            raise JobFailed(f"{file_name} has {members[name].filename} and {member.filename}: which is {name}?")
        members[name] = member
    return members


def _require(names: Sequence[str], there: Iterable[str], where: str) -> None:
    known = set(there)
    missing = [name for name in names if name not in known]
    if missing:
        listed = ", ".join(missing[:3])
        raise JobFailed(f"{len(missing):,} of {len(names):,} images are not in {where}: {listed}")


def _require_room(members: Sequence[zipfile.ZipInfo]) -> None:
    large = next((member for member in members if member.file_size > MAX_IMAGE_BYTES), None)
    if large:
        raise JobFailed(f"{large.filename} has more than {MAX_IMAGE_BYTES // 10**6} MB: no image of a challenge has.")
    needed = sum(member.file_size for member in members) + settings.MIN_FREE_DISK_BYTES
    if shutil.disk_usage(settings.STATE_DIR).free < needed:
        raise JobFailed(f"The disk has no room to unpack them: {needed // 10**6:,} MB are needed.")


def _first_prompts(texts: Iterable[str]) -> dict[str, str]:
    return next((found for text in texts if (found := read_prompts(text))), {})


def read_prompts(text: str) -> dict[str, str]:
    """{name: prompt} of a CSV; {} where it has no such columns."""
    rows: Iterable[Mapping[str, str | None]] = csv.DictReader(io.StringIO(text, newline=""))
    found = {row.get("name") or "": row.get("prompt") or "" for row in rows}
    return {name: prompt for name, prompt in found.items() if name and prompt}
