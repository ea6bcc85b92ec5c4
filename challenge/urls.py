"""Every route of the site. A route that is not in tests/test_routes.py's matrix fails the tests."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from challenge.accounts import privacy_views as privacy
from challenge.accounts import views as accounts
from challenge.analyses import views as analyses
from challenge.announcements import views as announcements
from challenge.api.api import api
from challenge.audit import views as audit
from challenge.contests import organiser_views as organising
from challenge.contests import setup_views as setup
from challenge.contests import views as contests
from challenge.core import views as core
from challenge.core.plots import CONTENT_TYPES
from challenge.datasets import views as datasets
from challenge.desk import evidence_views as evidence
from challenge.desk import team_views as desk_teams
from challenge.desk import views as desk
from challenge.jobs import pictures
from challenge.jobs import views as jobs
from challenge.jobs.baselines.views import new_baselines
from challenge.jobs.database import views as prompts
from challenge.jobs.finetuning.views import new_finetune, repeats
from challenge.jobs.publication.views import publish as publish_release
from challenge.leaderboards import table_views as tables
from challenge.leaderboards import views as leaderboards
from challenge.notices import views as notices
from challenge.questions import views as questions
from challenge.receipts import views as receipts
from challenge.reports import organiser_views as reports
from challenge.reports import views as sheets
from challenge.rescorings import views as rescorings
from challenge.study import urls as study
from challenge.submissions import views as submissions
from challenge.teams import views as teams

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # with allauth's limits
admin.site.site_header = "IQA Challenge administration"
admin.site.site_title = "IQA Challenge"

RESCORING = [
    path("", rescorings.detail, name="rescoring-detail"),
    path("status/", rescorings.status, name="rescoring-status"),
    path("publish/", rescorings.publish, name="rescoring-publish"),
    path("discard/", rescorings.discard, name="rescoring-discard"),
    path("retry/", rescorings.retry, name="rescoring-retry"),
    path("changes.csv", rescorings.report_csv, name="rescoring-csv"),
]

REPORT = [
    path("", reports.report, name="report"),
    path("teams/<uuid:team_id>/", reports.team, name="report-team"),
    path("teams/<uuid:team_id>/status/", reports.team_status, name="report-team-status"),
]

JOB = [
    path("", jobs.job_page, name="job"),
    path("status/<slug:state>/", jobs.job_status, name="job-status"),
    path("pause/", jobs.pause, name="job-pause"),
    path("resume/", jobs.resume, name="job-resume"),
    path("cancel/", jobs.cancel, name="job-cancel"),
    path("retry/", jobs.retry, name="job-retry"),
    path("skip/", jobs.skip, name="job-skip"),
    path("delete/", jobs.delete, name="job-delete"),
    path("items.csv", jobs.items_csv, name="job-items"),
    path("pictures/<int:item_id>/<slug:size>/", pictures.picture, name="job-picture"),
    path("prompts/", prompts.funnel, name="job-funnel"),
    path("prompts/review/", prompts.review, name="job-review"),
    path("prompts/report.<slug:form>", prompts.download, name="job-funnel-file"),
    path("publish/", publish_release, name="job-publish"),
    path("repeats/", repeats, name="job-repeats"),
]

ANNOUNCEMENTS = [
    path("", announcements.announcements, name="announcements"),
    path("feed.atom", announcements.feed, name="announcements-feed"),
    path("new/", announcements.new_announcement, name="new-announcement"),
    path("<uuid:announcement_id>/", announcements.announcement, name="announcement"),
    path("<uuid:announcement_id>/edit/", announcements.edit_announcement, name="edit-announcement"),
    path("<uuid:announcement_id>/withdraw/", announcements.withdraw_announcement, name="withdraw-announcement"),
]

QUESTIONS = [
    path("", questions.questions, name="questions"),
    path("ask/", questions.ask, name="ask"),
    path("<uuid:question_id>/", questions.question, name="question"),
]

NOTIFICATIONS = [
    path("", notices.notifications, name="notifications"),
    path("read/", notices.read_all, name="notifications-read"),
    path("<int:notification_id>/read/", notices.read, name="notification-read"),
    path("settings/", notices.wishes, name="notification-settings"),
    path("unsubscribe/<str:token>/", notices.unsubscribe, name="unsubscribe"),
]

urlpatterns = [
    path("", contests.home, name="home"),
    path("healthz", core.healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("account/", accounts.account, name="account"),
    path("account/data/", privacy.data, name="account-data"),
    path("account/data/export/", privacy.export, name="account-export"),
    path("account/erase/", privacy.erase, name="account-erase"),
    path("account/tokens/", accounts.tokens, name="tokens"),
    path("account/tokens/<uuid:token_id>/revoke/", accounts.revoke_token, name="revoke-token"),
    path("notifications/", include(NOTIFICATIONS)),
    path("admin/", admin.site.urls),
    path("log/", audit.site_log, name="site-log"),
    path("log.csv", audit.site_log_csv, name="site-log-csv"),
    path("api/v1/", api.urls),
    path("challenges/new/", setup.new_challenge, name="new-challenge"),
    path("c/<slug:challenge>/", contests.challenge_page, name="challenge"),
    path("c/<slug:challenge>/configuration.yaml", setup.configuration, {"form": "yaml"}, name="configuration-yaml"),
    path("c/<slug:challenge>/configuration.json", setup.configuration, {"form": "json"}, name="configuration-json"),
    path("c/<slug:challenge>/announcements/", include(ANNOUNCEMENTS)),
    path("c/<slug:challenge>/questions/", include(QUESTIONS)),
    path("c/<slug:challenge>/join/", contests.join, name="join"),
    path("c/<slug:challenge>/join/<slug:invitation>/", contests.join, name="join-team"),
    path("c/<slug:challenge>/terms/", contests.terms, name="terms"),
    path("c/<slug:challenge>/registrations/", organising.registrations, name="registrations"),
    path("c/<slug:challenge>/registrations.csv", organising.registrations_csv, name="registrations-csv"),
    path("c/<slug:challenge>/organisers/", organising.organisers, name="organisers"),
    path("c/<slug:challenge>/desk/", desk.desk, name="desk"),
    path("c/<slug:challenge>/desk/figures/", desk.figures, name="desk-figures"),
    path("c/<slug:challenge>/desk/unscored.csv", desk.drain_csv, name="desk-drain-csv"),
    path("c/<slug:challenge>/desk/submissions/", desk.submissions, name="desk-submissions"),
    path("c/<slug:challenge>/desk/submissions/act/", desk.act, name="desk-submissions-act"),
    path("c/<slug:challenge>/desk/submissions.<slug:form>", desk.submissions_file, name="desk-submissions-file"),
    path("c/<slug:challenge>/desk/teams/<uuid:team_id>/", desk_teams.team_page, name="desk-team"),
    path("c/<slug:challenge>/<slug:phase>/evidence/", evidence.evidence, name="evidence"),
    path("c/<slug:challenge>/<slug:phase>/evidence/status/", evidence.evidence_status, name="evidence-status"),
    path("c/<slug:challenge>/<slug:phase>/evidence.csv", evidence.evidence_csv, name="evidence-csv"),
    path("c/<slug:challenge>/desk/log/", audit.challenge_log, name="challenge-log"),
    path("c/<slug:challenge>/desk/log.csv", audit.challenge_log_csv, name="challenge-log-csv"),
    path("c/<slug:challenge>/teams/", teams.teams, name="teams"),
    path("c/<slug:challenge>/team/", teams.team_page, name="team"),
    path("c/<slug:challenge>/team/rename/", teams.rename, name="rename-team"),
    path("c/<slug:challenge>/team/invitation/", teams.renew_invitation, name="renew-invitation"),
    path("c/<slug:challenge>/team/leave/", teams.leave, name="leave-team"),
    path("c/<slug:challenge>/team/merge/", teams.ask_merger, name="ask-merger"),
    path("c/<slug:challenge>/teams/remove/<uuid:registration>/", teams.remove_member, name="remove-member"),
    path("c/<slug:challenge>/mergers/<uuid:merger>/", teams.answer_merger, name="answer-merger"),
    path("c/<slug:challenge>/studies/", include(study.ORGANISERS)),
    path("rate/", include(study.SUBJECTS)),
    path("c/<slug:challenge>/data/", datasets.data_page, name="data"),
    path("c/<slug:challenge>/data/downloads.csv", datasets.downloads_csv, name="downloads-csv"),
    path("c/<slug:challenge>/<slug:phase>/starter-kit.zip", datasets.starter_kit_zip, name="starter-kit"),
    path("c/<slug:challenge>/submissions/", submissions.my_submissions, name="submissions"),
    path("c/<slug:challenge>/<slug:phase>/submit/", submissions.submit, name="submit"),
    path("c/<slug:challenge>/<slug:phase>/validate/", submissions.validate_file, name="validate"),
    path("c/<slug:challenge>/<slug:phase>/deadline/", setup.deadline, name="deadline"),
    path("c/<slug:challenge>/<slug:phase>/freeze/", setup.freeze, name="freeze"),
    path("c/<slug:challenge>/<slug:phase>/leaderboard/", leaderboards.leaderboard, name="leaderboard"),
    path(
        "c/<slug:challenge>/<slug:phase>/leaderboard/table/", leaderboards.leaderboard_table, name="leaderboard-table"
    ),
    path("c/<slug:challenge>/<slug:phase>/leaderboard.csv", leaderboards.leaderboard_csv, name="leaderboard-csv"),
    *[
        path(
            f"c/<slug:challenge>/<slug:phase>/leaderboard.{kind}",
            leaderboards.leaderboard_figure,
            {"kind": kind},
            name=f"leaderboard-{kind}",
        )
        for kind in CONTENT_TYPES
    ],
    path("c/<slug:challenge>/<slug:phase>/tables/", tables.tables_page, name="tables"),
    path("c/<slug:challenge>/<slug:phase>/tables/<slug:table>.<slug:form>", tables.table_file, name="table-file"),
    path("c/<slug:challenge>/<slug:phase>/rescoring/", rescorings.overview, name="rescoring"),
    path("c/<slug:challenge>/<slug:phase>/rescoring/<uuid:rescoring_id>/", include(RESCORING)),
    path("c/<slug:challenge>/<slug:phase>/fact-sheet/", sheets.fact_sheet, name="fact-sheet"),
    path("c/<slug:challenge>/<slug:phase>/fact-sheet/submit/", sheets.submit, name="fact-sheet-submit"),
    path("c/<slug:challenge>/<slug:phase>/report/", include(REPORT)),
    path("c/<slug:challenge>/<slug:phase>/report.zip", reports.archive, name="report-zip"),
    path("sheet-files/<uuid:attachment_id>/", sheets.sheet_file, name="sheet-file"),
    path("files/<uuid:file_id>/", datasets.download, name="download"),
    path("files/<uuid:file_id>/<int:number>/", datasets.download, name="download-version"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/new/", jobs.choose_kind, name="new-job"),
    path("jobs/new/baselines/", new_baselines, name="new-baselines"),
    path("jobs/new/finetune/", new_finetune, name="new-finetune"),
    path("jobs/new/<slug:kind>/", jobs.new_job, name="new-job-of-kind"),
    path("jobs/<uuid:job_id>/", include(JOB)),
    path("submissions/<uuid:submission_id>/", submissions.submission_page, name="submission"),
    path("submissions/<uuid:submission_id>/status/", submissions.submission_status, name="submission-status"),
    path("submissions/<uuid:submission_id>/row/", submissions.submission_row, name="submission-row"),
    path("submissions/<uuid:submission_id>/file/", submissions.submission_file, name="submission-file"),
    path("submissions/<uuid:submission_id>/diagnostics/", analyses.diagnostics_page, name="diagnostics"),
    path("submissions/<uuid:submission_id>/diagnostics.json", analyses.diagnostics_data, name="diagnostics-data"),
    path("submissions/<uuid:submission_id>/figures/<slug:name>.<slug:kind>", analyses.figure, name="figure"),
    path("submissions/<uuid:submission_id>/receipt.json", receipts.accepted, name="receipt-accepted"),
    path("submissions/<uuid:submission_id>/receipts/<uuid:evaluation_id>.json", receipts.scored, name="receipt-scored"),
    path("receipts/verify/", receipts.verify, name="verify-receipt"),
    path(".well-known/receipt-keys.json", receipts.receipt_keys, name="receipt-keys"),
    path("submissions/<uuid:submission_id>/withdraw/", submissions.withdraw, name="withdraw"),
    path("submissions/<uuid:submission_id>/choose/", submissions.choose, name="choose"),
]
