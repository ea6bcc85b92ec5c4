"""What a worker does with figures 3, 6 and 7: open the sealed scores, join them with the table of images, compute.

Only aggregates leave: means of groups of at least LEAST images, and shares in bins of what the images look like.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from challenge.core import work
from challenge.core.work import Outcome, WorkFailed
from challenge.datasets.sealing import SealingError
from challenge.study.opinions import sealed_content
from challenge.study.records import FigureRun
from generation.attributes import COLUMNS as ATTRIBUTE_COLUMNS
from generation.attributes.figure import figure3
from generation.figures.tables import Images, figures, images_in, opinions_in
from generation.problems import InvalidInput
from generation.release.rows import named
from generation.tables import Table, parse_table

log = structlog.get_logger(__name__)

LEAST = 10  # images in a group: fewer would tell more of each than of the group
_OPINIONS = {"mos", "std", "ci95"}


def compute(figure_run_id: UUID) -> None:
    """Compute the figures if they wait for that. A worker without the private key leaves them to another."""
    made = FigureRun.objects.select_related("run").get(pk=figure_run_id)
    try:
        scores = sealed_content(made.run)
    except SealingError as error:
        log.error("sealed scores cannot be opened; the figures wait for another worker", error=str(error))
        return
    work.run(FigureRun, figure_run_id, lambda: _computed(made, scores))


def _computed(made: FigureRun, scores: bytes) -> Outcome:
    try:
        images = read_images(_content(made.table))
        mos = opinions_in(parse_table(scores, Path("scores"), []))
        found = figures(images, mos, length=made.length, all_configurations=made.all_configurations, least=LEAST)
        found["3"] = _figure_3(images, read_attributes(_content(made.attributes))) if made.attributes else None
    except InvalidInput as error:
        raise WorkFailed(f"There are no figures: {error}.") from None
    return Outcome({"result": found, "failure": ""})


def _figure_3(images: Images, attributes: Table) -> dict[str, Any] | None:
    if images.flags is None:
        return None
    rows = dict(zip(attributes.unique("name"), attributes.rows, strict=True))
    return figure3(rows, images.flags)


def _content(file: Any) -> bytes:
    with file.open("rb") as stream:
        content: bytes = stream.read()
    return content


def read_images(content: bytes) -> Images:
    """The table of images. Raises InvalidInput; also where it has opinions, which do not belong on the web server."""
    table = named(parse_table(content, Path("table"), []))
    if found := sorted(_OPINIONS & set(table.columns)):
        raise InvalidInput(f"table: it has {', '.join(found)}: leave opinions out, they come from the sealed scores")
    return images_in(table)


def read_attributes(content: bytes) -> Table:
    """The table of `python -m generation attributes`. Raises InvalidInput."""
    return parse_table(content, Path("attributes"), ATTRIBUTE_COLUMNS)
