"""Many at once, in real transactions: on SQLite here, on PostgreSQL through tests/test_on_postgres.py."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from challenge.accounts.services import create_token
from challenge.contests.services import JoinRefused, join_challenge
from challenge.submissions.models import Evaluation, Submission
from challenge.submissions.scoring_run import claim, score
from challenge.submissions.services import choose, withdraw
from tests.factories import make_user, make_world, prediction_csv, upload

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, work) -> list:
    """Results of `work(0..count-1)`, all started at the same moment in threads with their own connections."""
    barrier = threading.Barrier(count)

    def run(number: int):
        try:
            barrier.wait(30)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.parametrize("same_key", [False, True])
def test_fifty_parallel_posts_against_a_quota_of_one_admit_exactly_one(rung, same_key):
    world = make_world()
    world.development.daily_quota = 1
    world.development.save()
    text = create_token(user=world.alice, name="t", scopes=["submit"])[1]
    url = f"/api/v1/phases/{world.development.pk}/submissions"

    def post(number: int) -> int:
        headers = {"authorization": f"Bearer {text}"} | ({"idempotency-key": "one"} if same_key else {})
        client = Client(raise_request_exception=False)
        return client.post(
            url, {"file": upload(prediction_csv(seed=0 if same_key else number))}, headers=headers
        ).status_code

    statuses = Counter(at_once(50, post))
    assert statuses == ({201: 50} if same_key else {201: 1, 429: 49})
    submission = Submission.objects.get()
    assert (submission.day_slot, submission.phase_slot) == (1, 1)
    assert rung == [str(submission.pk)]


def test_two_teams_do_not_wait_for_each_others_quota(rung):
    world = make_world()
    world.development.daily_quota = 2
    world.development.save()
    tokens = [create_token(user=user, name="t", scopes=["submit"])[1] for user in (world.alice, world.mallory)]
    url = f"/api/v1/phases/{world.development.pk}/submissions"

    def post(number: int) -> tuple[int, int]:
        headers = {"authorization": f"Bearer {tokens[number % 2]}"}
        answer = Client().post(url, {"file": upload(prediction_csv(seed=number))}, headers=headers)
        return number % 2, answer.status_code

    assert Counter(at_once(12, post)) == {(0, 201): 2, (0, 429): 4, (1, 201): 2, (1, 429): 4}


def test_of_many_workers_one_gets_the_claim():
    world = make_world()
    submission = world.submit()
    assert sum(held is not None for held in at_once(12, lambda _: claim(submission.pk))) == 1


def test_many_deliveries_score_once():
    world = make_world()
    submission = world.submit()
    at_once(8, lambda _: score(submission.pk))
    assert Submission.objects.get().status == "scored"
    assert Evaluation.objects.count() == 1
    assert submission.events.filter(to_status="scored").count() == 1


def test_withdrawing_while_it_is_scored_ends_in_one_final_state():
    world = make_world()
    for seed in range(6):
        submission = world.submit(world.alice if seed % 2 else world.mallory, seed=seed)

        def act(number: int, submission=submission) -> None:
            if number:
                score(submission.pk)
            else:
                withdraw(submission, world.alice)

        at_once(2, act)
        submission.refresh_from_db()
        assert submission.status in ("scored", "withdrawn")
        assert submission.evaluations.count() == (submission.status == "scored")
        assert (submission.phase_slot is None) == (submission.status == "withdrawn")


def test_choosing_at_once_leaves_one_choice():
    world = make_world()
    mine = [world.scored(phase=world.final, seed=seed) for seed in range(4)]
    at_once(4, lambda number: choose(mine[number], world.alice))
    assert Submission.objects.filter(is_chosen=True).count() == 1


def test_the_last_place_in_a_team_goes_to_one():
    world = make_world()
    world.challenge.max_team_size = 3  # alice and bob are in
    world.challenge.save()
    users = [make_user(f"u{number}") for number in range(6)]

    def join(number: int) -> bool:
        try:
            join_challenge(
                user=users[number], challenge=world.challenge, invitation=world.team.invitation, accepts_terms=True
            )
        except JoinRefused:
            return False
        return True

    assert sum(at_once(6, join)) == 1
