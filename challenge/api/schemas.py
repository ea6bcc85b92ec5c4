"""What the API sends. Field names are those of `scoring` and of the design page; changing one breaks programs."""

import datetime
from typing import Any
from uuid import UUID

from ninja import Schema


class TokenOut(Schema):
    """A token: whose it is, what it may do, when it ends (null: never)."""

    username: str
    name: str
    scopes: list[str]
    expires_at: datetime.datetime | None


class PhaseOut(Schema):
    """A phase of a challenge.

    `state`: upcoming, open, late (files are taken until `late_until`, unranked), closed. `gate_id` is the phase in
    which a team needs a scored submission to submit here. From `board_frozen_at` on, the public board shows only what
    was received before. `starter_kit_url` is null while the caller may not have the kit or there is none.
    """

    id: UUID
    challenge: str
    slug: str
    title: str
    state: str
    opens_at: datetime.datetime
    closes_at: datetime.datetime
    late_until: datetime.datetime | None
    choice_ends_at: datetime.datetime
    board_frozen_at: datetime.datetime | None
    gate_id: UUID | None
    gate_minimum: float | None
    daily_quota: int | None
    total_quota: int | None
    board_rule: str
    formula: str
    is_blind: bool
    release_rule: str
    public_share: float | None
    shows_private: bool
    starter_kit_url: str | None

    @staticmethod
    def resolve_challenge(phase: Any) -> str:
        """The slug of its challenge, also where this is read from a PhaseOut."""
        return str(getattr(phase.challenge, "slug", phase.challenge))


class ChallengeOut(Schema):
    """A challenge and its phases."""

    slug: str
    title: str
    summary: str
    is_demo: bool
    phases: list[PhaseOut]


class ReleaseOut(Schema):
    """What a Ladder shows: the team's score after this submission, whether it moved, and why or why not."""

    shown: float | None
    moved: bool
    reason: str


class DataFileVersionOut(Schema):
    """One version of a data file; `url` is null to those who may not have it."""

    number: int
    size: int
    sha256: str
    note: str
    created_at: datetime.datetime
    url: str | None


class DataFileOut(Schema):
    """A data file and its versions, newest first.

    `url` leads to the newest; null: `refusal` says why not (`not_yet`, `not_signed_in`, `not_registered`,
    `terms_changed`). `path` is its place in the released database it belongs to, "" outside one.
    """

    id: UUID
    title: str
    description: str
    file_name: str
    path: str
    licence: str
    audience: str
    phase: str | None
    opens_at: datetime.datetime | None
    refusal: str | None
    url: str | None
    versions: list[DataFileVersionOut]


class SubmissionOut(Schema):
    """A submission. `scores` and `evaluation` are null until it is scored, and always on a blind phase or a Ladder.

    `private_scores` are those on the private part of the key, once the organisers show them.
    `release` is there on a Ladder only, once the submission's turn has come.
    """

    id: UUID
    phase: UUID
    team: str
    status: str
    is_final: bool
    file_name: str
    file_size: int
    sha256: str
    rows: int
    warnings: list[str]
    method_name: str
    received_at: datetime.datetime
    is_late: bool
    is_chosen: bool
    finished_at: datetime.datetime | None
    failure: str
    scores: dict[str, float | None] | None
    evaluation: dict[str, Any] | None
    private_scores: dict[str, float | None] | None
    release: ReleaseOut | None
    url: str


class EventOut(Schema):
    """One step in the life of a submission; `actor` is a user name, null for the server. `from_status` begins as ""."""

    at: datetime.datetime
    from_status: str
    to_status: str
    reason: str
    actor: str | None


class ScoresOut(Schema):
    """What one version of the answer key and of the scorer gave. `intervals` (95 %) come a moment after the scores."""

    id: UUID
    is_current: bool
    published_at: datetime.datetime | None
    answer_key_version: int
    scorer_version: str
    formula: str
    scores: dict[str, float | None]
    intervals: dict[str, list[float] | None]


class MemberOut(Schema):
    """Somebody in a team; `status` is `accepted` or `pending`."""

    username: str
    status: str
    is_leader: bool


class TeamOut(Schema):
    """A team. `owes_consent`: the caller has to accept the terms anew, on the site, before data and submitting."""

    id: UUID
    name: str
    members: list[MemberOut]
    places_left: int
    owes_consent: bool


class AnswerOut(Schema):
    """What was asked and said at registration."""

    question: str
    answer: str


class RegistrationOut(Schema):
    """A registration; `status` is `pending`, `accepted`, `rejected` or `left`, then without a team."""

    id: UUID
    username: str
    email: str
    team: str | None
    status: str
    answers: list[AnswerOut]
    terms_version: int
    terms_accepted_at: datetime.datetime
    created_at: datetime.datetime


class ProblemLine(Schema):
    """One error or warning of a prediction file."""

    code: str
    message: str
    line: int | None
    fix: str


class ReportOut(Schema):
    """What is wrong with a file."""

    ok: bool
    rows: int
    summary: str
    problem_count: int
    problems: list[ProblemLine]
    missing: list[str]
    warnings: list[ProblemLine]


class ReceiptOut(Schema):
    """A signed receipt, to be kept as it is: `scoring.receipts` says what is signed and how it is checked."""

    receipt: dict[str, Any]
    signature: str


class QuotaOut(Schema):
    """What the team may still send."""

    daily_limit: int | None
    daily_used: int
    total_limit: int | None
    total_used: int
    remaining: int | None
    resets_at: datetime.datetime


class BoardRow(Schema):
    """One line of a leaderboard; reference rows, late rows and undefined scores have no rank.

    `interval` (95 %, of the main score) comes after the score; `rank_interval`, `probability_first` and `group` once
    the board as it stands has been compared. Null until then.
    """

    rank: int | None
    name: str
    method_name: str
    is_reference: bool
    is_late: bool
    entries: int
    scores: dict[str, float]
    reason: str
    received_at: datetime.datetime
    interval: list[float] | None
    rank_interval: list[int] | None
    probability_first: float | None
    group: int | None


class Problem(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class AnnouncementOut(Schema):
    """An announcement; `text` is Markdown. `withdrawn_at` is null for all but organisers."""

    id: UUID
    title: str
    text: str
    is_pinned: bool
    published_at: datetime.datetime
    edited_at: datetime.datetime | None
    withdrawn_at: datetime.datetime | None


class QuestionOut(Schema):
    """A question in plain text and its answer in Markdown.

    `team` is null where the caller may not know who asked. An `answered_at` with an empty `answer`: answered elsewhere.
    """

    id: UUID
    text: str
    team: str | None
    is_mine: bool
    is_published: bool
    created_at: datetime.datetime
    answer: str
    answered_at: datetime.datetime | None
    edited_at: datetime.datetime | None


class NotificationOut(Schema):
    """Something the caller was told, and where it leads. It never holds a score."""

    id: int
    kind: str
    challenge: str
    title: str
    text: str
    url: str
    at: datetime.datetime
    read_at: datetime.datetime | None
