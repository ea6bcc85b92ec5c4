"""The demo's second challenge: images whose quality is computed, not rated, so that baselines really run.

One phase has textures that the program degrades (`degradations`), the other a small database that the demo generator
built (`shapes`). Nobody has rated anything, and the pages say so.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterable

from django.core.files.base import ContentFile
from django.utils import timezone

from challenge.accounts.models import User
from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_answer_key, add_data_file, put_in_force
from challenge.demo import texts
from challenge.demo.dataset import csv_of
from challenge.demo.degradations import degraded_images
from challenge.demo.shapes import FACTORS, shapes
from challenge.jobs import services
from challenge.jobs.baselines.kind import Baselines

SLUG = "computed-demo"
METRICS = ("brisque", "niqe")


def seed_computed(organiser: User, admin: User) -> Challenge:
    """Create the challenge with its phases, keys and images, and start the jobs that run BRISQUE and NIQE on them."""
    challenge = Challenge.objects.create(
        slug=SLUG,
        title="Computed demo: nobody rated these images",
        summary="Predict how near small images are to what they should be. Baselines run here for real.",
        description=texts.COMPUTED,
        is_published=True,
        is_demo=True,
    )
    challenge.organisers.add(organiser)
    degraded = degraded_images()
    _phase(
        challenge,
        slug="degradations",
        title="Degradations",
        description=f"Predict the PSNR of {len(degraded)} textures: computed values, not ratings.",
        key=[
            ["name", "mos", "degradation"],  # the column has to be called mos
            *([image.name, f"{image.psnr:.4f}", image.degradation] for image in degraded),
        ],
        images=((image.name, image.png) for image in degraded),
        origin="Drawn and degraded by this program",
        people=(organiser, admin),
    )
    drawn = shapes()
    _phase(
        challenge,
        slug="shapes",
        title="Toy database",
        description=f"Predict how near {len(drawn)} drawn images are to their prompts: computed values, not ratings.",
        key=[
            ["name", "mos", *FACTORS],
            *([image.name, f"{image.psnr:.4f}", *image.defaults] for image in drawn),
        ],
        images=((image.name, image.png) for image in drawn),
        origin="Drawn by the toy text-to-image model of this program, enlarged four times",
        people=(organiser, admin),
    )
    prompts = csv_of(["name", "prompt"], [[image.name, image.prompt] for image in drawn])
    _file(challenge, "Prompts of the toy database", "shapes_prompts.csv", "What each image should show", prompts)
    return challenge


def _phase(
    challenge: Challenge,
    *,
    slug: str,
    title: str,
    description: str,
    key: list[list[str]],
    images: Iterable[tuple[str, bytes]],
    origin: str,
    people: tuple[User, User],
) -> None:
    """A phase with its key in force, its images as a data file, and the job that scores them."""
    organiser, admin = people
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    phase = Phase.objects.create(
        challenge=challenge,
        slug=slug,
        title=title,
        description=description,
        position=challenge.phases.count(),
        opens_at=now - datetime.timedelta(days=1),
        closes_at=now + datetime.timedelta(days=365),
        daily_quota=20,
    )
    put_in_force(add_answer_key(phase=phase, content=csv_of(key[0], key[1:]), actor=organiser))
    file = _file(challenge, f"Images: {title.lower()}", f"{slug}.zip", origin, _zipped(images))
    choices = {"phase": str(phase.pk), "source": f"file:{file.pk}", "metrics": list(METRICS)}
    services.create(
        kind=Baselines(),
        title=f"BRISQUE and NIQE on the demo's images: {title.lower()}",
        cleaned={**choices, "prompts": None, "device": "cpu"},
        actor=admin,
    )


def _file(challenge: Challenge, title: str, file_name: str, description: str, content: bytes) -> DataFile:
    file = DataFile(
        challenge=challenge,
        title=title,
        file_name=file_name,
        description=description,
        audience=DataFile.Audience.PUBLIC,
        licence="Apache-2.0",
        position=challenge.data_files.count(),
    )
    add_data_file(data_file=file, content=ContentFile(content))
    return file


def _zipped(images: Iterable[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:  # stored: PNG is compressed
        for name, png in images:
            archive.writestr(f"images/{name}", png)
    return stream.getvalue()
