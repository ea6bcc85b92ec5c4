"""`manage.py add_release SLUG FOLDER`: the files of a released database on a challenge's data page."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from challenge.contests.models import Challenge, Phase
from challenge.datasets.models import DataFile
from challenge.datasets.releases import InvalidRelease, Release, add_files, chosen, read_release


class Command(BaseCommand):
    """Registers what SHA256SUMS lists, verified. Run it again after an interruption, or for the next release."""

    help = "Add the files of a release (python -m generation release) to a challenge as data files."

    def add_arguments(self, parser: CommandParser) -> None:
        """The challenge, the folder, and who may have the files when."""
        parser.add_argument("challenge", help="slug of the challenge")
        parser.add_argument("folder", type=Path, help="folder of the release, with its SHA256SUMS")
        parser.add_argument("--audience", choices=DataFile.Audience.values, default=DataFile.Audience.PARTICIPANTS)
        parser.add_argument("--phase", help="slug of a phase: not before it opens")
        parser.add_argument("--licence", help="default: that of the release")
        parser.add_argument(
            "--exclude", action="append", default=[], metavar="PATTERN", help="leave out, such as 'imagefolder/*'"
        )
        parser.add_argument(
            "--hidden",
            action="store_true",
            help="also files of splits whose MOS are not published, and tables with rows of them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the files, a line for each."""
        challenge = Challenge.objects.filter(slug=options["challenge"]).first()
        if challenge is None:
            raise CommandError(f"There is no challenge with the slug {options['challenge']}.")
        phase = self._phase(challenge, options["phase"])
        try:
            release = read_release(options["folder"])
            self._add(challenge, phase, release, options)
        except InvalidRelease as error:
            raise CommandError(str(error)) from error

    def _phase(self, challenge: Challenge, slug: str | None) -> Phase | None:
        phase = challenge.phases.filter(slug=slug).first() if slug else None
        if slug and phase is None:
            known = ", ".join(challenge.phases.values_list("slug", flat=True)) or "none"
            raise CommandError(f"The challenge has no phase {slug}; it has: {known}.")
        return phase

    def _add(self, challenge: Challenge, phase: Phase | None, release: Release, options: dict[str, Any]) -> None:
        files, left_out = chosen(release, with_hidden=options["hidden"], exclude=options["exclude"])
        added = 0
        results = add_files(
            challenge=challenge,
            release=release,
            files=files,
            audience=options["audience"],
            phase=phase,
            licence=release.licence if options["licence"] is None else options["licence"],
        )
        for number, (listed, is_new) in enumerate(results, start=1):
            added += is_new
            self.stdout.write(f"[{number}/{len(files)}] {listed.path}: {'added' if is_new else 'there already'}")
        self.stdout.write(f"{added:,} files added, {len(files) - added:,} there already")
        if left_out:
            splits = ", ".join(release.hidden)
            self.stdout.write(
                f"{len(left_out):,} files left out, for they tell of the hidden splits {splits}: "
                "--hidden adds them; give --phase then"
            )
