"""Commands that read: challenges, phases, boards, submissions and what they scored."""

from __future__ import annotations

from argparse import Namespace
from typing import Any
from urllib.parse import quote

from aiqa.client import Client
from aiqa.errors import OK, REFUSED, Refused
from aiqa.output import clean, moment, table
from aiqa.session import Shown, find_challenge, find_phase, identifier

METRICS = ("main", "srocc", "krocc", "plcc", "rmse")


def challenges(client: Client, arguments: Namespace) -> Shown:
    """The challenges that the token's account may see."""
    rows = client.every("/challenges")
    shown = [[row["slug"], row["title"], len(row["phases"]), row["summary"]] for row in rows]
    return Shown(rows, table(["challenge", "title", "phases", "summary"], shown))


def phases(client: Client, arguments: Namespace) -> Shown:
    """The phases of a challenge, and with a token what may still be sent."""
    rows = find_challenge(client, arguments.challenge)["phases"]
    for row in rows:
        row["quota"] = _quota(client, row["id"]) if client.token else None
    header = ["phase", "state", "opens", "closes", "main score", "files left"]
    shown = [
        [
            f"{row['challenge']}/{row['slug']}",
            row["state"],
            moment(row["opens_at"]),
            moment(row["closes_at"]),
            row["formula"],
            _left(row["quota"]),
        ]
        for row in rows
    ]
    return Shown(rows, table(header, shown))


def _quota(client: Client, phase: str) -> dict[str, Any] | None:
    """The quota of the account's team; None for who takes no part."""
    try:
        found: dict[str, Any] = client.get(f"/phases/{phase}/quota")
    except Refused as refused:
        if refused.code in ("not_registered", "not_authenticated"):
            return None
        raise
    return found


def _left(quota: dict[str, Any] | None) -> object:
    if quota is None:
        return None
    return "unlimited" if quota["remaining"] is None else quota["remaining"]


def leaderboard(client: Client, arguments: Namespace) -> Shown:
    """The board of a phase, with intervals of scores and of ranks."""
    phase = find_phase(client, arguments.phase)
    rows = client.every(f"/phases/{phase['id']}/leaderboard{'?exact=true' if arguments.exact else ''}")
    metrics = [metric for metric in METRICS if any(metric in row["scores"] for row in rows)]
    header = ["rank", "team", "method", *metrics, "95 % of main", "ranks", "group"]
    shown = [
        [
            row["rank"],
            row["name"] + (" (reference)" if row["is_reference"] else " (late)" if row["is_late"] else ""),
            row["method_name"],
            *(row["scores"].get(metric) for metric in metrics),
            row["interval"],
            "-".join(map(str, row["rank_interval"])) if row["rank_interval"] else None,
            row["group"],
        ]
        for row in rows
    ]
    return Shown(rows, table(header, shown) if rows else "Nothing is on this board yet.")


def submissions(client: Client, arguments: Namespace) -> Shown:
    """The submissions of the account's team in a phase; of all teams for its organisers."""
    phase = find_phase(client, arguments.phase)
    rows = client.every(f"/phases/{phase['id']}/submissions")
    header = ["submission", "received", "status", "team", "method", "file", "main"]
    shown = [
        [
            row["id"],
            moment(row["received_at"]),
            row["status"],
            row["team"],
            row["method_name"],
            row["file_name"],
            (row["scores"] or {}).get("main"),
        ]
        for row in rows
    ]
    return Shown(rows, table(header, shown))


def status(client: Client, arguments: Namespace) -> Shown:
    """Where a submission stands, and how it got there."""
    name = identifier(arguments.submission, "submission")
    row = client.get(f"/submissions/{name}")
    row["events"] = client.every(f"/submissions/{name}/events")
    lines = [f"{clean(row['file_name'])}: {row['status']}"]
    lines += [f"  {moment(event['at'])}  {event['to_status']:9s}  {clean(event['reason'])}" for event in row["events"]]
    if row["failure"]:
        lines.append(f"  {clean(row['failure'])}")
    return Shown(row, "\n".join(lines), REFUSED if row["status"] in ("failed", "withdrawn") else OK)


def scores(client: Client, arguments: Namespace) -> Shown:
    """The scores of a submission with their intervals, with `history` also those that are no longer in force."""
    name = identifier(arguments.submission, "submission")
    row = client.get(f"/submissions/{quote(name)}")
    history = client.every(f"/submissions/{name}/scores")
    value = {name: row[name] for name in ("id", "status", "scores", "private_scores", "release")}
    value["intervals"] = next((one["intervals"] for one in history if one["is_current"]), {})
    text, is_shown = scores_text(row, value["intervals"])
    if arguments.history:
        value["history"] = history
        header = ["in force", "published", "key", "scorer", *METRICS]
        past = [
            [one["is_current"], moment(one["published_at"]), one["answer_key_version"], one["scorer_version"]]
            + [one["scores"][metric] for metric in METRICS]
            for one in history
        ]
        text += "\n\n" + table(header, past)
    return Shown(value, text, OK if is_shown else REFUSED)


def scores_text(row: dict[str, Any], intervals: dict[str, Any]) -> tuple[str, bool]:
    """What a submission scored, for people, and whether there is anything; else the text says why not."""
    if row["release"]:
        shown = table(["shown", "moved"], [[row["release"]["shown"], row["release"]["moved"]]])
        return f"{shown}\n{clean(row['release']['reason'])}", True
    if row["scores"]:
        lines = [[metric, row["scores"][metric], intervals.get(metric)] for metric in METRICS]
        return table(["metric", "value", "95 %"], lines), True
    if row["status"] == "scored":
        return "Scored. This phase shows no scores now.", False
    return f"No score: the submission is {row['status']}. {clean(row['failure'])}".rstrip(), False
