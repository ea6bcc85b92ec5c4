"""`manage.py add_study_images STUDY LIST FOLDER`: images of a study from a folder, for sets too large for a page."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from challenge.study.image_list import InvalidList, files_in_folder
from challenge.study.models import Study
from challenge.study.setup import ChangeRefused, add_images


class Command(BaseCommand):
    """Adds images without their metadata."""

    help = "Add the images that a list (CSV name,prompt,translation,group) names, from a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        """Study, list, folder."""
        parser.add_argument("study", type=UUID, help="id of the study, from its address")
        parser.add_argument("list", type=Path, help="CSV")
        parser.add_argument("folder", type=Path, help="where the PNG files are, also in folders below")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add all of them, or say what is wrong and add none."""
        study = Study.objects.filter(pk=options["study"]).first()
        if study is None:
            raise CommandError(f"There is no study {options['study']}.")
        if not options["folder"].is_dir():
            raise CommandError(f"{options['folder']} is no folder.")
        try:
            content = options["list"].read_bytes()
            count = add_images(study, content, files_in_folder(options["folder"]), None)
        except OSError as error:
            raise CommandError(f"{options['list']}: {error.strerror}.") from None
        except ChangeRefused as error:
            raise CommandError(str(error)) from None
        except InvalidList as error:
            for problem in error.report.problems:
                self.stderr.write(f"{problem.message}. {problem.fix}".strip())
            raise CommandError(f"Nothing was added: {error.report.summary}.") from None
        self.stdout.write(f"{count:,} images added to {study}.")
