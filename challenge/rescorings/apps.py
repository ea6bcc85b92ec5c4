"""The app follows new scores."""

from django.apps import AppConfig


class RescoringsConfig(AppConfig):
    """Connects the receivers."""

    name = "challenge.rescorings"

    def ready(self) -> None:
        """What is scored while a rescoring is open joins it."""
        from challenge.rescorings import services  # noqa: F401  connects its receiver
