"""The app follows what happens elsewhere."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    """Connects the receivers."""

    name = "challenge.notices"

    def ready(self) -> None:
        """Deadlines, scores and failures are told."""
        from challenge.notices import receivers  # noqa: F401  connects them
