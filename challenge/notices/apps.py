"""The app follows what organisers do to phases."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Connects the receiver."""

    name = "challenge.notices"

    def ready(self) -> None:
        """Every moved deadline is told to the participants."""
        from challenge.notices import services  # noqa: F401  connects its receiver
