"""Every page that people can reach, as (name, who looks, path)."""

from typing import Any

from django.urls import reverse

from tests.browser.rich import Rich
from tests.factories import World

Entry = tuple[str, Any, str]


def every_page(world: World, rich: Rich) -> list[Entry]:
    """Name (also of its screenshot), user or None, path."""
    iqa, alice = world.challenge.slug, world.alice
    return [
        ("home", None, reverse("home")),
        ("not-found", None, "/no-such-page/"),
        *_account_pages(alice),
        ("challenge-anonymous", None, reverse("challenge", args=[iqa])),
        ("challenge-outsider", world.outsider, reverse("challenge", args=[iqa])),
        ("challenge-member", alice, reverse("challenge", args=[iqa])),
        ("challenge-organiser", world.organiser, reverse("challenge", args=[iqa])),
        ("new-challenge", world.organiser, reverse("new-challenge") + f"?from={iqa}"),
        ("deadline", world.organiser, reverse("deadline", args=[iqa, "development"])),
        ("freeze", world.organiser, reverse("freeze", args=[iqa, "development"])),
        ("challenge-empty", None, reverse("challenge", args=[rich.empty.slug])),
        ("join", world.outsider, reverse("join", args=[iqa])),
        ("join-team", world.outsider, reverse("join-team", args=[iqa, world.team.invitation])),
        ("join-waiting", rich.pending, reverse("join", args=[iqa])),
        ("challenge-waiting", rich.pending, reverse("challenge", args=[iqa])),
        ("terms-changed", rich.behind, reverse("terms", args=[iqa])),
        ("challenge-terms-changed", rich.behind, reverse("challenge", args=[iqa])),
        ("data-terms-changed", rich.behind, reverse("data", args=[iqa])),
        *[(name, world.organiser, reverse(name, args=[iqa])) for name in ("registrations", "organisers", "teams")],
        ("team", alice, reverse("team", args=[iqa])),
        ("team-mate", world.bob, reverse("team", args=[iqa])),
        ("leave-team", alice, reverse("leave-team", args=[iqa])),
        ("data-anonymous", None, reverse("data", args=[iqa])),
        ("data-member", alice, reverse("data", args=[iqa])),
        ("data-organiser", world.organiser, reverse("data", args=[iqa])),
        *[
            (f"submit-{phase}", alice, reverse("submit", args=[iqa, phase]))
            for phase in ("development", "final", "closed", "upcoming", "keyless", "spent")
        ],
        ("submit-again", alice, reverse("submit", args=[iqa, "development"]) + f"?from={rich.scored.pk}"),
        ("submissions", alice, reverse("submissions", args=[iqa])),
        ("submission-scored", alice, reverse("submission", args=[rich.scored.pk])),
        ("submission-queued", alice, reverse("submission", args=[rich.queued.pk])),
        ("submission-failed", alice, reverse("submission", args=[rich.failed.pk])),
        ("submission-blind", alice, reverse("submission", args=[rich.blind.pk])),
        ("submission-blind-organiser", world.organiser, reverse("submission", args=[rich.blind.pk])),
        ("submission-undefined-organiser", world.organiser, reverse("submission", args=[rich.undefined.pk])),
        ("submission-reference-organiser", world.organiser, reverse("submission", args=[rich.reference.pk])),
        ("diagnostics", alice, reverse("diagnostics", args=[rich.scored.pk])),
        ("diagnostics-waiting-organiser", world.organiser, reverse("diagnostics", args=[rich.reference.pk])),
        ("withdraw", alice, reverse("withdraw", args=[rich.queued.pk])),
        ("leaderboard", alice, reverse("leaderboard", args=[iqa, "development"])),
        ("leaderboard-anonymous", None, reverse("leaderboard", args=[iqa, "development"])),
        ("leaderboard-blind", alice, reverse("leaderboard", args=[iqa, "final"])),
        ("leaderboard-blind-organiser", world.organiser, reverse("leaderboard", args=[iqa, "final"])),
        ("rescoring", world.organiser, reverse("rescoring", args=[iqa, "development"])),
        ("rescoring-history", world.organiser, reverse("rescoring", args=[iqa, "final"])),
        ("rescoring-without-key", world.organiser, reverse("rescoring", args=[iqa, "keyless"])),
        ("rescoring-report", world.organiser, rich.report.get_absolute_url()),
        ("rescoring-published", world.organiser, rich.published.get_absolute_url()),
        ("rescoring-running", world.organiser, rich.running.get_absolute_url()),
        ("rescoring-publish", world.organiser, rich.report.get_absolute_url() + "publish/"),
        ("rescoring-discard", world.organiser, rich.running.get_absolute_url() + "discard/"),
        *_study_pages(world, rich),
        ("verify-receipt", None, reverse("verify-receipt")),
        ("leaderboard-empty", None, reverse("leaderboard", args=[iqa, "closed"])),
    ]


def _study_pages(world: World, rich: Rich) -> list[Entry]:
    study = rich.study
    path: list[Any] = [world.challenge.slug, study.pk]
    return [
        ("studies", world.organiser, reverse("studies", args=path[:1])),
        ("new-study", world.organiser, reverse("new-study", args=path[:1])),
        *[
            (name, world.organiser, reverse(name, args=path))
            for name in (
                *("study", "edit-study", "study-images", "study-subjects", "import-ratings", "archive-study"),
                *("opinion-runs", "study-preview"),
            )
        ],
        ("reopen-session", world.organiser, reverse("reopen-session", args=[*path, rich.rated.pk])),
        ("opinion-run", world.organiser, rich.scores.get_absolute_url()),
        ("draft-study-images", world.organiser, reverse("study-images", args=[path[0], rich.draft.pk])),
        ("study-invitation", None, reverse("study-invitation", args=[rich.token])),
    ]


def _account_pages(alice: Any) -> list[Entry]:
    signed_in = [
        "account",
        "account-data",
        "account-erase",
        "mfa_index",
        "tokens",
        "account_email",
        "account_change_password",
        "account_logout",
        "account_reauthenticate",
    ]
    anonymous = [
        "account_login",
        "account_signup",
        "account_email_verification_sent",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "account_inactive",
    ]
    return [
        *[(name.replace("_", "-"), alice, reverse(name)) for name in signed_in],
        *[(name.replace("_", "-"), None, reverse(name)) for name in anonymous],
        ("account-reset-bad-key", None, reverse("account_reset_password_from_key", args=["x", "y"])),
        ("account-confirm-bad-key", None, reverse("account_confirm_email", args=["x"])),
    ]
