"""Every page that people can reach, as (name, who looks, path)."""

from typing import Any

from django.urls import reverse

from tests.browser import news
from tests.browser.rich import Rich
from tests.factories import World

Entry = tuple[str, Any, str]
ORGANISING = ("registrations", "organisers", "teams")


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
        ("deadline-moved", world.organiser, reverse("deadline", args=[iqa, "moved"])),
        ("freeze-frozen", world.organiser, reverse("freeze", args=[iqa, "moved"])),
        ("challenge-empty", None, reverse("challenge", args=[rich.empty.slug])),
        ("join", world.outsider, reverse("join", args=[iqa])),
        ("join-team", world.outsider, reverse("join-team", args=[iqa, world.team.invitation])),
        ("join-waiting", rich.pending, reverse("join", args=[iqa])),
        ("challenge-waiting", rich.pending, reverse("challenge", args=[iqa])),
        ("terms-changed", rich.behind, reverse("terms", args=[iqa])),
        ("challenge-terms-changed", rich.behind, reverse("challenge", args=[iqa])),
        ("data-terms-changed", rich.behind, reverse("data", args=[iqa])),
        *[(name, world.organiser, reverse(name, args=[iqa])) for name in ORGANISING],
        *[(f"{name}-empty", world.admin, reverse(name, args=[rich.empty.slug])) for name in ORGANISING],
        *_desk_pages(world, rich),
        ("team", alice, reverse("team", args=[iqa])),
        ("team-mate", world.bob, reverse("team", args=[iqa])),
        ("leave-team", alice, reverse("leave-team", args=[iqa])),
        ("data-anonymous", None, reverse("data", args=[iqa])),
        ("data-member", alice, reverse("data", args=[iqa])),
        ("data-organiser", world.organiser, reverse("data", args=[iqa])),
        *[
            (f"submit-{phase}", alice, reverse("submit", args=[iqa, phase]))
            for phase in ("development", "final", "closed", "upcoming", "keyless", "spent", "ladder", "moved", "late")
        ],
        ("submit-again", alice, reverse("submit", args=[iqa, "development"]) + f"?from={rich.scored.pk}"),
        ("submissions", alice, reverse("submissions", args=[iqa])),
        ("submission-scored", alice, reverse("submission", args=[rich.scored.pk])),
        ("submission-queued", alice, reverse("submission", args=[rich.queued.pk])),
        ("submission-failed", alice, reverse("submission", args=[rich.failed.pk])),
        ("submission-ladder", alice, reverse("submission", args=[rich.released.pk])),
        ("submission-late", alice, reverse("submission", args=[rich.late.pk])),
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
        ("leaderboard-ladder", alice, reverse("leaderboard", args=[iqa, "ladder"])),
        ("leaderboard-ladder-exact", world.organiser, reverse("leaderboard", args=[iqa, "ladder"]) + "?exact=1"),
        ("leaderboard-frozen", alice, reverse("leaderboard", args=[iqa, "moved"])),
        ("leaderboard-frozen-organiser", world.organiser, reverse("leaderboard", args=[iqa, "moved"])),
        ("leaderboard-late", alice, reverse("leaderboard", args=[iqa, "late"])),
        ("tables", None, reverse("tables", args=[iqa, "settings"])),
        ("tables-empty", alice, reverse("tables", args=[iqa, "development"])),
        ("rescoring", world.organiser, reverse("rescoring", args=[iqa, "development"])),
        ("rescoring-history", world.organiser, reverse("rescoring", args=[iqa, "final"])),
        ("rescoring-without-key", world.organiser, reverse("rescoring", args=[iqa, "keyless"])),
        ("rescoring-report", world.organiser, rich.report.get_absolute_url()),
        ("rescoring-published", world.organiser, rich.published.get_absolute_url()),
        ("rescoring-running", world.organiser, rich.running.get_absolute_url()),
        ("rescoring-failed", world.organiser, rich.failed_rescoring.get_absolute_url()),
        ("rescoring-publish", world.organiser, rich.report.get_absolute_url() + "publish/"),
        ("rescoring-discard", world.organiser, rich.running.get_absolute_url() + "discard/"),
        *_study_pages(world, rich),
        *news.pages(world, rich.news, rich.empty.slug),
        ("verify-receipt", None, reverse("verify-receipt")),
        *_job_pages(world.admin, rich),
        *_report_pages(world),
        ("leaderboard-empty", None, reverse("leaderboard", args=[iqa, "closed"])),
    ]


def _desk_pages(world: World, rich: Rich) -> list[Entry]:
    iqa, organiser = world.challenge.slug, world.organiser
    return [
        *[(name, organiser, reverse(name, args=[iqa])) for name in ("desk", "desk-submissions", "challenge-log")],
        ("desk-empty", world.admin, reverse("desk", args=[rich.empty.slug])),
        ("desk-submissions-none", organiser, reverse("desk-submissions", args=[iqa]) + "?q=nobody"),
        ("desk-team", organiser, reverse("desk-team", args=[iqa, world.team.pk])),
        ("evidence", organiser, reverse("evidence", args=[iqa, "development"])),
        ("evidence-none", organiser, reverse("evidence", args=[iqa, "keyless"])),
        ("site-log", world.admin, reverse("site-log")),
    ]


def _report_pages(world: World) -> list[Entry]:
    iqa = world.challenge.slug
    return [
        ("fact-sheet-new", world.mallory, reverse("fact-sheet", args=[iqa, "development"])),
        ("fact-sheet-draft", world.alice, reverse("fact-sheet", args=[iqa, "development"])),
        ("fact-sheet-submit", world.alice, reverse("fact-sheet-submit", args=[iqa, "development"])),
        ("report", world.organiser, reverse("report", args=[iqa, "development"])),
        ("report-not-begun", world.organiser, reverse("report", args=[iqa, "keyless"])),
        ("report-team", world.organiser, reverse("report-team", args=[iqa, "development", world.team.pk])),
    ]


def _job_pages(admin: Any, rich: Rich) -> list[Entry]:
    of = rich.jobs
    return [
        ("jobs", admin, reverse("jobs")),
        ("job-choose", admin, reverse("new-job")),
        ("job-new", admin, reverse("new-job-of-kind", args=["database"])),
        ("job-new-baselines", admin, reverse("new-baselines")),
        ("job-new-finetune", admin, reverse("new-finetune")),
        *[(f"job-{state}", admin, job.get_absolute_url()) for state, job in of.items()],
        ("job-cancel", admin, reverse("job-cancel", args=[of["running"].pk])),
        ("job-delete", admin, reverse("job-delete", args=[of["failed"].pk])),
        ("job-funnel", admin, reverse("job-funnel", args=[of["done"].pk])),
        ("job-review", admin, reverse("job-review", args=[of["paused"].pk])),
        ("job-publish", admin, reverse("job-publish", args=[of["done"].pk])),
        ("job-repeats", admin, reverse("job-repeats", args=[rich.tuning.pk])),
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
        ("opinion-figures", world.organiser, reverse("opinion-figures", args=[*path, rich.scores.pk])),
        ("draft-study-images", world.organiser, reverse("study-images", args=[path[0], rich.draft.pk])),
        ("study-invitation", None, reverse("study-invitation", args=[rich.token])),
        ("study-checks", None, reverse("study-invitation", args=[rich.checked_token])),
        *[
            (f"study-check-{kind}", None, reverse("study-check", args=[rich.checked.pk, kind]))
            for kind in ("acuity", "colour", "training")
        ],
        ("study-checked", world.organiser, reverse("study", args=[path[0], rich.checked.pk])),
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
