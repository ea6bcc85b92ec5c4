"""Long lists in parts: `limit` and `offset`, and the header `Link` (RFC 8288) with the address of the next part.

Every list of the API is a JSON array and is read in the same way: go to `rel="next"` while there is one.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import Field

MOST = 500
Row = TypeVar("Row")
Stored = TypeVar("Stored", bound=Model)


class Page(Schema):
    """Which part of a list."""

    limit: int = Field(MOST, ge=1, le=MOST, description="How many rows at most.")
    offset: int = Field(0, ge=0, le=1_000_000, description="How many rows to leave out before them.")


def part_of(
    rows: "QuerySet[Stored] | Sequence[Row]", page: Page, request: HttpRequest, response: HttpResponse
) -> list[Any]:
    """The rows of that part. Where more follow, `response` gets a Link to them. One query, and no count of them all."""
    found = list(rows[page.offset : page.offset + page.limit + 1])
    if len(found) > page.limit:
        query = request.GET.copy()
        query["limit"], query["offset"] = str(page.limit), str(page.offset + page.limit)
        response["Link"] = f'<{request.path}?{query.urlencode()}>; rel="next"'
    return found[: page.limit]
