"""The app follows new evaluations."""

from django.apps import AppConfig


class AnalysesConfig(AppConfig):
    """Connects the receivers."""

    name = "challenge.analyses"

    def ready(self) -> None:
        """Every stored evaluation gets its analysis."""
        from challenge.analyses import services  # noqa: F401  connects its receiver
