"""Tables 2 and 3 of a phase, from its reference rows."""

import csv
import io

import pytest
from django.urls import reverse

from challenge.analyses.analysis_run import analyse
from challenge.analyses.models import Analysis
from challenge.contests.models import Phase
from challenge.submissions.intake import Method, receive_reference
from challenge.submissions.scoring_run import score
from scoring import evaluate
from scoring.baselines.tables import make_tables
from tests.factories import hidden_mos, make_phase, new_answer_key, prediction_csv, upload

pytestmark = pytest.mark.django_db

NOISE = {"niqe": 2.0, "clip": 0.9, "Constant guess": 0.1}


def key() -> bytes:
    lines = [f"{name},{mos},{'TRUE' if n % 3 else 'FALSE'}" for n, (name, mos) in enumerate(hidden_mos().items())]
    return "\n".join(["name,mos,cfg_default", *lines]).encode()


@pytest.fixture
def phase(world):
    made = make_phase(world.challenge, "shown", position=5)
    new_answer_key(made, key())
    for name, noise in NOISE.items():
        reference(made, name, noise)
    return made


def reference(phase, name: str, noise: float) -> None:
    row = receive_reference(phase=phase, upload=upload(file(noise)), method=Method(name=name), actor=None)
    score(row.pk)
    Analysis.objects.update(resamples=20)
    analyse(row.evaluations.get().pk)


def file(noise: float) -> bytes:
    return prediction_csv(noise, seed=int(10 * noise))


def url(phase, name: str = "tables", *args: str) -> str:
    return reverse(name, args=[phase.challenge.slug, phase.slug, *args])


def download(client, phase, table: str, form: str) -> str:
    response = client.get(url(phase, "table-file", table, form))
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_numbers_are_those_that_the_command_line_makes_of_the_same_files(client, world, phase):
    client.force_login(world.organiser)
    predictions = {name: file(noise) for name, noise in NOISE.items() if name != "Constant guess"}
    from scoring.baselines.table_formats import FORMATS

    for table in make_tables(predictions, key()):
        for form, write in FORMATS.items():
            assert download(client, phase, table.name, form) == write(table)


def test_everybody_reads_rounded_numbers_and_which_are_best(client, phase):
    page = client.get(url(phase)).content.decode()
    best = evaluate(file(NOISE["clip"]), key(), bootstrap=0).srocc
    assert f'<strong class="best">{best:.4f}</strong>' in page
    assert "Wrong CFG" in page
    assert "Constant guess" not in page
    rows = list(csv.DictReader(io.StringIO(download(client, phase, "table2", "csv"))))
    assert {row["metric"]: row["srocc"] for row in rows}["clip"] == f"{round(best, 4)}"


def test_a_metric_that_was_run_again_is_there_once_with_the_new_numbers(client, phase):
    before = download(client, phase, "table2", "csv")
    reference(phase, "niqe", 0.2)
    after = download(client, phase, "table2", "csv")
    assert before.count("niqe") == after.count("niqe") == 1
    assert before != after


@pytest.mark.parametrize(
    "hidden",
    [{"is_blind": True}, {"release_rule": "ladder"}, {"public_share": 0.5, "split_secret": b"s" * 32}],
    ids=["blind", "ladder", "halves"],
)
def test_where_results_are_not_shown_as_they_are_tables_are_for_organisers(client, world, phase, hidden):
    Phase.objects.filter(pk=phase.pk).update(**hidden)
    assert client.get(url(phase)).status_code == 404
    assert client.get(url(phase, "table-file", "table2", "csv")).status_code == 404
    assert url(phase) not in client.get(url(phase, "leaderboard")).content.decode()
    client.force_login(world.organiser)
    assert client.get(url(phase)).status_code == 200


def test_a_frozen_board_freezes_the_tables(client, world, phase):
    first = phase.submissions.order_by("received_at").first()
    Phase.objects.filter(pk=phase.pk).update(board_frozen_at=first.received_at)
    assert "No baseline metric" in client.get(url(phase)).content.decode()
    client.force_login(world.organiser)
    assert "NIQE" in client.get(url(phase)).content.decode()


def test_the_board_leads_to_the_tables_where_there_are_metrics(client, world, phase):
    assert url(phase) in client.get(url(phase, "leaderboard")).content.decode()
    assert url(world.development) not in client.get(url(world.development, "leaderboard")).content.decode()


def test_the_papers_numbers_stand_beside_where_the_settings_say_so(client, phase, tmp_path, settings):
    head = "group,type,metric,srocc,krocc,plcc,bold_in_paper,ref\n"
    (tmp_path / "table2.csv").write_text(f"{head}all,perception,nique,0.1234,0.2,0.3,,\n")
    (tmp_path / "table3.csv").write_text(head)
    settings.PAPER_TABLES = {phase.challenge.slug: str(tmp_path)}
    assert "0.1234" in client.get(url(phase)).content.decode()
    settings.PAPER_TABLES = {"other": str(tmp_path)}
    assert "0.1234" not in client.get(url(phase)).content.decode()


def test_columns_that_hold_something_else_are_named(client, world, phase):
    new_answer_key(other := make_phase(world.challenge, "odd"), key().replace(b"TRUE", b"maybe"))
    reference(other, "niqe", 1.0)
    assert "column cfg_default has" in client.get(url(other)).content.decode()
    assert client.get(url(other, "table-file", "table2", "csv")).status_code == 404


def test_what_is_no_table_or_format_is_not_found(client, phase):
    for name in (("table4", "csv"), ("table2", "exe")):
        assert client.get(url(phase, "table-file", *name)).status_code == 404
