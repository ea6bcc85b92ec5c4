"""What the API sends. Field names are those of `scoring` and of the design page; changing one breaks programs."""

import datetime
from typing import Any
from uuid import UUID

from ninja import Schema


class PhaseOut(Schema):
    """A phase of a challenge.

    `state`: upcoming, open, late (files are taken until `late_until`, unranked), closed. `gate_id` is the phase in
    which a team needs a scored submission to submit here. From `board_frozen_at` on, the public board shows only what
    was received before. `starter_kit_url` is null while the caller may not have the kit or there is none.
    """

    id: UUID
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
    finished_at: datetime.datetime | None
    failure: str
    scores: dict[str, float | None] | None
    evaluation: dict[str, Any] | None
    private_scores: dict[str, float | None] | None
    release: ReleaseOut | None
    url: str


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
