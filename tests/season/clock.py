"""A calendar that the test turns: the site reads its time from here, and it goes on from wherever it was set."""

import datetime

import pytest


class _AnyMoment(type):
    """Ordinary moments are instances of the class in the place of `datetime`, too."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime.datetime)


class Clock:
    """What `django.utils.timezone.now` tells, and with it every default of a model, once `patch` was called."""

    def __init__(self) -> None:
        self._offset = datetime.timedelta()

    def set(self, moment: str) -> None:
        """It is `moment` now: ISO 8601 in UTC, without the zone."""
        wanted = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC)
        self._offset = wanted - datetime.datetime.now(datetime.UTC)  # noqa: TID251  the machine's own clock

    def forward(self, **parts: float) -> None:
        """Let this much time pass: parts of a timedelta."""
        self._offset += datetime.timedelta(**parts)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have Django read this clock until the test ends."""
        clock = self

        class Moved(metaclass=_AnyMoment):
            @staticmethod
            def now(tz: datetime.tzinfo | None = None) -> datetime.datetime:
                return datetime.datetime.now(tz) + clock._offset  # noqa: TID251

        monkeypatch.setattr("django.utils.timezone.datetime", Moved)
