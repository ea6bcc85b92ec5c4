"""Fact sheets, files and reproductions, made through the services."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from challenge.accounts.models import User
from challenge.contests.models import Phase
from challenge.reports import reproductions, services
from challenge.reports.models import FactSheet, Reproduction
from challenge.reports.reproduction_run import compare
from challenge.submissions.models import Submission
from tests.factories import World, upload

FACTS: dict[str, Any] = {
    "team_title": "Aces of Örebro",
    "method_name": "AceNet",
    "description": "Two towers.\n\nOne head, 100 % of the time.",
    "runtime_s": 0.125,
    "device": "NVIDIA RTX 4090",
    "parameters_m": 86.5,
    "training_data": "AIGIQA-20K and KonIQ-10k",
    "extra_data": True,
    "ensemble": False,
    "ensemble_details": "",
    "code_url": "https://example.org/ace_net",
    "reference_title": "Aces & more",
    "reference_authors": "",
    "reference_venue": "arXiv:2404.03407",
    "reference_year": 2024,
}
AUTHORS = [
    {"name": "Ada Ace", "affiliation": "University of A; Institute B", "email": "ada@example.org"},
    {"name": "Bob Béla", "affiliation": "Institute B", "email": ""},
]
PDF = b"%PDF-1.7\nA method.\n"


def pdf(content: bytes = PDF, name: str = "method.pdf") -> SimpleUploadedFile:
    """A description to attach."""
    return SimpleUploadedFile(name, content, content_type="application/pdf")


def collect(world: World, phase: Phase | None = None, **changes: Any) -> None:
    """Have the organiser collect sheets of the development phase (or `phase`)."""
    values = {"closes_at": None, "tolerance": 0.01, "is_open": True, **changes}
    services.collect(phase=phase or world.development, actor=world.organiser, **values)


def save(world: World, user: User | None = None, version: int = 0, **changes: Any) -> FactSheet:
    """Save alice's (or `user`'s) sheet in the development phase; `changes` may name facts, authors, an upload."""
    options = {name: changes.pop(name) for name in ("authors", "upload", "removed", "phase") if name in changes}
    options = {"authors": AUTHORS, "phase": world.development, **options}
    return services.save_sheet(user=user or world.alice, version=version, values={**FACTS, **changes}, **options)


def submitted(world: World, user: User | None = None, **changes: Any) -> FactSheet:
    """The same, submitted."""
    sheet = save(world, user, **changes)
    return services.submit_sheet(phase=sheet.phase, user=user or world.alice, version=sheet.version)


def reproduced(world: World, submission: Submission, content: bytes) -> Reproduction:
    """A reproduction that the code of a worker has compared."""
    made = reproductions.add(
        submission=submission, upload=upload(content, "again.csv"), note="seed 0", actor=world.organiser
    )
    compare(made.pk)
    made.refresh_from_db()
    return made
