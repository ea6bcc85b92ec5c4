"""`manage.py create_challenge FILE`: make an unpublished challenge from a YAML or JSON file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from challenge.accounts.models import User
from challenge.contests.configuration import InvalidConfiguration
from challenge.contests.setup import create_from_file


class Command(BaseCommand):
    """All of it or nothing; every error is printed with its path."""

    help = "Make an unpublished challenge from a YAML or JSON file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, and what may differ from it."""
        parser.add_argument("file", type=Path, help="as downloaded from a challenge's page, or written by hand")
        parser.add_argument("--slug", default="", help="another slug than the file's")
        parser.add_argument("--organiser", default="", metavar="USER", help="the user who organises the challenge")

    def handle(self, *args: Any, file: Path, slug: str, organiser: str, **options: Any) -> None:
        """Read, create, print the address."""
        actor = User.objects.filter(username=organiser).first()
        if organiser and actor is None:
            raise CommandError(f"There is no user «{organiser}».")
        try:
            challenge = create_from_file(file.read_text(encoding="utf-8-sig"), actor, slug)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read as UTF-8 text: {error}") from error
        except InvalidConfiguration as error:
            raise CommandError("\n".join([f"{file} makes no challenge:", *error.errors])) from error
        self.stdout.write(f"made {challenge.get_absolute_url()} with {challenge.phases.count()} phases, unpublished")
