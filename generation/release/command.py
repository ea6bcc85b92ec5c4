"""Make the folder to publish of a database: images with their columns, raw ratings, checksums, dataset card.

The table of images needs the columns name and split (or --splits); prompt, model, mos, std, n_ratings, ci95 and the
columns of the plan are taken if there, from this table or the others, which are joined by name. Other columns are left
out, since they could tell a hidden score; --describes lets one through.

Of splits that are not in --publish no score leaves: mos, std, n_ratings and ci95 are null in every file, raw ratings of
their images are left out, and a commitment is printed and stored instead: the sha256 of a text with a random number,
the names and the MOS, which stays in --private and is published with the scores. `python -m generation
verify-commitment` checks it then. Keep the private folder: without it nothing can be proved.

An interrupted run goes on with the same command; finished files are verified and kept. Images that cannot be read are
listed and left out, with exit status 1 at the end unless --skip-unreadable says that this is as expected. Nothing is
uploaded; the commands to do so are printed.

    python -m generation release --images renders/ --table images.csv --splits splits.csv --plan plan.csv \\
        --ratings ratings.csv --card card.yaml --out release/
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING

from generation.parallel import cores
from generation.problems import InvalidInput

if TYPE_CHECKING:
    from generation.release.rows import Rows
    from generation.release.tree import Release, Written

# As in generation.release.formats and generation.release.rows, which are not imported before they are needed.
FORMATS = ("parquet", "imagefolder", "webdataset")
SPLITS = ("train", "validation", "test")
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument_group("what goes in").add_argument
    add("--images", type=Path, required=True, metavar="FOLDER", help="where the image files are")
    add(
        "--table", type=Path, required=True, metavar="CSV", help="name (file, if that differs), prompt, model, mos, ..."
    )
    add("--splits", type=Path, metavar="CSV", help="name, split (train, validation or test)")
    add("--mos", type=Path, metavar="CSV", help="image, mos, std, n, ci95: from python -m scoring mos")
    add("--ratings", type=Path, metavar="CSV", help="subject, image, session, rating, and if there scale, position")
    add("--attributes", type=Path, metavar="CSV", help="from python -m generation attributes")
    add("--plan", type=Path, metavar="CSV", help="from python -m generation plan")
    add("--prompts", type=Path, metavar="CSV", help="from python -m generation prompts")
    add("--funnel", type=Path, metavar="JSON", help="report of python -m generation prompts")
    add("--card", type=Path, metavar="YAML", help="title, licence, authors, ...: docs/database-release.md")
    add("--describes", type=_names(), default=[], metavar="COLUMN,...", help="more columns to release, of all splits")
    add = parser.add_argument_group("what comes out").add_argument
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder to make or to go on with")
    add(
        "--publish",
        type=_names(SPLITS),
        default=["train", "validation"],
        metavar="SPLIT,...",
        help="splits whose scores are released (default train,validation)",
    )
    add("--private", type=Path, metavar="FOLDER", help="what must not be published (default OUT.private, beside OUT)")
    add(
        "--formats",
        type=_names(FORMATS),
        default=list(FORMATS),
        metavar="FORMAT,...",
        help=f"of {', '.join(FORMATS)} (default all)",
    )
    add("--shard-size", type=_size, default=500 * 10**6, metavar="SIZE", help="of Parquet and tar files (default 500M)")
    add("--workers", type=_positive, default=cores(), metavar="N", help="processes (default: one per core)")
    add("--skip-unreadable", action="store_true", help="exit status 0 although images are missing")


def run(arguments: argparse.Namespace) -> int:
    """Make the release; 1 when images could not be read. All tables are read before the first image."""
    from generation.release.card import read_card
    from generation.release.columns import released
    from generation.release.commitment import commit, openings_of
    from generation.release.contents import check_images
    from generation.release.documents import Facts
    from generation.release.ledger import Ledger
    from generation.release.ratings import load_ratings
    from generation.release.rows import load_rows
    from generation.release.tree import Release, write_release

    out, private = _folders(arguments)
    rows = load_rows(
        arguments.table,
        more=[path for path in (arguments.plan, arguments.mos, arguments.attributes) if path],
        splits=arguments.splits,
        publish=arguments.publish,
        describes=[column.lower() for column in arguments.describes],
    )
    card = read_card(arguments.card)
    origins = _origins(arguments, {entry.name for entry in rows.entries})
    ratings = load_ratings(arguments.ratings, rows.published_names, private) if arguments.ratings else None
    openings = openings_of(private, rows.published_mos)
    commitments = commit(private, rows.secrets) | {split: opening.commitment for split, opening in openings.items()}

    out.parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(out.with_name(f"{out.name}.progress.jsonl"))
    checked = check_images(rows.entries, arguments.images, list(rows.columns), ledger, workers=arguments.workers)
    if not checked.items:
        raise InvalidInput(*checked.unreadable, "no image is left to release")
    ratings = ratings and ratings.of({item.name for item in checked.items})
    facts = Facts(
        items=checked.items,
        columns=released(rows.columns),
        formats=arguments.formats,
        published=rows.published,
        commitments=commitments,
        openings=list(openings),
        ratings=len(ratings.rows) if ratings else None,
    )
    release = Release(facts, card, arguments.shard_size, openings, ratings, origins)
    written = write_release(release, out, ledger)
    _print_summary(release, rows, written, out, private)
    if checked.resized:
        print(f"{checked.resized:,} images have another size than a table says; width and height are the files'")
    for problem in checked.unreadable:
        print(problem, file=sys.stderr)
    if checked.unreadable:
        print(f"{len(checked.unreadable):,} images could not be read and are not in the release", file=sys.stderr)
    return 1 if checked.unreadable and not arguments.skip_unreadable else 0


def _folders(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """The folder of the release and the private one. Raises InvalidInput where one would endanger another."""
    from generation.release.tree import check_folder

    out: Path = arguments.out.absolute()
    private: Path = (arguments.private or out.with_name(f"{out.name}.private")).absolute()
    images: Path = arguments.images
    if private.resolve().is_relative_to(out.resolve()):
        raise InvalidInput(f"--private {private} lies in --out {out}, which is to be published")
    if not images.is_dir():
        raise InvalidInput(f"--images {images}: is not a folder")
    if images.resolve().is_relative_to(out.resolve()):
        raise InvalidInput(f"--images {images} lies in --out {out}, whose files are removed when they are stale")
    check_folder(out)
    return out, private


def _origins(arguments: argparse.Namespace, names: Set[str]) -> dict[str, str]:
    """{path in the release: text} of what tells how the database was made."""
    from generation.release.origins import plan_csv, prompt_funnel, prompts_csv

    found = {}
    if arguments.plan:
        found["metadata/plan.csv"] = plan_csv(arguments.plan, names)
    if arguments.prompts:
        found["metadata/prompts.csv"] = prompts_csv(arguments.prompts)
    if arguments.funnel:
        found["metadata/prompt_funnel.json"] = prompt_funnel(arguments.funnel)
    return found


def _print_summary(release: Release, rows: Rows, written: Written, out: Path, private: Path) -> None:
    facts, card = release.facts, release.card
    splits = ", ".join(f"{split} {facts.count(split):,}" for split in facts.splits)
    print(f"{out}: {len(facts.items):,} images ({splits})")
    print(f"{written.files:,} files, {written.bytes / 1e6:,.1f} MB; {written.kept:,} files kept from an earlier run")
    for split, mos in rows.secrets.items():
        print(f"commitment to the {len(mos):,} hidden MOS of the split {split}: {facts.commitments[split]}")
    if rows.secrets:
        print(f"it opens with the files in {private}: keep them, and publish none of them")
    for split in facts.openings:
        print(f"the split {split} is published with the opening of its commitment {facts.commitments[split]}")
    if release.ratings:
        left_out = f"{release.ratings.left_out:,} of images that are hidden or not in the release were left out"
        print(f"{len(release.ratings.rows):,} raw ratings; {left_out}; the subjects' names stay in {private}")
    ignored = [*rows.left_out, *(release.ratings.columns_left_out if release.ratings else ())]
    if ignored:
        print(f"columns left out: {', '.join(ignored)}")
    if card.missing:
        print(f"the card says nothing of: {', '.join(card.missing)}")
    folder = shlex.quote(str(out))
    print("to publish:")
    print(f"  hf upload {card['huggingface'] or 'OWNER/NAME'} {folder} . --repo-type dataset")
    print(f"  modelscope upload {card['modelscope'] or 'OWNER/NAME'} {folder} --repo-type dataset")


def _names(known: tuple[str, ...] = ()) -> Callable[[str], list[str]]:
    """A reader of lists with commas; with `known`, of those names only."""

    def read(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        for name in names:
            if known and name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return read


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMG]?)B?", text.upper())
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500M or 2G")
    return int(found[1]) * _UNITS[found[2]]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)
