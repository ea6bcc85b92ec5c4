"""The app knows the kinds of jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Registers the kinds."""

    name = "challenge.jobs"
