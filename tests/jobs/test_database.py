"""A database job up to its images, without torch: prompts with their funnel and queue, the plan, and what is refused.

The whole road is in tests/browser/test_database_job.py and tests/chaos/test_jobs.py.
"""

import csv
import importlib.util
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from challenge.jobs import services
from challenge.jobs.database import kind as database_kind
from challenge.jobs.database import steps
from challenge.jobs.database.form import DatabaseForm
from challenge.jobs.folders import folder_of, remove_folder
from challenge.jobs.kinds import Batch, Item, JobFailed, Stage, Task, kind_of
from challenge.jobs.models import Doubt, Job
from tests.generation.prompts.stub import items_of, reply, serve, verdicts
from tests.jobs.conftest import drain

pytestmark = pytest.mark.django_db

PROMPTS = [
    "a quiet harbour at dawn, oil on canvas",
    "a quiet harbour at dawn, oil on canvas!",
    "a quiet harbour at dawn, oil on canvass",
    "two foxes asleep under a red maple tree",
    "a glass cathedral in a desert, wide angle",
    "a dancer in a bikini on a stone beach",
    "portrait of a seductive spy in the rain",
    "an old tram climbing a hill in the fog",
]
VALUES = {
    "generators": ["toy"],
    "images": "4",
    "judge": "lexicon",
    "ask_people": "on",
    "threshold": "90",
    "policy": "guarantee",
    "seed": "0",
    "ratio": "7:1:2",
    "device": "cpu",
    "formats": ["parquet"],
    "licence": "CC-BY-4.0",
}


@pytest.fixture
def root(client, admin, bells, monkeypatch):
    """Signed in; the job ends with its plan, so that no test here needs torch."""
    kind = kind_of("database")
    monkeypatch.setattr(type(kind), "stages", kind.stages[:2])
    monkeypatch.setattr(database_kind, "find_spec", lambda name: name)
    client.force_login(admin)
    return client


@pytest.fixture
def post(root):
    """`post(prompts, **values)` starts a job."""

    def start(prompts=PROMPTS, name="mine.txt", **values) -> Job:
        file = {"prompts": SimpleUploadedFile(name, "\n".join(prompts).encode())} if prompts else {}
        response = root.post(reverse("new-job-of-kind", args=["database"]), {**VALUES, **values, **file})
        assert response.status_code == 302, response.context["form"].errors
        return Job.objects.latest("created_at")

    yield start
    for job in Job.objects.all():
        remove_folder(job.pk)


def rows_of(job: Job, name: str) -> list[dict[str, str]]:
    with (folder_of(job.pk) / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_prompts_in_doubt_wait_for_people_and_the_plan_follows_their_decisions(root, post, admin):
    job = post()
    drain()
    job.refresh_from_db()
    assert job.state == "paused"
    assert "unsure of 2 prompts" in job.events.first().text
    bikini, spy = Doubt.objects.filter(job=job)
    assert "2 prompts wait" in root.get(job.get_absolute_url()).content.decode()

    review = reverse("job-review", args=[job.pk])
    assert "seductive spy" in root.get(review).content.decode()
    root.post(review, {f"d{bikini.pk}": "allow", f"d{spy.pk}": "block"})
    bikini.refresh_from_db()
    assert (bikini.decision, bikini.decided_by) == ("allow", admin)
    root.post(review, {f"d{bikini.pk}": "", "then": "resume"})  # thought better of it
    drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    kept = {row["prompt"] for row in rows_of(job, "kept.csv")}
    assert len(kept) == 4
    assert not {prompt for prompt in kept if "spy" in prompt or "bikini" in prompt}
    assert {row["prompt"] for row in rows_of(job, "plan.csv")} == kept
    assert root.post(review, {f"d{spy.pk}": "allow"}, follow=True).context["job"] == job
    spy.refresh_from_db()
    assert spy.decision == "block"  # it was used: too late


def test_a_model_judges_where_the_settings_name_one(root, post, settings):
    def respond(request, number):
        said = verdicts(request)["verdicts"]
        foxes = {item["id"] for item in items_of(request) if "foxes" in item["prompt"]}
        blocked = {"label": "block", "category": "hate"}
        return reply({"verdicts": [{**one, **(blocked if one["id"] in foxes else {})} for one in said]})

    new = reverse("new-job-of-kind", args=["database"])
    assert "openai" not in dict(root.get(new).context["form"].fields["judge"].choices)
    with serve(respond) as stub:
        settings.PROMPT_JUDGE_URL, settings.PROMPT_JUDGE_MODEL = stub.url, "small-model"
        settings.PROMPT_JUDGE_API_KEY = "of the worker"
        assert "The model small-model" in root.get(new).content.decode()
        job = post(judge="openai")
        drain()
    job.refresh_from_db()
    assert (job.state, job.failure) == ("done", "")
    assert {header["Authorization"] for header in stub.headers} == {"Bearer of the worker"}
    dropped = {row["prompt"]: row["reason"] for row in rows_of(job, "dropped.csv")}
    assert "small-model" in dropped["two foxes asleep under a red maple tree"]
    assert "of the worker" not in root.get(job.get_absolute_url()).content.decode()


def test_a_judge_that_the_worker_does_not_know_fails_the_job_with_what_to_set(post, settings):
    settings.PROMPT_JUDGE_URL, settings.PROMPT_JUDGE_MODEL = "http://127.0.0.1:9/v1", "small-model"
    job = post(judge="openai")
    settings.PROMPT_JUDGE_URL = ""
    drain()
    job.refresh_from_db()
    assert job.state == "failed"
    assert "set PROMPT_JUDGE_URL" in job.failure


def test_all_prompts_on_the_page_are_decided_at_once(root, post):
    job = post(images="5")
    drain()
    root.post(reverse("job-review", args=[job.pk]), {"all": "allow", "then": "resume"})
    drain()
    job.refresh_from_db()
    assert job.state == "done"
    assert len(rows_of(job, "kept.csv")) == 5
    assert set(Doubt.objects.values_list("decision", flat=True)) == {"allow"}


def test_whoever_lets_the_job_go_on_without_deciding_leaves_them_out(post, admin):
    job = post()
    drain()
    services.resume(job, admin)
    drain()
    reasons = {row["reason"] for row in rows_of(job, "dropped.csv")}
    assert "left undecided by lexicon" in reasons
    assert Job.objects.get(pk=job.pk).state == "done"


def test_the_funnel_shows_what_each_rule_left_and_every_dropped_row(root, post):
    job = post(ask_people="")
    funnel = reverse("job-funnel", args=[job.pk])
    assert "not filtered yet" in root.get(funnel).content.decode()
    drain()
    context = root.get(funnel).context
    assert [(step["title"], step["left"]) for step in context["steps"]] == [
        ("Input", 8),
        ("Same prompt", 7),
        ("Nearly the same prompt", 6),
        ("Cleaned", 6),
        ("Listed words", 6),
        ("Judged", 4),
        ("Selected", 4),
    ]
    merged = root.get(funnel, {"rule": "merged"}).context["dropped"]
    assert [(row["merged_into"], float(row["similarity"]) >= 90) for row in merged] == [("p0000001", True)]
    assert b"p0000003" in root.get(funnel, {"rule": "merged", "page": "99"}).content
    report = root.get(reverse("job-funnel-file", args=[job.pk, "json"]))
    assert json.loads(b"".join(report))["judged"] == 4
    text = b"".join(root.get(reverse("job-funnel-file", args=[job.pk, "md"]))).decode()
    assert text.startswith("# Prompts")
    assert b"merged_into" in b"".join(root.get(reverse("job-funnel-file", args=[job.pk, "csv"])))
    assert root.get(reverse("job-funnel-file", args=[job.pk, "exe"])).status_code == 404


def test_a_file_that_is_called_like_one_of_ours_is_read_and_stays(post):
    lines = ["prompt", *PROMPTS]
    job = post(prompts=[f'"{line}"' for line in lines], name="kept.csv", ask_people="")
    drain()
    assert Job.objects.get(pk=job.pk).state == "done"
    assert len(rows_of(job, "input/kept.csv")) == len(PROMPTS)
    assert len(rows_of(job, "kept.csv")) == 4


def test_too_few_prompts_stop_the_job_with_the_numbers_and_the_fix(post):
    job = post(images="40", ask_people="")
    drain()
    job.refresh_from_db()
    assert job.state == "failed"
    assert job.failure.startswith("4 prompts remain for 40 images (left after each rule: input 8, exact 7")


def test_a_file_that_holds_no_prompts_stops_the_job_with_the_library_s_words(post):
    job = post(prompts=["", ""])
    drain()
    job.refresh_from_db()
    assert (job.state, "mine.txt: holds no prompts" in job.failure) == ("failed", True)


def test_what_is_missing_on_the_worker_is_named_with_the_command_that_brings_it(post, monkeypatch):
    monkeypatch.setattr(database_kind, "find_spec", lambda name: None if name in ("torch", "diffusers") else name)
    job = post(prompts=None)
    drain()
    job.refresh_from_db()
    assert job.failure.startswith("torch and diffusers are missing on this worker: run `make gpu` there")
    monkeypatch.setattr(database_kind, "find_spec", lambda name: None if name == "pyarrow" else name)
    with pytest.raises(JobFailed, match="pyarrow is missing on this worker: run `make database` there"):
        database_kind.check_packages()


def test_the_form_begins_with_the_demo_generator_and_asks_for_licences_of_what_it_fetches():
    form = DatabaseForm()
    assert form["generators"].initial == ["toy"]
    fetching = {**VALUES, "generators": ["toy", "SD1.5"], "images": "1"}
    refused = DatabaseForm(fetching, {})
    assert not refused.is_valid()
    assert set(refused.errors) == {"accepts_licences", "images"}
    accepted = DatabaseForm({**fetching, "images": "10", "accepts_licences": "on"}, {})
    assert accepted.is_valid(), accepted.errors


@pytest.mark.parametrize("values", [{"ratio": "1"}, {"ratio": "0:1:2"}, {"generators": ["Paint"]}, {"images": "0"}])
def test_the_form_refuses_what_makes_no_job(values):
    assert not DatabaseForm({**VALUES, **values}, {}).is_valid()


def test_a_page_asks_for_the_licences_beside_each_generator(root):
    text = root.get(reverse("new-job-of-kind", args=["database"])).content.decode()
    assert "CreativeML OpenRAIL-M" in text
    assert "comes with this program" in text


def test_every_stage_names_a_step():
    kind = kind_of("database")
    stages = {stage.name for stage in kind.stages if isinstance(stage, Stage)}
    assert stages == {*database_kind.SINGLE, *database_kind.MANY}
    assert all(importlib.util.find_spec(name) for name in database_kind.NEEDS if database_kind.NEEDS[name] != "gpu")


def test_weights_are_fetched_only_where_asked_for_and_what_the_command_says_stops_the_job(tmp_path, monkeypatch):
    task = Task("id", "title", {"generators": ["toy", "SD1.5"], "fetch": False}, tmp_path)
    assert list(steps.weights_items(task)) == []
    task = Task("id", "title", {"generators": ["toy", "SD1.5"], "fetch": True}, tmp_path)
    (item,) = steps.weights_items(task)  # the toy's ship with this program
    assert item.parameters == {"name": "SD1.5"}
    batch = Batch(task, "weights", (Item(0, "weights", "SD1.5", {"name": "No such model"}, 1),))
    monkeypatch.setattr(steps, "weights_folder", lambda: tmp_path)
    with pytest.raises(JobFailed, match="'No such model' is no generator with weights"):
        steps.fetch_them(batch)
