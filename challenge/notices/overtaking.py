"""«Another team went past yours»: from what everybody sees on a board now and saw when it was looked at last.

Only boards that are visible at this moment are looked at: of a blind or frozen phase, and of one where the private part
decides, nothing is told, then or later. On a Ladder that is the board of what was shown. Where groups take the place of
ranks no team is ahead of another in its group, so nothing is told there either.

It is done beside the scores: the scheduler calls a worker for each board that has changed, once a minute at most.
"""

import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from challenge.contests.access import BoardKind, usual_board
from challenge.contests.models import Phase, Team
from challenge.core.tasks import ring_bell
from challenge.leaderboards.board import board
from challenge.leaderboards.released import released_board
from challenge.notices.kinds import Kind
from challenge.notices.models import Standing
from challenge.notices.services import tell
from challenge.notices.tasks import look_at_board

LOOK_EVERY = datetime.timedelta(seconds=60)
BOARDS = {BoardKind.EXACT: board, BoardKind.RELEASED: released_board}

Rows = dict[str, tuple[int | None, str]]  # team id -> (rank, submission id)


def look_at_boards() -> int:
    """Call a worker for each board that has changed since the last look; how many calls."""
    now = timezone.now()
    shown = Phase.objects.filter(challenge__is_published=True, opens_at__lte=now)
    new = shown.filter(standing=None).values_list("pk", flat=True)
    Standing.objects.bulk_create(
        [Standing(phase_id=pk, board_version=0, next_look_at=now) for pk in new], ignore_conflicts=True
    )
    changed = Standing.objects.filter(phase__in=shown, next_look_at__lte=now)
    due = list(changed.exclude(board_version=F("phase__board_version")).values_list("phase", flat=True))
    if due:
        Standing.objects.filter(phase__in=due).update(next_look_at=now + LOOK_EVERY)
    return sum(ring_bell(look_at_board, phase_id) for phase_id in due)


def look(phase_id: UUID) -> None:
    """Tell the teams that were overtaken since the last look, each once a day and phase; note what the board is now."""
    phase = Phase.objects.select_related("challenge").get(pk=phase_id)
    basis = _basis(phase)
    rows = _rows(phase) if basis else {}
    with transaction.atomic():
        before = Standing.objects.select_for_update().get(phase=phase_id)
        now = Phase.objects.select_related("challenge").get(pk=phase_id)
        if before.board_version > phase.board_version or _basis(now) != basis:
            return  # another worker was faster, or the board has just been hidden: the next look sees that
        if basis and basis == before.basis:
            for team_id, passed_by in overtaken(before.rows, rows).items():
                _tell(phase, team_id, passed_by, rows[team_id][0])
        Standing.objects.filter(phase=phase_id).update(board_version=phase.board_version, basis=basis, rows=rows)


def overtaken(before: Rows, now: Rows) -> dict[str, list[str]]:
    """Team -> those that passed it by a file that was not on the board before; only teams whose own row is the same.

    Who moves down for another reason (a rescoring, a file of its own, a choice) was not overtaken. Ranks count from 1.
    """
    known = {submission for _, submission in before.values()}
    newcomers = [(team, rank) for team, (rank, file) in now.items() if rank is not None and file not in known]
    found: dict[str, list[str]] = {}
    for team, (rank, file) in now.items():
        was, same = before.get(team, (None, ""))
        if was is None or rank is None or same != file or rank <= was:
            continue
        passed_by = [other for other, place in newcomers if place < rank and not _was_ahead(before, other, was)]
        if passed_by:
            found[team] = passed_by
    return found


def _was_ahead(before: Rows, other: str, was: int) -> bool:
    rank = before.get(other, (None, ""))[0]
    return rank is not None and rank < was


def _basis(phase: Phase) -> str:
    """Names the board that everybody sees, and its rule; empty where there is none to be overtaken on."""
    kind = usual_board(phase)
    is_hidden = phase.is_blind or phase.is_board_frozen or not phase.challenge.is_published or kind not in BOARDS
    return "" if is_hidden or phase.rank_display == Phase.RankDisplay.GROUPS else f"{kind} {phase.board_rule}"


def _rows(phase: Phase) -> Rows:
    return {
        str(row.team_id): (row.rank, str(row.submission_id))
        for row in BOARDS[usual_board(phase)](phase)
        if row.team_id is not None and not row.is_late
    }


def _tell(phase: Phase, team_id: str, passed_by: list[str], rank: int | None) -> None:
    team = Team.objects.get(pk=team_id)
    name = Team.objects.get(pk=passed_by[0]).name if len(passed_by) == 1 else f"{len(passed_by)} teams"
    tell(
        Kind.OVERTAKEN,
        f"{phase.pk} {team_id} {timezone.now():%Y-%m-%d}",
        challenge=phase.challenge,
        team=team,
        title=f"Overtaken in «{phase.title}» by {name if len(passed_by) > 1 else f'«{name}»'}",
        text=f"Your team «{team.name}» has rank {rank} now. This is told once a day at most.",
        path=reverse("leaderboard", args=[phase.challenge.slug, phase.slug]),
    )
