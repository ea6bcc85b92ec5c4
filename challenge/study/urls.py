"""The routes of studies: those of organisers below a challenge, and those of subjects."""

from django.urls import path

from challenge.study import check_views as checks
from challenge.study import figure_views as figures
from challenge.study import operator_views as operating
from challenge.study import rating_api as api
from challenge.study import score_views as scores
from challenge.study import setup_views as setup
from challenge.study import subject_views as subjects

STUDY = "<uuid:study_id>/"
RUN = f"{STUDY}scores/<uuid:run_id>"

ORGANISERS = [
    path("", setup.studies, name="studies"),
    path("new/", setup.new_study, name="new-study"),
    path(STUDY, operating.study_page, name="study"),
    path(f"{STUDY}matrix/", operating.matrix, name="study-matrix"),
    path(f"{STUDY}settings/", setup.edit_study, name="edit-study"),
    path(f"{STUDY}images/", setup.images, name="study-images"),
    path(f"{STUDY}subjects/", setup.subjects, name="study-subjects"),
    path(f"{STUDY}state/", setup.change_state, name="study-state"),
    path(f"{STUDY}preview/", setup.preview, name="study-preview"),
    path(f"{STUDY}preview/state.json", setup.preview_state, name="study-preview-state"),
    path(f"{STUDY}preview/<uuid:image_id>.png", setup.preview_image, name="study-preview-image"),
    path(f"{STUDY}sessions/<uuid:session_id>/reopen/", operating.reopen, name="reopen-session"),
    path(f"{STUDY}ratings.csv", operating.mos_csv, name="study-ratings-csv"),
    path(f"{STUDY}raw-ratings.csv", operating.raw_csv, name="study-raw-csv"),
    path(f"{STUDY}raw-ratings.parquet", operating.raw_parquet, name="study-raw-parquet"),
    path(f"{STUDY}import/", operating.import_ratings, name="import-ratings"),
    path(f"{STUDY}archive/", operating.archive, name="archive-study"),
    path(f"{STUDY}scores/", scores.scores, name="opinion-runs"),
    path(f"{RUN}/", scores.run_page, name="opinion-run"),
    path(f"{RUN}/status/", scores.run_status, name="opinion-run-status"),
    path(f"{RUN}/figure-5.<slug:kind>", scores.run_figure, name="opinion-run-figure"),
    path(f"{RUN}/figures/", figures.figures, name="opinion-figures"),
    path(f"{RUN}/figures/status/", figures.figures_status, name="opinion-figures-status"),
    path(f"{RUN}/figures/<uuid:figures_id>/figure-<slug:name>.<slug:kind>", figures.figure, name="opinion-figure"),
    path(f"{RUN}.csv", scores.run_csv, name="opinion-run-csv"),
]

SUBJECTS = [
    path("invitation/<str:token>/", subjects.invitation, name="study-invitation"),
    path(STUDY, subjects.home, name="study-home"),
    path(f"{STUDY}start/", subjects.start, name="start-session"),
    path(f"{STUDY}checks/<slug:kind>/", checks.check, name="study-check"),
    path("checks/<uuid:preparation_id>/<int:place>.png", checks.picture, name="check-picture"),
    path(f"{STUDY}withdraw/", subjects.withdraw, name="withdraw-from-study"),
    path("sessions/<uuid:session_id>/", subjects.rating_page, name="rating-session"),
    path("sessions/<uuid:session_id>/state.json", api.state, name="rating-state"),
    path("sessions/<uuid:session_id>/hold/", api.hold, name="rating-hold"),
    path("sessions/<uuid:session_id>/answers/", api.answers, name="rating-answers"),
    path("sessions/<uuid:session_id>/finish/", api.finish, name="rating-finish"),
    path("images/<uuid:trial_id>.png", subjects.image, name="rating-image"),
]
