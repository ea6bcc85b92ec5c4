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
from tests.route_matrix import GET, POST, ROLES

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
    from tests.reports import made

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
    made.collect(world)
    sheet = made.save(world, upload=made.pdf())
    merger = mergers.ask(world.team, "Rivals", actor=world.alice)
    job = make_job(world.admin, "done")
    return {
        "job": job.pk,
        "tuning": make_fine_tuning(world.admin).pk,
        "item": job.items.filter(stage="images").first().pk,
        "merger": merger.pk,
        "registration": Registration.objects.get(user=world.bob).pk,
        **study_values(world),
        **news_values(world),
        "uuid": "00000000-0000-4000-8000-000000000000",
        "invitation": world.team.invitation,
        "file": file.pk,
        "submission": submission.pk,
        "hidden": hidden.pk,
        "evaluation": submission.evaluations.get().pk,
        "blind": blind.pk,
        "blind_evaluation": blind.evaluations.get().pk,
        "rescoring": rescoring.pk,
        "sheet_file": sheet.attachments.get().pk,
        "other_team": world.other_team.pk,
        "phase": world.development.pk,
        "final": world.final.pk,
        "challenge": world.challenge.pk,
        "team": world.team.pk,
        "key": current_answer_key(world.development).pk,
    }


def news_values(world) -> dict[str, object]:
    """An announcement that stands and one that was withdrawn, a question of the rival and a published one."""
    from challenge.announcements import services as announcements
    from challenge.notices import unsubscribing
    from challenge.notices.models import Notice
    from challenge.notices.spreading import spread
    from challenge.questions import services as questions

    values = {"challenge": world.challenge, "text": "Text", "actor": world.organiser}
    stands, gone = (announcements.publish(title=title, **values) for title in ("Stands", "Withdrawn"))
    announcements.withdraw(gone, actor=world.organiser)
    hidden, shown = (questions.ask(challenge=world.challenge, user=world.mallory, text="Why?") for _ in range(2))
    questions.answer(shown, "Because.", actor=world.organiser, publishes=True)
    spread(Notice.objects.get(key=str(stands.pk)).pk)
    return {
        "announcement": stands.pk,
        "withdrawn": gone.pk,
        "question": hidden.pk,
        "answered": shown.pk,
        "notification": world.alice.notifications.get(notice__key=str(stands.pk)).pk,
        "unsubscribe": unsubscribing.address(world.alice, None).rstrip("/").rpartition("/")[2],
    }


def study_values(world) -> dict[str, object]:
    """A study with a rated session and opinion scores."""
    from challenge.study import opinion_run, opinions, rating
    from tests.study.studies import computed_figures, invited, make_study, rate

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
        "figures": computed_figures(run, world.organiser).pk,
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
    names += " opinion_run figures announcement withdrawn question answered unsubscribe sheet_file other_team"
    values = {**dict.fromkeys(names.split(), dummy), "item": "1", "notification": "1"}
    listed = {resolve(route.format(**values).partition("?")[0]).route for route in [*GET, *POST]}
    own = {route for route in routes(get_resolver().url_patterns) if not route.startswith(LIBRARY_PREFIXES)}
    assert own - listed - {"api/v1/"} == set()
