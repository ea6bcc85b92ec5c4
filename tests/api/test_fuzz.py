"""Whatever is sent to the API, its answer is one that the OpenAPI snapshot declares, and never a 500.

schemathesis makes requests for every operation, valid and invalid ones; rows of a challenge in full swing stand in for
identifiers, which nothing generated would ever hit, and people of all roles ask, with all scopes or without a token.
"""

import collections
import json

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from challenge.accounts.models import ApiToken
from challenge.accounts.services import create_token
from tests.api.test_openapi import SNAPSHOT
from tests.factories import prediction_csv
from tests.test_routes import role_users, route_values

EXAMPLES = {"get": 10, "post": 30, "put": 30}  # of each operation, half of them against its description
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


# What nothing generated would be: bodies that the services accept, by the last word of the address.
VALID = {
    "submissions": {"file": prediction_csv()},
    "validate": {"file": prediction_csv()},
    "decision": {"decision": "reject"},
    "announcements": {"title": "News", "text": "**New** key."},
    "questions": {"text": "Why?"},
    "deadline": {"closes_at": "2040-01-01T00:00:00Z", "reason": "Holidays."},
    "fact-sheet": {"version": 1, "method_name": "A & B", "authors": [{"name": "Ada"}], "submits": True},
}

INSIDERS = ("owner", "rival", "organiser")  # who may do such things


@pytest.fixture
def real(world):
    """Parameter of a path -> the values that something has, and one that nothing has."""
    values = route_values(world)
    nothing = values["uuid"]
    waiting = world.submit(world.mallory).pk
    return {
        "slug": ["iqa", "draft", "nowhere"],
        "phase_id": [values["phase"], values["final"], nothing],
        "submission_id": [values["submission"], values["hidden"], waiting, nothing],
        "file_id": [values["file"], nothing],
        "number": [1, 2],
        "registration_id": [values["registration"], nothing],
    }


@pytest.fixture
def _one_connection():
    """Requests keep the connection to the database and the test's transaction, as with Django's client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(world):
    """Role -> what it sends to say who it is: nothing, something wrong, or a token."""

    def bearer(user, scopes):
        return {"Authorization": f"Bearer {create_token(user=user, name='t', scopes=scopes)[1]}"}

    people = {role: bearer(user, ApiToken.Scope.values) for role, user in role_users(world).items() if user}
    reader = bearer(world.alice, [ApiToken.Scope.READ])
    return {"anon": {}, "wrong": {"Authorization": "Bearer iqa_wrong"}, "reader": reader, **people}


def application(environ, start_response):
    """The site, with each answer read to its end and closed, as a server does."""
    answer = WSGIHandler()(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


def operations():
    """Every operation of the snapshot."""
    schema = schemathesis.openapi.from_dict(json.loads(SNAPSHOT.read_text()))
    schema.app = application
    schema.config.update(base_url="http://testserver")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.usefixtures("_one_connection")
def test_no_request_gets_a_500_or_an_answer_that_is_not_declared(real, headers):
    statuses: collections.Counter[int] = collections.Counter()
    for operation in operations():
        modes = [
            operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        ]

        @hypothesis.settings(
            max_examples=EXAMPLES[operation.method], database=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.given(case=st.one_of(modes), role=st.sampled_from(sorted(headers)), data=st.data())
        def ask(case, role, data):
            for name in set(case.path_parameters) & set(real):
                case.path_parameters[name] = str(data.draw(st.sampled_from(real[name])))
            if case.method in ("POST", "PUT") and data.draw(st.booleans()):
                case.body = VALID.get(case.path.rpartition("/")[2], case.body)
                role = data.draw(st.sampled_from(INSIDERS))
            with transaction.atomic():
                response = case.call(headers=headers[role])
                statuses[response.status_code] += 1
                case.validate_response(response, checks=CHECKS)
                transaction.set_rollback(True)

        ask()
    assert {200, 201, 401, 403, 404, 409, 422} <= set(statuses), "too few kinds of answers to prove anything"
