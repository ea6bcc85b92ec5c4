"""The files of jobs: one folder each, below JOBS_DIR, which all workers share."""

import contextlib
import os
import shutil
import time
import uuid
from pathlib import Path

from django.conf import settings
from django.core.cache import caches

ORPHAN_SECONDS = 24 * 3600
MANY = 1000  # files; to count more than that takes a moment


def jobs_folder() -> Path:
    """JOBS_DIR, by default `jobs` below STATE_DIR."""
    return Path(settings.JOBS_DIR or Path(settings.STATE_DIR) / "jobs")


def folder_of(job_id: uuid.UUID | str) -> Path:
    """The folder of a job; not created here."""
    return jobs_folder() / str(job_id)


def make_folder(job_id: uuid.UUID | str) -> Path:
    """The folder of a job, created if need be, for nobody else on this machine."""
    folder = folder_of(job_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def remove_folder(job_id: uuid.UUID | str) -> None:
    """Remove the folder with all that is in it. What resists stays; the reconciler tries again."""
    shutil.rmtree(folder_of(job_id), ignore_errors=True)


def bytes_used(job_id: uuid.UUID | str) -> int:
    """Bytes of its files; of many, as they were at most a minute ago."""
    cache, key = caches["local"], f"job-bytes:{job_id}"
    known = cache.get(key)
    if known is not None:
        return int(known)
    files = total = 0
    for parent, _, names in os.walk(folder_of(job_id)):
        for name in names:
            with contextlib.suppress(OSError):  # gone meanwhile
                total += (Path(parent) / name).stat(follow_symlinks=False).st_size
                files += 1
    cache.set(key, total, 60 if files > MANY else 2)
    return total


def orphans(known: set[str]) -> list[str]:
    """Names of folders that are a day old and belong to no job: what a removal left that was cut short."""
    before = time.time() - ORPHAN_SECONDS
    found = []
    try:
        entries = list(os.scandir(jobs_folder()))
    except FileNotFoundError:
        return []
    for entry in entries:
        try:
            uuid.UUID(entry.name)
        except ValueError:
            continue  # not ours
        if entry.name not in known and entry.stat().st_mtime < before:
            found.append(entry.name)
    return found
