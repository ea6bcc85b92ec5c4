"""The REST API, version 1: parse, call the same services as the pages, render. One router for each noun.

Authentication is a personal token (`Authorization: Bearer`) with scopes; without cookies there is no CSRF.
Reading public things needs no token.
"""

from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation

from challenge.api import (
    announcements,
    boards,
    challenges,
    errors,
    files,
    notifications,
    organising,
    questions,
    results,
    sheets,
    submissions,
    teams,
)
from challenge.api.auth import api_limit


class Api(NinjaAPI):
    """NinjaAPI whose description says what is really sent."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of the function: modules may change, generated clients may not."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> Any:
        """With the media type of problem documents, where ninja writes that of its other answers."""
        schema = super().get_openapi_schema(**options)
        problem = {"$ref": "#/components/schemas/Problem"}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for answer in operation["responses"].values():
                    content = answer.get("content", {})
                    if content.get("application/json", {}).get("schema") == problem:
                        content[errors.PROBLEM_TYPE] = content.pop("application/json")
        return schema


api = Api(
    title="IQA Challenge",
    version="1",
    description="Challenges, submissions and leaderboards. Errors are application/problem+json. Lists come in parts: "
    "`limit`, `offset`, and the header `Link` with the address of the next one.",
    urls_namespace="api",
    openapi_url="/openapi.json",
    docs_url=None,
    throttle=[api_limit],
)
errors.install(api)
NEWS = (announcements, questions, notifications)
for part in (challenges, files, boards, submissions, results, teams, sheets, organising, *NEWS):
    api.add_router("", part.router)
