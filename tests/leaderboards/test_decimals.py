"""How many decimals a phase shows: a choice of its organisers that pages, exports and the API keep."""

import json

import pytest

from challenge.accounts.services import create_token
from challenge.analyses.analysis_run import analyse


@pytest.fixture
def submission(world):
    """A scored and analysed one of a plain phase that shows two decimals."""
    world.development.shown_decimals = 2
    world.development.full_clean()
    world.development.save()
    submission = world.scored()
    analyse(submission.evaluations.get().pk)
    return submission


def answers(client, world, user, submission):
    client.force_login(user)
    token = {"authorization": f"Bearer {create_token(user=user, name='t', scopes=['read'])[1]}"}
    phase = f"/c/iqa/{submission.phase.slug}/leaderboard"
    pages = [submission.get_absolute_url(), "/c/iqa/submissions/", f"{phase}/", f"{phase}/table/"]
    found = [client.get(page).content.decode() for page in pages]
    exports = [
        f"{phase}.csv",
        f"/api/v1/submissions/{submission.pk}",
        f"/api/v1/phases/{submission.phase_id}/leaderboard",
    ]
    return found, [client.get(address, headers=token).content.decode() for address in exports]


def test_pages_and_participants_exports_round_all_numbers_of_a_result(world, client, submission):
    result = submission.evaluations.get().analysis.result
    pages, exports = answers(client, world, world.alice, submission)
    numbers = [result["main"], result["krocc"], *result["intervals"]["main"]]
    numbers += [group["srocc"] for group in result["subsets"]["generator"].values()]
    for text in [*pages, *exports]:
        assert [number for number in numbers if f"{number:.5f}"[:-2] in text] == []
    for text in pages:
        assert f"{result['main']:.2f}" in text
    assert json.loads(exports[1])["scores"]["main"] == round(result["main"], 2)


def test_organisers_exports_keep_full_precision(world, client, submission):
    main = submission.evaluations.get().result["main"]
    _, exports = answers(client, world, world.organiser, submission)
    for text in exports:
        assert repr(main) in text


def test_a_change_shows_on_the_board_at_once(world, client, submission):
    main = submission.evaluations.get().result["main"]
    world.development.shown_decimals = None
    world.development.save()
    assert f"{main:.4f}" in client.get("/c/iqa/development/leaderboard/table/").content.decode()
