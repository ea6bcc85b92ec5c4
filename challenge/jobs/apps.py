"""The app knows the kinds of jobs."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Registers the kinds."""

    name = "challenge.jobs"

    def ready(self) -> None:
        """The site's own kinds; importing them imports none of what they need when they run."""
        from challenge.jobs.baselines.kind import Baselines
        from challenge.jobs.database.kind import Database
        from challenge.jobs.finetuning.kind import FineTuning
        from challenge.jobs.kinds import register
        from challenge.jobs.publication.kind import Publication

        for kind in (Database(), Publication(), Baselines(), FineTuning()):
            register(kind)
