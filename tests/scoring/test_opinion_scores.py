"""MOS from ratings: the definition step by step, its invariants, and the values of real studies."""

import csv
import json
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import scoring
from scoring.opinion_scores import (
    SESSION_MEANS,
    describe,
    mean_opinion_scores,
    standardise,
    without_session_mean,
)
from scoring.ratings import InvalidRatings, read_ratings
from scoring.transforms import TRANSFORMS, fit_map
from tests.reference import shared
from tests.scoring.studies import avt, its4s2, nflx, paper_like, random_matrix, ratings_of, rows_of

EVERYWHERE = [name for name in TRANSFORMS if name != "literal"]


def sessions_of(images, count):
    return [str(i * count // images) for i in range(images)]


def by_hand(rows, transform):
    """{image: (mos, std, n)} by loops over the formulas, without screening."""
    per_session: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    per_subject: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for subject, _, session, rating in rows:
        per_session[subject, session].append(rating)
    for subject, image, session, rating in rows:
        per_subject[subject][image] = rating - np.mean(per_session[subject, session]) + 2.5
    z = defaultdict(list)
    for scores in per_subject.values():
        mu, sigma = np.mean(list(scores.values())), np.std(list(scores.values()), ddof=1)
        for image, score in scores.items():
            z[image].append((score - mu) / sigma)
    zbar = {image: np.mean(values) for image, values in z.items()}
    low, high = min(zbar.values()), max(zbar.values())
    rule = {
        "shift_log": lambda v: np.log(v - low + 1),
        "identity": lambda v: v,
        "reflected_log": lambda v: -np.log(high - v + 1),
    }[transform]

    def mos(v):
        return 5 * (rule(v) - rule(low)) / (rule(high) - rule(low))

    step = 1e-6
    slope = {image: (mos(v + step) - mos(v - step)) / (2 * step) for image, v in zbar.items()}
    return {
        image: (mos(v), np.std(z[image], ddof=1) * slope[image], len(z[image]))
        for image, v in zbar.items()
        if len(z[image]) > 1
    }


@pytest.mark.parametrize("transform", EVERYWHERE)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_scores_are_those_of_the_formulas(transform, missing):
    rows = rows_of(random_matrix(40, 8, seed=4, missing=missing), sessions_of(40, 4))
    expected = by_hand(rows, transform)
    scores = mean_opinion_scores(rows, "none", transform)
    assert list(scores.table.image) == sorted({row[1] for row in rows})
    found = {row["image"]: row for row in scores.table.rows()}
    for image, (mos, std, n) in expected.items():
        assert found[image]["mos"] == pytest.approx(mos, abs=1e-9)
        assert found[image]["std"] == pytest.approx(std, rel=1e-6)
        assert found[image]["n"] == n
        half_width = scipy.stats.t.ppf(0.975, n - 1) * std / np.sqrt(n)
        assert found[image]["ci95"] == pytest.approx(half_width, rel=1e-6)


def test_the_interval_of_the_z_scores_holds_the_quality_as_often_as_it_says():
    rng = np.random.default_rng(0)
    quality = rng.normal(size=4000)
    matrix = quality[:, None] + 0.5 * rng.normal(size=(4000, 9))
    scores = mean_opinion_scores(rows_of(matrix), "none", "identity", scale=(-10, 10))
    # On the MOS scale the quality is, up to sampling, the regression of MOS on it.
    slope, offset = np.polyfit(quality, scores.table["mos"], 1)
    inside = np.abs(scores.table["mos"] - (slope * quality + offset)) <= scores.table["ci95"]
    assert 0.94 <= inside.mean() <= 0.96


def test_standardised_scores_are_those_of_sureal():
    published = json.loads(shared("sureal-nflx/expected_sureal.json").read_text())["nflx_public_raw.csv"]["ZS_MOS"]
    scores = mean_opinion_scores(ratings_of(nflx()), "none")
    assert scores.zbar.mean() == pytest.approx(0, abs=1e-12)
    assert scores.zbar.var() == pytest.approx(published["var"], abs=1e-10)
    assert scores.zbar[:3] == pytest.approx(published["first3"], abs=1e-10)


def test_screening_with_planted_outliers_gives_the_scores_of_the_clean_set():
    clean = mean_opinion_scores(ratings_of(nflx()))
    screened = mean_opinion_scores(ratings_of(nflx(outliers=True)))
    assert screened.table["mos"].tobytes() == clean.table["mos"].tobytes()
    assert clean.rejected == {}


@pytest.mark.parametrize("transform", ["shift_log", "identity"])
def test_two_careless_subjects_of_twenty_one_are_rejected_and_the_quality_is_found(transform):
    quality, matrix, sessions = paper_like(2000, seed=3)
    scores = mean_opinion_scores(ratings_of(matrix, sessions), transform=transform)
    assert sorted(scores.rejected) == ["s00", "s01"]
    assert np.corrcoef(scores.table.mos, quality)[0, 1] >= 0.95


def test_published_means_are_those_of_all_votes_of_complete_users():
    columns = {"image_appeal": "appeal_mean", "realism": "realism_mean", "prompt_matching": "prompt_matching_mean"}
    cases = [(2022, scale, "all_ratings.csv", column) for scale, column in columns.items()]
    for year, scale, file, column in [*cases, (2023, "image_quality", "quality_2023.csv", "rating")]:
        ratings = avt(year, scale)
        sums = np.bincount(ratings.image, ratings.rating)
        means = dict(zip(ratings.images, sums / np.bincount(ratings.image), strict=True))
        with shared(f"avt-ai-images/{file}").open(newline="") as stream:
            published = {row["image_key"]: float(row[column]) for row in csv.DictReader(stream)}
        assert means == pytest.approx(published, abs=1e-12)


def test_its4s2_has_the_spread_and_the_undefined_images_of_the_reference():
    scores = mean_opinion_scores(ratings_of(its4s2()), "none")
    assert scores.diagnostics["sd_zbar"] == pytest.approx(0.752, abs=5e-4)
    assert scores.diagnostics["undefined_log_share"] == pytest.approx(0.111, abs=5e-4)
    assert scores.zbar.min() == pytest.approx(-2.32, abs=5e-3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(EVERYWHERE), st.sampled_from(SESSION_MEANS[:2]))
def test_scores_reach_both_ends_of_the_scale_and_all_transforms_rank_alike(seed, transform, session_mean):
    rows = rows_of(random_matrix(30, 6, seed=seed, missing=0.2), sessions_of(30, 3))
    scores = mean_opinion_scores(rows, "none", transform, session_mean=session_mean)
    mos = scores.table["mos"]
    assert mos.min() == 0
    assert mos.max() == 5
    assert scoring.srocc(mos, scores.zbar) == pytest.approx(1, abs=1e-12)
    assert scoring.krocc(mos, scores.zbar) == pytest.approx(1, abs=1e-12)
    assert (scores.table["ci95"][scores.table["n"] > 1] >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_the_mean_correlation_with_the_mean_is_its_standard_deviation(seed):
    scores = mean_opinion_scores(ratings_of(random_matrix(25, 7, seed=seed)), "none")
    assert scores.diagnostics["mean_correlation"] == pytest.approx(scores.diagnostics["sd_zbar"], abs=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["srocc", "srocc_loo", "bt500", "none"]))
def test_the_order_of_rows_does_not_matter_to_the_bit(random, screening):
    rows = rows_of(random_matrix(30, 6, seed=1, missing=0.2), sessions_of(30, 3))
    expected = mean_opinion_scores(rows, screening)
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = mean_opinion_scores(shuffled, screening)
    for column in ("mos", "std", "n", "ci95"):
        assert found.table[column].tobytes() == expected.table[column].tobytes()
    assert found.to_dict() == expected.to_dict()


def test_a_subjects_own_offset_and_spread_do_not_matter():
    matrix = random_matrix(60, 10)
    stretched = matrix * np.linspace(0.2, 0.9, 10) + np.linspace(0, 0.5, 10)
    one, other = (mean_opinion_scores(ratings_of(m), "none").table["mos"] for m in (matrix, stretched))
    assert other == pytest.approx(one, abs=1e-9)


def test_a_drift_between_sessions_is_taken_out():
    matrix, sessions = random_matrix(60, 10, seed=2), sessions_of(60, 3)
    drift = np.array([0.0, 0.8, 1.6])[np.array(sessions, dtype=int)][:, None] * np.linspace(-1, 1, 10)
    one, other = (
        mean_opinion_scores(rows_of(m, sessions), "none", scale=(-5, 10)).table["mos"] for m in (matrix, matrix + drift)
    )
    assert other == pytest.approx(one, abs=1e-9)
    without = mean_opinion_scores(rows_of(matrix + drift), "none", scale=(-5, 10)).table["mos"]
    assert np.abs(without - one).max() > 0.1


def test_readings_of_equation_1():
    rows = [
        *(("a", "1", "9", 1.0), ("a", "2", "9", 3.0), ("a", "3", "10", 4.0), ("a", "4", "10", 5.0)),
        *(("b", "1", "9", 2.0), ("b", "2", "9", 2.0), ("b", "3", "10", 0.0), ("b", "4", "10", 1.0)),
    ]
    ratings = read_ratings(rows)

    def found(reading):
        values = without_session_mean(ratings, reading).tolist()
        return {
            (ratings.subjects[j], ratings.images[i]): value
            for j, i, value in zip(ratings.subject.tolist(), ratings.image.tolist(), values, strict=True)
        }

    own = found("subject_session")
    assert [own["a", image] for image in "1234"] == [1.5, 3.5, 2, 3]
    assert [own["b", image] for image in "1234"] == [2.5, 2.5, 2, 3]
    assert [found("session")["a", image] for image in "1234"] == [1.5, 3.5, 4, 5]
    # Session 10 follows session 9: its images lose the sum of the two ratings before it over 2.
    assert [found("literal_cumulative")["a", image] for image in "1234"] == [3.5, 5.5, 4.5, 5.5]
    with pytest.raises(ValueError, match="unknown session mean"):
        mean_opinion_scores(rows, session_mean="literal")


def test_equation_1_as_printed_destroys_the_scores():
    quality, matrix, sessions = paper_like(4000)
    ratings = ratings_of(matrix, sessions)
    agreement = {
        reading: scoring.srocc(quality, mean_opinion_scores(ratings, session_mean=reading).table["mos"])
        for reading in SESSION_MEANS
    }
    assert agreement["subject_session"] > 0.92
    assert agreement["session"] == pytest.approx(agreement["subject_session"], abs=2e-3)
    assert abs(agreement["literal_cumulative"]) < 0.1


def test_the_literal_logarithm_lists_the_images_without_a_value_or_leaves_them_out():
    ratings = ratings_of(nflx())
    with pytest.raises(InvalidRatings, match="undefined for 15 of 79 images") as caught:
        mean_opinion_scores(ratings, transform="literal")
    assert "'00000.png'" in str(caught.value)
    masked = mean_opinion_scores(ratings, transform="literal", mask_undefined=True)
    undefined = masked.zbar <= -1
    assert undefined.mean() == pytest.approx(0.19, abs=5e-3)
    assert np.array_equal(np.isnan(masked.table["mos"]), undefined)
    assert np.isnan(masked.table["ci95"][undefined]).all()
    assert masked.table["mos"][~undefined].min() == 0
    assert masked.table["mos"][~undefined].max() == 5
    assert f"{undefined.sum()} images have no MOS: log(zbar + 1) is undefined" in masked.warnings
    assert len(masked.table.as_mapping()) == 64


def test_transforms_shape_left_skewed_ratings_as_documented():
    _, matrix, sessions = paper_like(4000)
    ratings = ratings_of(matrix, sessions)
    found = {name: mean_opinion_scores(ratings, transform=name, mask_undefined=True).diagnostics for name in TRANSFORMS}
    shape = {name: one["distributions"][name] for name, one in found.items()}
    assert found["shift_log"]["undefined_log_share"] > 0.02
    for skewed in ("shift_log", "literal"):
        assert shape[skewed]["skew"] < shape["identity"]["skew"]
        assert shape[skewed]["ks_uniform"] > shape["identity"]["ks_uniform"]
    assert shape["reflected_log"]["skew"] > shape["identity"]["skew"]
    assert shape["reflected_log"]["ks_uniform"] < shape["identity"]["ks_uniform"]
    assert found["identity"]["distributions"]["raw"]["skew"] < -1


def test_the_map_is_frozen_on_the_whole_set():
    scores = mean_opinion_scores(ratings_of(random_matrix(50, 8)), "none")
    assert scores.mapping.mos(scores.zbar[10:20]).tobytes() == scores.table["mos"][10:20].tobytes()
    assert (scores.mapping.low, scores.mapping.high) == (scores.zbar.min(), scores.zbar.max())
    assert scores.mapping.to_dict()["transform"] == "shift_log"


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_the_map_is_undefined_only_where_its_logarithm_is(transform):
    mapping = fit_map(np.array([-0.5, 0.0, 2.0, np.nan]), transform)
    wide = np.linspace(-4, 6, 101)
    edges = {"shift_log": wide > -1.5, "literal": wide > -1, "reflected_log": wide < 3, "identity": wide < np.inf}
    assert np.array_equal(np.isfinite(mapping.mos(wide)), edges[transform])
    assert np.array_equal(mapping.slope(wide) > 0, edges[transform])
    with pytest.raises(ValueError, match="unknown transform"):
        fit_map(wide, "log")


def test_subjects_that_equation_2_cannot_scale_are_rejected():
    matrix = random_matrix(40, 17)
    matrix[:, 3] = np.repeat([1.0, 4.0], 20)  # the same rating for all images of a session
    matrix[1:, 5] = np.nan
    scores = mean_opinion_scores(rows_of(matrix, sessions_of(40, 2)), "none")
    assert list(scores.rejected) == ["s03", "s05"]
    assert "standard deviation of 0" in scores.rejected["s03"]
    assert scores.diagnostics["kept"] == 15
    assert set(scores.table["n"].tolist()) == {15}
    assert scores.warnings == ()


def test_images_without_a_rating_left_have_no_score():
    matrix = random_matrix(30, 20)
    matrix[:, 7] = np.random.default_rng(1).permutation(matrix[:, 7])
    matrix[4, :7] = matrix[4, 8:] = np.nan  # only the subject that will be rejected saw it
    matrix[9, 1:] = np.nan
    scores = mean_opinion_scores(ratings_of(matrix))
    assert list(scores.rejected) == ["s07"]
    rows = list(scores.table.rows())
    assert rows[4] == {"image": "00004.png", "mos": None, "std": None, "n": 0, "ci95": None}
    assert rows[9]["n"] == 1
    assert rows[9]["mos"] is not None
    assert rows[9]["std"] is rows[9]["ci95"] is None
    assert scores.warnings == (
        "1 image has no rating left and no MOS",
        "1 image has one rating only: no std and no interval",
    )
    json.dumps(scores.to_dict(), allow_nan=False)


def test_repeated_ratings_count_as_one_opinion():
    rows = rows_of(random_matrix(30, 16))
    repeated = [(subject, image, session, rating) for subject, image, session, rating in rows if image < "00010"]
    again = mean_opinion_scores([*rows, *repeated], "none", duplicates="average")
    assert set(again.table["n"].tolist()) == {16}
    with pytest.raises(InvalidRatings, match=r"rated '00000\.png' on row 1 already"):
        mean_opinion_scores([*rows, repeated[0]])


def test_what_gives_no_scores_is_refused_in_words():
    with pytest.raises(InvalidRatings, match="no subject is left after screening"):
        mean_opinion_scores([("s1", "a", "", 3.0), ("s2", "a", "", 4.0)])
    opposed = [("s1", "a", "", 1.0), ("s1", "b", "", 2.0), ("s2", "a", "", 4.0), ("s2", "b", "", 3.0)]
    with pytest.raises(InvalidRatings, match="fewer than two images differ"):
        mean_opinion_scores(opposed, "none")
    with pytest.raises(ValueError, match="unknown transform 'log'"):
        mean_opinion_scores(opposed, transform="log")


def test_the_scale_of_the_ratings_does_not_matter():
    matrix = random_matrix(40, 16)
    one = mean_opinion_scores(rows_of(matrix))
    other = mean_opinion_scores(rows_of(matrix * 20), scale=(0, 100))
    assert other.table["mos"] == pytest.approx(one.table["mos"], abs=1e-9)
    assert other.diagnostics["distributions"]["raw"] == pytest.approx(one.diagnostics["distributions"]["raw"])


def test_shapes_are_described_as_scipy_does():
    values = np.random.default_rng(0).uniform(1, 5, 500)
    found = describe(np.append(values, np.nan))
    assert found["skew"] == pytest.approx(scipy.stats.skew(values), abs=1e-12)
    assert found["ks_uniform"] == pytest.approx(scipy.stats.kstest(values / 5, "uniform").statistic, abs=1e-12)
    assert found["share_4_to_5"] == np.mean(values >= 4)
    assert found["mean"] == pytest.approx(values.mean())


def test_the_table_reads_well_in_a_notebook_and_as_a_file(tmp_path):
    scores = scoring.mean_opinion_scores(ratings_of(random_matrix(30, 16, missing=0.1)))
    table = scores.table
    frame = table.to_frame()
    assert list(frame.columns) == ["image", "mos", "std", "n", "ci95"]
    assert len(frame) == len(table) == 30
    table.write_csv(tmp_path / "mos.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "mos.csv"), frame)
    html = table._repr_html_()
    assert html.count("<tr>") == 11
    assert "30 images" in html
    assert f"{table['mos'][0]:.4f}" in html
    with pytest.raises(KeyError, match="no column 'median'"):
        table["median"]
    assert scoring.evaluate(table.as_mapping(), table.as_mapping(), bootstrap=0).srocc == pytest.approx(1)


def test_standardising_keeps_the_places_of_all_subjects():
    found = standardise(ratings_of(nflx(outliers=True)))
    assert found.kept.tolist() == [True] * 26 + [False] * 4
    assert found.z.subjects == 30
    assert found.z.per_subject().tolist() == [79.0] * 26 + [0.0] * 4
