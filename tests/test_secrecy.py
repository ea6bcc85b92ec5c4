"""No hidden MOS in anything that the web tier can produce or store (invariant 6): a search for their digits and bytes.

For phases that do not show fits: where an organiser opens the fit of a phase, its participants and the database have
rounded points of it on purpose (`Evaluation.scatter`).
"""

import json
import logging
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from challenge.accounts.models import ApiToken
from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse
from challenge.analyses.comparison_run import compare
from challenge.analyses.services import follow_switches
from challenge.contests.models import Phase
from challenge.datasets import services as datasets
from challenge.datasets.key_check import check
from challenge.datasets.models import AnswerKey
from challenge.rescorings.models import Rescoring
from challenge.rescorings.rescoring_run import rescore
from challenge.submissions.models import Evaluation
from challenge.submissions.scoring_run import score
from tests.factories import answer_key_csv, hidden_mos
from tests.rescorings.conftest import corrected_key
from tests.route_matrix import GET
from tests.test_routes import role_users, route_values

MOS = sorted(hidden_mos().values())
TEXTS = [str(mos).encode() for mos in MOS]
BYTES = [struct.pack(order, mos) for mos in MOS for order in ("<d", ">d")]
# As a plot would have them. Five digits meet by chance in a long text, but not a sixth of them.
ROUNDED = [f"{mos:.5g}".encode() for mos in MOS]


def leaks(content: bytes) -> bool:
    """Whether hidden values stand in `content`: in full, as binary floats, or rounded in bulk."""
    exact = any(mos in content for mos in TEXTS) or any(mos in content for mos in BYTES)
    return exact or sum(mos in content for mos in ROUNDED) > len(ROUNDED) // 6


def database_rows() -> Iterator[tuple[str, bytes]]:
    """(table, one row as it is stored) of every table."""
    for model in apps.get_models(include_auto_created=True):
        for row in model._default_manager.values_list():
            cells = [bytes(cell) if isinstance(cell, bytes | memoryview) else cell for cell in row]
            text = [json.dumps(cell, default=str) for cell in cells if not isinstance(cell, bytes)]
            yield model._meta.label, b"\n".join([" ".join(text).encode(), *(c for c in cells if isinstance(c, bytes))])


def stored_files() -> Iterator[tuple[str, bytes]]:
    """(path, content) of everything under STATE_DIR but the private keys, whose place is not the web tier's disk."""
    for path in Path(django_settings.STATE_DIR).rglob("*"):
        if path.is_file() and path.suffix != ".private":
            yield str(path), path.read_bytes()


def answers(world, values) -> Iterator[tuple[str, bytes]]:
    """(role and address, answer) of every page and every operation of the API, for every role."""
    for role, user in role_users(world).items():
        client, headers = Client(raise_request_exception=False), {}
        if user:
            client.force_login(user)
            token = create_token(user=user, name="t", scopes=ApiToken.Scope.values)[1]
            headers = {"authorization": f"Bearer {token}"}
        for route in GET:
            response = client.get(route.format(**values), headers=headers if route.startswith("/api/") else {})
            assert response.status_code < 500, (role, route)
            yield f"{role} {route}", b"".join(response) + repr(response.headers).encode()


@pytest.fixture
def state(world):
    """Scores, analyses, a comparison, an open rescoring: a challenge in full swing, on phases that show no fit."""
    values = route_values(world)
    # Where the fit is shown, the MOS are: what the matrix of routes needs goes again, as when organisers switch it off.
    Phase.objects.update(shows_fit=False)
    world.development.refresh_from_db()
    follow_switches()
    for evaluation in Evaluation.objects.filter(is_current=True):
        analyse(evaluation.pk)
    compare(world.development.pk)
    compare(world.final.pk)
    rescore(Rescoring.objects.get().pk)
    return values


@pytest.fixture
def without_private_keys(settings):
    """As a web process is started: neither the key that opens answer keys nor the one that signs scores."""

    def take_away() -> None:
        settings.ANSWER_KEY_PRIVATE_KEY_FILE = settings.RECEIPT_SCORED_KEY_FILE = ""
        datasets._table.cache_clear()

    return take_away


def test_the_search_finds_what_it_looks_for():
    assert leaks(answer_key_csv())
    assert leaks(struct.pack("<60d", *MOS))
    assert leaks(json.dumps([float(f"{mos:.5g}") for mos in MOS]).encode())
    assert not leaks(b"0.8123 3.1416 " * 100)


@pytest.mark.slow
def test_no_page_no_api_no_export_and_no_header_holds_a_hidden_value(world, state, without_private_keys):
    without_private_keys()
    found = [where for where, content in answers(world, state) if leaks(content)]
    assert found == []


def test_no_row_of_the_database_and_no_stored_file_holds_a_hidden_value(world, state):
    rows, files = list(database_rows()), list(stored_files())
    assert {"submissions.Evaluation", "analyses.Analysis", "rescorings.Rescored"} <= {label for label, _ in rows}
    assert any(path.endswith(".sealed") for path, _ in files)
    assert [label for label, content in rows if leaks(content)] == []
    assert [path for path, content in files if leaks(content)] == []


def test_a_web_process_without_private_keys_does_all_that_organisers_ask_of_it(world, state, without_private_keys):
    """Upload a key, start, read and publish a rescoring; workers with the key do their part in between."""
    right = django_settings.ANSWER_KEY_PRIVATE_KEY_FILE
    client = Client()
    client.force_login(world.organiser)
    open_one = Rescoring.objects.get()
    without_private_keys()
    client.post(open_one.get_absolute_url() + "discard/")
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", corrected_key())}
    assert client.post(reverse("admin:datasets_answerkey_add"), data).status_code == 302
    key = AnswerKey.objects.order_by("-created_at").first()
    check(key.pk)  # this one cannot
    waiting = world.submit(world.mallory, seed=5)
    score(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.attempts) == ("queued", 0)
    overview = client.get("/c/iqa/development/rescoring/").content.decode()
    assert "ANSWER_KEY_PRIVATE_KEY_FILE is not set in this process" in overview
    django_settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    check(key.pk)
    without_private_keys()
    start = {"answer_key": str(key.pk), "formula": world.development.formula, "reason": "corrected"}
    url = client.post("/c/iqa/development/rescoring/", start).headers["Location"]
    django_settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    rescore(Rescoring.objects.get(decision="open").pk)
    without_private_keys()
    assert client.post(url + "publish/").status_code == 302
    assert Rescoring.objects.get(pk=url.rstrip("/").rpartition("/")[2]).decision == "published"
    assert "Rivals" not in client.get("/c/iqa/development/leaderboard/").content.decode()  # still waits
    django_settings.ANSWER_KEY_PRIVATE_KEY_FILE = right
    score(waiting.pk)
    assert "Rivals" in client.get("/c/iqa/development/leaderboard/").content.decode()


@pytest.mark.parametrize("broken", ["seal", "read_answer_key"])
def test_an_error_while_a_key_is_uploaded_tells_no_hidden_value(world, monkeypatch, caplog, capfd, broken):
    """Neither on the page nor in the log, which has the traceback."""

    def explode(content: bytes) -> bytes:
        raise RuntimeError("it went wrong")

    monkeypatch.setattr(
        *{"seal": ("challenge.datasets.sealing.seal", explode)}.get(
            broken, ("challenge.datasets.services.read_answer_key", explode)
        )
    )
    client = Client(raise_request_exception=False)
    client.force_login(world.organiser)
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", answer_key_csv())}
    with caplog.at_level(logging.DEBUG):
        response = client.post(reverse("admin:datasets_answerkey_add"), data)
    assert response.status_code == 500
    logged = "".join(capfd.readouterr()) + caplog.text
    assert "it went wrong" in logged
    assert not leaks(response.content)
    assert not leaks(logged.encode())


def test_a_key_with_errors_is_answered_without_its_values(world, client):
    client.force_login(world.organiser)
    content = (
        answer_key_csv()
        + b"img_000.png,2.5,alpha\nimg_new.png,nan,alpha\n"
        + b"\n".join(f"{name},{mos},x,y".encode() for name, mos in hidden_mos().items())
    )
    data = {"phase": str(world.development.pk), "upload": SimpleUploadedFile("key.csv", content)}
    page = client.post(reverse("admin:datasets_answerkey_add"), data).content
    assert b"line 62" in page
    assert not leaks(page)


def test_the_log_of_workers_holds_no_hidden_value(world, caplog, capfd, monkeypatch):
    """Also where scoring, analysing, checking and rescoring fail in the middle."""
    Phase.objects.update(shows_fit=False)
    world.development.refresh_from_db()
    with caplog.at_level(logging.DEBUG):
        values = route_values(world)
        monkeypatch.setattr("scoring.evaluate", lambda *args, **kwargs: 1 / 0)
        score(world.submit(seed=7).pk)
        analyse(Evaluation.objects.filter(is_current=True).first().pk)
        rescore(values["rescoring"])
    logged = "".join(capfd.readouterr()) + caplog.text
    assert "ZeroDivisionError" in logged
    assert not leaks(logged.encode())
