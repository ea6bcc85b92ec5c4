"""Who may have which data file and starter kit (part of the permission layer in `contests.access`). Default deny."""

import dataclasses
import datetime
from enum import Enum
from functools import cached_property
from typing import Self
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from challenge.contests.access import Viewer, is_organiser, registration_of, visible_challenges
from challenge.contests.models import Challenge, Phase, Registration
from challenge.datasets.models import DataFile
from challenge.submissions import gates


class Refusal(Enum):
    """Why somebody may not have a file; the value is for programs."""

    LATER = "not_yet"
    SIGN_IN = "not_signed_in"
    JOIN = "not_registered"
    TERMS = "terms_changed"
    GATE = "gate_closed"


@dataclasses.dataclass(frozen=True)
class DataAccess:
    """What one viewer may have of one challenge that they see, at one moment."""

    user: Viewer
    challenge: Challenge
    now: datetime.datetime

    @classmethod
    def of(cls, user: Viewer, challenge: Challenge) -> Self:
        """As things are now."""
        return cls(user, challenge, timezone.now())

    @cached_property
    def is_organiser(self) -> bool:
        """Organisers have everything at any time."""
        return is_organiser(self.user, self.challenge)

    @cached_property
    def registration(self) -> Registration | None:
        """What makes the viewer a participant."""
        return registration_of(self.user, self.challenge)

    def refusal(self, file: DataFile) -> Refusal | None:
        """Why the viewer may not have `file`; None: they may."""
        return self._refusal(file.opens_at, is_public=file.audience == DataFile.Audience.PUBLIC)

    def kit_refusal(self, phase: Phase) -> Refusal | None:
        """The same for the starter kit of `phase`: it names the images, so it is for participants once it opens.

        A team that the gate of the phase keeps out does not learn the names from it either.
        """
        found = self._refusal(phase.opens_at, is_public=False)
        if found or self.is_organiser or self.registration is None or self.registration.team is None:
            return found
        return None if gates.is_open_for(self.registration.team, phase) else Refusal.GATE

    def _refusal(self, opens_at: datetime.datetime | None, *, is_public: bool) -> Refusal | None:
        if self.is_organiser:
            return None
        if opens_at and opens_at > self.now:
            return Refusal.LATER
        if is_public:
            return None
        if not self.user.is_authenticated:
            return Refusal.SIGN_IN
        if self.registration is None:
            return Refusal.JOIN
        # Consent to earlier terms is none to these.
        return Refusal.TERMS if self.registration.terms_version < self.challenge.terms_version else None


def listed_files(challenge: Challenge) -> QuerySet[DataFile]:
    """The files of a challenge with their versions, newest first; who sees the challenge sees that they exist."""
    return challenge.data_files.select_related("phase").prefetch_related("versions")


def downloadable_file(user: Viewer, file_id: UUID | str) -> DataFile | None:
    """The file if `user` may have it now; None whether it does not exist or is not theirs."""
    files = DataFile.objects.select_related("challenge", "phase").prefetch_related("versions")
    file = files.filter(pk=file_id, challenge__in=visible_challenges(user)).first()
    return file if file and DataAccess.of(user, file.challenge).refusal(file) is None else None
