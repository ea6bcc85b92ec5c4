"""Every route for every role (invariant 7). A route that is not listed here fails the test.

Roles: anon, outsider (signed in, takes part in nothing), pending (waits for the organisers), subject (rates images in
studies, and rows from before say member and organiser), rival (a participant of another team), mate and owner (the team
itself; the owner leads it), stranger (organises another challenge), organiser, admin.
"""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from challenge.accounts.models import ApiToken
from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse
from challenge.datasets.models import DataFile
from challenge.datasets.services import add_data_file
from tests.factories import make_pending, make_subject

ROLES = ("anon", "outsider", "pending", "subject", "rival", "mate", "owner", "stranger", "organiser", "admin")


def row(text: str) -> dict[str, int]:
    """Ten statuses in the order of ROLES: anon out pend subj rival mate owner stranger org admin."""
    return dict(zip(ROLES, map(int, text.split()), strict=True))


EVERYBODY = row("200 200 200 200 200 200 200 200 200 200")
SIGNED_IN = row("302 200 200 200 200 200 200 200 200 200")
TEAM = row("302 404 404 404 404 200 200 404 200 200")
NOBODY = row("302 404 404 404 404 404 404 404 404 404")
MEMBERS = row("302 302 302 302 200 200 200 302 302 302")  # the others are sent to the join page
ORGANISERS = row("302 404 404 404 404 404 404 404 200 200")
POST_ONLY = row("302 405 405 405 405 405 405 405 405 405")
STAFF = row("302 302 302 302 302 302 302 200 200 200")
TOKEN = row("401 200 200 200 200 200 200 200 200 200")
TOKEN_TEAM = row("401 404 404 404 404 200 200 404 200 200")
TOKEN_ORGANISERS = row("401 404 404 404 404 404 404 404 200 200")
NOT_ALLOWED = row("405 405 405 405 405 405 405 405 405 405")
OPEN_ORGANISERS = row("404 404 404 404 404 404 404 404 200 200")
NOBODY_AT_ALL = row("404 404 404 404 404 404 404 404 404 404")
ONLY_POST = row("405 405 405 405 405 405 405 405 405 405")
CHANGERS = row("302 404 404 404 404 404 404 404 200 200")
ADMINS = row("302 404 404 404 404 404 404 404 404 200")
ADMINS_POST = row("302 404 404 404 404 404 404 404 404 405")  # these pages tell nobody else even that they exist

GET: dict[str, dict[str, int]] = {
    "/": EVERYBODY,
    "/healthz": EVERYBODY,
    "/account/": SIGNED_IN,
    "/account/data/": SIGNED_IN,
    "/account/data/export/": POST_ONLY,
    "/account/erase/": SIGNED_IN,
    "/account/tokens/": SIGNED_IN,
    "/account/tokens/{uuid}/revoke/": POST_ONLY,
    "/challenges/new/": row("302 403 403 403 403 403 403 200 200 200"),
    "/challenges/new/?from=iqa": row("302 403 403 403 403 403 403 404 200 200"),
    "/c/iqa/": EVERYBODY,
    "/c/iqa/configuration.yaml": OPEN_ORGANISERS,
    "/c/iqa/configuration.json": OPEN_ORGANISERS,
    "/c/iqa/development/deadline/": CHANGERS,
    "/c/iqa/development/freeze/": CHANGERS,
    "/c/draft/": row("404 404 404 404 404 404 404 404 404 200"),
    "/c/iqa/join/": row("302 200 200 200 302 302 302 200 200 200"),
    "/c/iqa/join/{invitation}/": row("302 200 200 200 302 302 302 200 200 200"),
    "/c/iqa/terms/": MEMBERS,
    "/c/iqa/registrations/": ORGANISERS,
    "/c/iqa/registrations.csv": ORGANISERS,
    "/c/iqa/organisers/": ORGANISERS,
    "/c/iqa/desk/": ORGANISERS,
    "/c/iqa/desk/figures/": ORGANISERS,
    "/c/iqa/desk/unscored.csv": ORGANISERS,
    "/c/iqa/desk/submissions/": ORGANISERS,
    "/c/iqa/desk/submissions/act/": POST_ONLY,
    "/c/iqa/desk/submissions.csv": ORGANISERS,
    "/c/iqa/desk/submissions.json": ORGANISERS,
    "/c/iqa/desk/teams/{team}/": ORGANISERS,
    "/c/iqa/development/evidence/": ORGANISERS,
    "/c/iqa/development/evidence/status/": ORGANISERS,
    "/c/iqa/development/evidence.csv": ORGANISERS,
    "/c/iqa/desk/log/": ORGANISERS,
    "/c/iqa/desk/log.csv": ORGANISERS,
    "/c/iqa/teams/": ORGANISERS,
    "/c/iqa/team/": MEMBERS,
    "/c/iqa/studies/": ORGANISERS,
    "/c/iqa/studies/new/": ORGANISERS,
    "/c/iqa/studies/{study}/": ORGANISERS,
    "/c/iqa/studies/{study}/matrix/": ORGANISERS,
    "/c/iqa/studies/{study}/settings/": ORGANISERS,
    "/c/iqa/studies/{study}/images/": ORGANISERS,
    "/c/iqa/studies/{study}/subjects/": ORGANISERS,
    "/c/iqa/studies/{study}/state/": POST_ONLY,
    "/c/iqa/studies/{study}/preview/": ORGANISERS,
    "/c/iqa/studies/{study}/preview/state.json": ORGANISERS,
    "/c/iqa/studies/{study}/preview/{study_image}.png": ORGANISERS,
    "/c/iqa/studies/{study}/sessions/{rating_session}/reopen/": ORGANISERS,
    "/c/iqa/studies/{study}/ratings.csv": ORGANISERS,
    "/c/iqa/studies/{study}/raw-ratings.csv": ORGANISERS,
    "/c/iqa/studies/{study}/import/": ORGANISERS,
    "/c/iqa/studies/{study}/archive/": ORGANISERS,
    "/c/iqa/studies/{study}/scores/": ORGANISERS,
    "/c/iqa/studies/{study}/scores/{opinion_run}/": ORGANISERS,
    "/c/iqa/studies/{study}/scores/{opinion_run}/status/": ORGANISERS,
    "/c/iqa/studies/{study}/scores/{opinion_run}.csv": ORGANISERS,
    "/c/iqa/studies/{study}/scores/{opinion_run}/figure-5.json": ORGANISERS,
    "/rate/{uuid}/": NOBODY_AT_ALL,
    "/rate/{uuid}/withdraw/": NOBODY_AT_ALL,
    "/rate/{uuid}/start/": ONLY_POST,
    "/rate/sessions/{rating_session}/": NOBODY_AT_ALL,
    "/rate/sessions/{rating_session}/state.json": NOBODY_AT_ALL,
    "/rate/sessions/{rating_session}/hold/": ONLY_POST,
    "/rate/sessions/{rating_session}/answers/": ONLY_POST,
    "/rate/sessions/{rating_session}/finish/": ONLY_POST,
    "/rate/images/{trial}.png": NOBODY_AT_ALL,
    "/c/iqa/team/rename/": POST_ONLY,
    "/c/iqa/team/invitation/": POST_ONLY,
    "/c/iqa/team/leave/": row("302 302 200 302 200 200 200 302 302 302"),
    "/c/iqa/team/merge/": POST_ONLY,
    "/c/iqa/teams/remove/{registration}/": POST_ONLY,
    "/c/iqa/mergers/{merger}/": POST_ONLY,
    "/c/iqa/data/": EVERYBODY,
    "/c/iqa/data/downloads.csv": row("404 404 404 404 404 404 404 404 200 200"),
    "/c/iqa/development/starter-kit.zip": row("404 404 404 404 200 200 200 404 200 200"),
    "/c/iqa/submissions/": MEMBERS,
    "/c/iqa/development/submit/": MEMBERS,
    "/c/iqa/development/validate/": POST_ONLY,
    "/c/iqa/development/leaderboard/": EVERYBODY,
    "/c/iqa/development/leaderboard/table/": EVERYBODY,
    "/c/iqa/development/leaderboard.csv": EVERYBODY,
    "/c/iqa/development/leaderboard.svg": EVERYBODY,
    "/c/iqa/development/leaderboard.pdf": EVERYBODY,
    "/c/iqa/final/leaderboard/": EVERYBODY,
    "/c/iqa/final/leaderboard/table/": row("404 404 404 404 404 404 404 404 200 200"),
    "/c/iqa/final/leaderboard.csv": row("404 404 404 404 404 404 404 404 200 200"),
    "/files/{file}/": row("404 404 404 404 200 200 200 404 200 200"),
    "/files/{file}/1/": row("404 404 404 404 200 200 200 404 200 200"),
    "/c/iqa/final/leaderboard.svg": row("404 404 404 404 404 404 404 404 200 200"),
    "/c/iqa/final/leaderboard.pdf": row("404 404 404 404 404 404 404 404 200 200"),
    "/c/iqa/development/tables/": EVERYBODY,
    "/c/iqa/development/tables/table2.csv": EVERYBODY,
    "/c/iqa/final/tables/": row("404 404 404 404 404 404 404 404 200 200"),
    "/c/iqa/final/tables/table2.csv": row(" ".join(["404"] * 10)),  # nothing was run there
    "/c/iqa/development/rescoring/": ORGANISERS,
    "/c/iqa/development/rescoring/{rescoring}/": ORGANISERS,
    "/c/iqa/development/rescoring/{rescoring}/status/": ORGANISERS,
    "/c/iqa/development/rescoring/{rescoring}/publish/": ORGANISERS,
    "/c/iqa/development/rescoring/{rescoring}/discard/": ORGANISERS,
    "/c/iqa/development/rescoring/{rescoring}/retry/": POST_ONLY,
    "/c/iqa/development/rescoring/{rescoring}/changes.csv": ORGANISERS,
    "/c/iqa/final/rescoring/{rescoring}/": row("302 404 404 404 404 404 404 404 404 404"),  # it is of another phase
    "/submissions/{submission}/": TEAM,
    "/submissions/{submission}/status/": TEAM,
    "/submissions/{submission}/row/": TEAM,
    "/submissions/{submission}/file/": TEAM,
    "/submissions/{submission}/withdraw/": TEAM,
    "/submissions/{submission}/choose/": POST_ONLY,
    "/submissions/{submission}/diagnostics/": TEAM,
    "/submissions/{submission}/diagnostics.json": TEAM,
    "/submissions/{submission}/figures/scatter.svg": TEAM,
    "/submissions/{submission}/figures/worst.csv": TEAM,
    "/submissions/{submission}/figures/worst.pdf": NOBODY,
    "/submissions/{hidden}/diagnostics/": NOBODY,
    "/submissions/{hidden}/diagnostics.json": NOBODY,
    "/submissions/{hidden}/figures/scatter.svg": NOBODY,
    "/submissions/{hidden}/figures/worst.csv": NOBODY,
    "/submissions/{submission}/receipt.json": TEAM,
    "/submissions/{submission}/receipts/{evaluation}.json": TEAM,
    "/submissions/{blind}/receipt.json": TEAM,
    "/submissions/{blind}/receipts/{blind_evaluation}.json": row("302 404 404 404 404 404 404 404 200 200"),
    "/jobs/": ADMINS,
    "/jobs/new/": ADMINS,
    "/jobs/new/database/": ADMINS,
    "/jobs/new/baselines/": ADMINS,
    "/jobs/new/finetune/": ADMINS,
    "/jobs/{job}/": ADMINS,
    "/jobs/{uuid}/": NOBODY,
    "/jobs/{job}/status/done/": ADMINS,
    "/jobs/{job}/pause/": ADMINS_POST,
    "/jobs/{job}/resume/": ADMINS_POST,
    "/jobs/{job}/cancel/": ADMINS,
    "/jobs/{job}/retry/": ADMINS_POST,
    "/jobs/{job}/skip/": ADMINS_POST,
    "/jobs/{job}/delete/": ADMINS,
    "/jobs/{job}/items.csv": ADMINS,
    "/jobs/{job}/pictures/{item}/small/": ADMINS,
    "/jobs/{job}/pictures/{item}/full/": ADMINS,
    "/jobs/{job}/prompts/": ADMINS,
    "/jobs/{job}/prompts/review/": ADMINS,
    "/jobs/{job}/prompts/report.json": ADMINS,
    "/jobs/{job}/publish/": ADMINS,
    "/jobs/{tuning}/repeats/": ADMINS,
    "/receipts/verify/": EVERYBODY,
    "/.well-known/receipt-keys.json": EVERYBODY,
    "/api/v1/openapi.json": EVERYBODY,
    "/api/v1/token": TOKEN,
    "/api/v1/challenges": EVERYBODY,
    "/api/v1/challenges/iqa": EVERYBODY,
    "/api/v1/challenges/iqa/phases": EVERYBODY,
    "/api/v1/challenges/iqa/team": row("401 403 403 403 200 200 200 403 403 403"),
    "/api/v1/challenges/iqa/registrations": TOKEN_ORGANISERS,
    "/api/v1/challenges/iqa/configuration.yaml": TOKEN_ORGANISERS,
    "/api/v1/challenges/iqa/configuration.json": TOKEN_ORGANISERS,
    "/api/v1/registrations/{registration}/decision": NOT_ALLOWED,
    "/api/v1/phases/{phase}": EVERYBODY,
    "/api/v1/phases/{phase}/deadline": NOT_ALLOWED,
    "/api/v1/phases/{phase}/submissions.csv": TOKEN_ORGANISERS,
    "/api/v1/challenges/iqa/files": EVERYBODY,
    "/api/v1/files/{file}/versions/1": row("404 404 404 404 200 200 200 404 200 200"),
    "/api/v1/phases/{phase}/starter-kit": row("404 404 404 404 200 200 200 404 200 200"),
    "/api/v1/phases/{phase}/leaderboard": EVERYBODY,
    "/api/v1/phases/{final}/leaderboard": row("403 403 403 403 403 403 403 403 200 200"),
    "/api/v1/phases/{phase}/quota": row("401 403 403 403 200 200 200 403 403 403"),
    "/api/v1/phases/{phase}/submissions": TOKEN,
    "/api/v1/phases/{phase}/validate": NOT_ALLOWED,
    "/api/v1/submissions/{submission}": TOKEN_TEAM,
    "/api/v1/submissions/{submission}/events": TOKEN_TEAM,
    "/api/v1/submissions/{submission}/scores": TOKEN_TEAM,
    "/api/v1/submissions/{submission}/receipts": TOKEN_TEAM,
    "/api/v1/submissions/{submission}/file": TOKEN_TEAM,
    "/api/v1/submissions/{submission}/withdraw": NOT_ALLOWED,
    "/api/v1/submissions/{submission}/choose": NOT_ALLOWED,
    "/log/": ADMINS,
    "/log.csv": ADMINS,
    "/admin/": STAFF,
    "/admin/contests/challenge/": STAFF,
    "/admin/contests/challenge/add/": STAFF,
    "/admin/contests/challenge/{challenge}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/contests/phase/": STAFF,
    "/admin/contests/phase/{phase}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/contests/team/": STAFF,
    "/admin/contests/team/{team}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/datasets/answerkey/": STAFF,
    "/admin/datasets/answerkey/add/": STAFF,
    "/admin/datasets/answerkey/{key}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/datasets/datafile/": STAFF,
    "/admin/datasets/datafile/add/": STAFF,
    "/admin/datasets/datafile/{file}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/submissions/submission/": STAFF,
    "/admin/submissions/submission/{submission}/change/": row("302 302 302 302 302 302 302 302 200 200"),
    "/admin/accounts/user/": row("302 302 302 302 302 302 302 403 403 200"),
    "/admin/accounts/apitoken/": row("302 302 302 302 302 302 302 403 403 200"),
    # Last, because whoever has opened a link is that subject: known by the link and by nothing else, whoever signs in.
    # Those who take part in the challenge otherwise, or run it, are kept out.
    "/rate/invitation/{token}/": row("302 302 302 302 403 403 403 302 403 403"),
}

# A POST without a body: what matters is who gets past the door (400, 409, 422: past it, 302 to a login: not).
# What changes rows even so (leaving, a new link, removing somebody) is in tests/teams, role by role.
POST: dict[str, dict[str, int]] = {
    "/challenges/new/": row("302 403 403 403 403 403 403 422 422 422"),
    "/c/iqa/development/deadline/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/development/freeze/": row("302 404 404 404 404 404 404 404 422 422"),
    "/account/tokens/": row("302 422 422 422 422 422 422 422 422 422"),
    "/account/tokens/{uuid}/revoke/": row("302 302 302 302 302 302 302 302 302 302"),
    "/c/iqa/join/": row("302 422 422 422 302 302 302 422 422 422"),
    "/account/data/export/": row("302 200 200 200 200 200 200 200 200 200"),
    "/account/erase/": row("302 422 422 422 422 422 422 422 422 422"),
    "/c/iqa/join/{invitation}/": row("302 422 422 422 302 302 302 422 422 422"),
    "/c/iqa/terms/": row("302 302 302 302 200 200 200 302 302 302"),
    "/c/iqa/registrations/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/organisers/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/desk/submissions/act/": row("302 404 404 404 404 404 404 404 302 302"),
    "/c/iqa/development/evidence/": row("302 404 404 404 404 404 404 404 302 302"),
    "/c/iqa/desk/teams/{team}/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/team/rename/": row("302 302 302 302 422 422 422 302 302 302"),
    "/c/iqa/team/merge/": row("302 302 302 302 422 422 422 302 302 302"),
    "/c/iqa/mergers/{merger}/": row("302 404 404 404 302 302 302 404 302 302"),
    "/c/iqa/development/submit/": row("302 302 302 302 422 422 422 302 302 302"),
    "/c/iqa/development/validate/": row("302 200 200 200 200 200 200 200 200 200"),  # «choose a file»
    "/submissions/{submission}/withdraw/": row("302 404 404 404 404 302 302 404 302 302"),
    "/submissions/{submission}/choose/": row("302 404 404 404 404 302 302 404 302 302"),
    "/api/v1/phases/{phase}/submissions": row("401 422 422 422 422 422 422 422 422 422"),
    "/api/v1/phases/{phase}/validate": row("401 422 422 422 422 422 422 422 422 422"),
    # Of a submission that is scored already.
    "/api/v1/submissions/{submission}/withdraw": row("401 404 404 404 404 409 409 404 409 409"),
    "/api/v1/submissions/{submission}/choose": row("401 404 404 404 404 409 409 404 409 409"),
    "/api/v1/registrations/{registration}/decision": row("401 400 400 400 400 400 400 400 400 400"),
    "/api/v1/phases/{phase}/deadline": row("401 400 400 400 400 400 400 400 400 400"),
    "/c/iqa/development/rescoring/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/development/rescoring/{rescoring}/publish/": row("302 404 404 404 404 404 404 404 302 302"),
    "/c/iqa/development/rescoring/{rescoring}/retry/": row("302 404 404 404 404 404 404 404 302 302"),
    "/c/iqa/development/rescoring/{rescoring}/discard/": row("302 404 404 404 404 404 404 404 302 302"),
    "/jobs/new/database/": row("302 404 404 404 404 404 404 404 404 422"),
    "/jobs/new/baselines/": row("302 404 404 404 404 404 404 404 404 422"),
    "/jobs/new/finetune/": row("302 404 404 404 404 404 404 404 404 422"),
    "/jobs/{job}/pause/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{job}/resume/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{job}/cancel/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{job}/retry/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{job}/skip/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{uuid}/delete/": row("302 404 404 404 404 404 404 404 404 404"),
    "/jobs/{job}/prompts/review/": row("302 404 404 404 404 404 404 404 404 302"),
    "/jobs/{job}/publish/": row("302 404 404 404 404 404 404 404 404 422"),
    "/receipts/verify/": row("422 422 422 422 422 422 422 422 422 422"),
    "/c/iqa/studies/new/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/settings/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/images/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/subjects/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/state/": row("302 404 404 404 404 404 404 404 302 302"),
    "/c/iqa/studies/{study}/sessions/{rating_session}/reopen/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/import/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/archive/": row("302 404 404 404 404 404 404 404 302 302"),  # refused: it is open
    "/c/iqa/studies/{study}/scores/": row("302 404 404 404 404 404 404 404 422 422"),
    "/c/iqa/studies/{study}/scores/{opinion_run}/": row("302 404 404 404 404 404 404 404 422 422"),
    "/rate/{uuid}/": NOBODY_AT_ALL,
    "/rate/{uuid}/start/": NOBODY_AT_ALL,
    "/rate/{uuid}/withdraw/": NOBODY_AT_ALL,
    "/rate/sessions/{rating_session}/hold/": NOBODY_AT_ALL,
    "/rate/sessions/{rating_session}/answers/": NOBODY_AT_ALL,
    "/rate/sessions/{rating_session}/finish/": NOBODY_AT_ALL,
}

# Routes of libraries: allauth's pages are its own to test, the admin's per-model pages all go through OrganiserAdmin.
LIBRARY_PREFIXES = ("accounts/", "admin/")


def route_values(world) -> dict[str, object]:
    """What the routes' placeholders stand for: rows of every kind, made in `world`."""
    from django.core.files.base import ContentFile

    from challenge.contests.models import Challenge, Registration
    from challenge.datasets.services import current_answer_key
    from challenge.rescorings.services import start
    from challenge.submissions.intake import Method, receive_reference
    from challenge.submissions.scoring_run import score
    from challenge.teams import mergers
    from tests.factories import new_answer_key, prediction_csv, upload
    from tests.jobs.made import make_fine_tuning, make_job

    Challenge.objects.create(slug="draft", title="Draft", summary="Not published.")
    world.development.shows_fit = True
    world.development.save()
    submission = world.scored()
    hidden = world.scored(phase=world.final)  # blind
    for scored in (submission, hidden):
        analyse(scored.evaluations.get().pk)
    file = add_data_file(
        data_file=DataFile(challenge=world.challenge, title="Train", file_name="t.csv"), content=ContentFile(b"x")
    )
    blind = hidden
    rescoring = start(
        phase=world.development,
        answer_key=new_answer_key(world.development),
        formula=world.development.formula,
        reason="a test",
        actor=world.organiser,
    )
    metric = receive_reference(
        phase=world.development, upload=upload(prediction_csv(0.9, 5)), method=Method(name="niqe"), actor=None
    )
    score(metric.pk)
    analyse(metric.evaluations.get().pk)
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    job = make_job(world.admin, "done")
    return {
        "job": job.pk,
        "tuning": make_fine_tuning(world.admin).pk,
        "item": job.items.filter(stage="images").first().pk,
        "merger": merger.pk,
        "registration": Registration.objects.get(user=world.bob).pk,
        **study_values(world),
        "uuid": "00000000-0000-4000-8000-000000000000",
        "invitation": world.team.invitation,
        "file": file.pk,
        "submission": submission.pk,
        "hidden": hidden.pk,
        "evaluation": submission.evaluations.get().pk,
        "blind": blind.pk,
        "blind_evaluation": blind.evaluations.get().pk,
        "rescoring": rescoring.pk,
        "phase": world.development.pk,
        "final": world.final.pk,
        "challenge": world.challenge.pk,
        "team": world.team.pk,
        "key": current_answer_key(world.development).pk,
    }


def study_values(world) -> dict[str, object]:
    """A study with a rated session and opinion scores."""
    from challenge.study import opinion_run, opinions, rating
    from tests.study.studies import invited, make_study, rate

    study = make_study(world.challenge, world.organiser, images=6)
    subject, token = invited(study, world.organiser)
    session = rating.start_session(subject)
    rate(session, lambda trial: float(trial.position % 6))
    options = {"screening": "none", "threshold": 0.6, "transform": "identity"}
    options |= {"session_mean": "subject_session", "duplicates": "reject"}
    run = opinions.ask_for_scores(study, options, world.organiser)
    opinion_run.compute(run.pk)
    return {
        "study": study.pk,
        "study_image": study.images.first().pk,
        "token": token,
        "rating_session": session.pk,
        "trial": session.trials.first().pk,
        "opinion_run": run.pk,
    }


@pytest.fixture
def values(world):
    return route_values(world)


def role_users(world):
    """Role -> user, None for anon."""
    users = (None, world.outsider, make_pending(world), make_subject(world), world.mallory, world.bob, world.alice)
    return dict(zip(ROLES, (*users, world.other_organiser, world.organiser, world.admin), strict=True))


@pytest.fixture
def people(world):
    return role_users(world)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_role_gets_what_the_matrix_says(client, people, values, method, role):
    user = people[role]
    headers = {}
    if user:
        client.force_login(user)
        token = create_token(user=user, name="t", scopes=ApiToken.Scope.values)[1]
        headers = {"authorization": f"Bearer {token}"}
    wrong = {}
    for route, expected in (GET if method == "get" else POST).items():
        options = {"headers": headers} if route.startswith("/api/") else {}
        response = getattr(client, method)(route.format(**values), **options)
        if hasattr(response, "streaming_content"):
            b"".join(response.streaming_content)  # closes the file
        if response.status_code != expected[role]:
            wrong[route] = (response.status_code, expected[role])
    assert not wrong


def routes(patterns, prefix: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, text)
        elif isinstance(pattern, URLPattern):
            found.append(text)
    return found


def test_every_route_is_in_the_matrix():
    """Each pattern of the URLconf matches at least one line above."""
    from django.urls import resolve

    dummy = "00000000-0000-4000-8000-000000000000"
    names = "uuid file submission phase final challenge team key invitation registration merger hidden"
    names += " evaluation blind blind_evaluation rescoring job tuning study study_image token rating_session trial"
    names += " opinion_run"
    values = {**dict.fromkeys(names.split(), dummy), "item": "1"}
    listed = {resolve(route.format(**values).partition("?")[0]).route for route in [*GET, *POST]}
    own = {route for route in routes(get_resolver().url_patterns) if not route.startswith(LIBRARY_PREFIXES)}
    assert own - listed - {"api/v1/"} == set()
