"""The noise ceiling against simulated truth, classical test theory and real studies."""

import csv
import json

import numpy as np
import pytest

import scoring
from scoring.noise_ceiling import METRICS, estimate_noise_ceiling
from scoring.opinion_scores import mean_opinion_scores, standardise
from scoring.ratings import InvalidRatings, Ratings
from tests.reference import shared
from tests.scoring.studies import its4s2, random_matrix, ratings_of, rows_of

FAST = {"splits": 8, "resamples": 40}


def simulated(quality, subjects, noise, *, seed=0, transform="shift_log"):
    """(correlations of the quality with the MOS, ceiling, ratings) of raters with their own offsets and noise."""
    rng = np.random.default_rng(seed)
    n = quality.size
    scores = quality[:, None] + rng.normal(0, 0.3, subjects)
    scores = scores + noise * np.exp(rng.normal(0, 0.3, subjects)) * rng.normal(size=(n, subjects))
    subject, image = np.tile(np.arange(subjects), n), np.repeat(np.arange(n), subjects)
    ratings = Ratings(
        tuple(f"s{j:02d}" for j in range(subjects)),
        tuple(f"{i:05d}" for i in range(n)),
        ("",),
        subject,
        image,
        np.zeros_like(subject),
        np.round(np.clip(scores, 0, 5), 1).ravel(),
    )
    mos = mean_opinion_scores(ratings, "none", transform).table["mos"]
    truth = {name: getattr(scoring, name)(quality, mos) for name in METRICS}
    return truth, ratings


def symmetric(n, seed):
    return 2.5 + 0.8 * np.random.default_rng(seed).normal(size=n)


def left_skewed(n, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.7, rng.uniform(4, 5, n), rng.uniform(0, 4, n))


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["shift_log", "identity", "reflected_log"])
@pytest.mark.parametrize("shape", [symmetric, left_skewed])
@pytest.mark.parametrize("noise", [0.6, 1.2])
def test_the_ceiling_is_what_a_noiseless_predictor_reaches(shape, noise, transform):
    errors, plain = [], []
    for seed in range(4):
        truth, ratings = simulated(shape(2000, seed + 10), 21, noise, seed=seed, transform=transform)
        ceiling = estimate_noise_ceiling(ratings, "none", transform, splits=12, resamples=2).split_half
        errors.append([ceiling[name]["estimate"] - truth[name] for name in METRICS])
        plain.append([ceiling[name]["spearman_brown"] - truth[name] for name in METRICS])
    mean, worst = np.mean(errors, axis=0), np.abs(errors).max(axis=0)
    assert np.abs(mean)[[0, 2]] == pytest.approx(0, abs=0.004)
    assert mean[1] == pytest.approx(0, abs=0.006)
    assert worst[2] < 0.008
    if shape is symmetric:
        assert abs(np.mean(plain, axis=0)[0]) < 0.004
    elif noise > 1:  # where Spearman-Brown is no rule for ranks
        assert np.mean(plain, axis=0)[0] > 0.02


@pytest.mark.slow
def test_the_interval_holds_the_ceiling_about_as_often_as_it_says():
    inside = np.zeros(3)
    for seed in range(60):
        truth, ratings = simulated(symmetric(300, seed + 500), 15, 0.9, seed=seed, transform="identity")
        ceiling = estimate_noise_ceiling(ratings, "none", "identity", splits=8, resamples=100).split_half
        inside += [ceiling[name]["interval"][0] <= truth[name] <= ceiling[name]["interval"][1] for name in METRICS]
    assert (inside / 60 >= 0.85).all()


def test_the_ceiling_of_plcc_agrees_with_the_truth():
    truth, ratings = simulated(symmetric(2000, 3), 21, 1.0)
    ceiling = estimate_noise_ceiling(ratings, "none", **FAST)
    assert ceiling.split_half["plcc"]["estimate"] == pytest.approx(truth["plcc"], abs=0.004)
    assert ceiling.reliability == ceiling.split_half["plcc"]["estimate"] ** 2
    assert ceiling.split_half["plcc"]["exponent"] == 1
    assert (ceiling.images, ceiling.subjects) == (2000, 21)


def test_resampled_raters_lie_above_the_ceiling_by_the_stated_bias():
    _, ratings = simulated(symmetric(1000, 4), 6, 1.2, transform="identity")
    found = estimate_noise_ceiling(ratings, "none", "identity", splits=20, resamples=100)
    ceiling, upper = found.split_half["plcc"]["estimate"], found.resampling["plcc"]["estimate"]
    noise = 1 / ceiling**2 - 1
    assert upper > ceiling
    assert upper == pytest.approx(np.sqrt((1 + noise) / (1 + (2 - 1 / 6) * noise)), abs=0.005)


def test_the_reliability_is_cronbachs_alpha_on_real_ratings():
    ratings = ratings_of(its4s2())
    found = estimate_noise_ceiling(ratings, "none", "identity", splits=40, resamples=2)
    z = standardise(ratings, "none").z.value.reshape(1429, 16)
    alpha = 16 / 15 * (1 - z.var(axis=0, ddof=1).sum() / z.sum(axis=1).var(ddof=1))
    assert found.reliability == pytest.approx(alpha, abs=2e-3)  # equal for halves of equal spread


def test_the_reliability_is_that_of_the_spread_within_images_on_real_distributions():
    with shared("koniq10k-distributions/koniq10k_distributions_sets.csv").open(newline="") as stream:
        table = [row for row, _ in zip(csv.DictReader(stream), range(800), strict=False)]
    rng = np.random.default_rng(0)
    raters = 30
    matrix = np.array(
        [
            rng.permutation(
                np.repeat(np.arange(1.0, 6), [round(float(row[f"c{k}"]) * float(row["c_total"])) for k in range(1, 6)])
            )[:raters]
            for row in table
        ]
    )
    found = estimate_noise_ceiling(ratings_of(matrix), "none", "identity", splits=40, resamples=2)
    within = matrix.var(axis=1, ddof=1).mean() / raters
    assert found.reliability == pytest.approx(1 - within / matrix.mean(axis=1).var(ddof=1), abs=3e-3)


def test_two_raters_have_a_ceiling_of_plcc_only():
    items = json.loads(shared("tifa-human/human_annotations_with_scores.json").read_text())
    items = list(items.values()) if isinstance(items, dict) else items
    matrix = np.array([item["human_scores"] for item in items], dtype=np.float64)
    found = estimate_noise_ceiling(ratings_of(matrix), "none", "identity", **FAST)
    r = scoring.pearson(matrix[:, 0], matrix[:, 1])
    assert found.split_half["plcc"]["half"] == pytest.approx(r, abs=1e-12)
    assert found.split_half["plcc"]["estimate"] == pytest.approx(np.sqrt(2 * r / (1 + r)), abs=1e-12)
    for name in ("srocc", "krocc"):
        assert found.split_half[name]["estimate"] is found.split_half[name]["interval"] is None
        assert "at least 4 subjects" in found.reasons[name]


def test_an_odd_panel_is_corrected_for_its_length():
    matrix = random_matrix(300, 5, seed=8)
    found = estimate_noise_ceiling(ratings_of(matrix), "none", "identity", **FAST).split_half["plcc"]
    expected = np.sqrt(2.5 * found["half"] / (1 + 1.5 * found["half"]))
    assert found["estimate"] == pytest.approx(expected, abs=1e-12)


def test_without_noise_the_ceiling_is_1():
    matrix = np.repeat(np.linspace(0, 5, 60)[:, None], 6, axis=1)
    found = estimate_noise_ceiling(ratings_of(matrix), **FAST)
    for name in METRICS:
        assert found.split_half[name]["estimate"] == pytest.approx(1, abs=1e-9)
        assert found.split_half[name]["interval"][1] <= 1
        assert found.resampling[name]["estimate"] == pytest.approx(1, abs=1e-9)


def test_a_panel_that_does_not_agree_has_no_ceiling():
    rng = np.random.default_rng(0)
    first = rng.uniform(1, 4, 40)
    matrix = np.column_stack([first, 5 - first + rng.uniform(-1, 1, 40)])
    found = estimate_noise_ceiling(ratings_of(matrix), "none", **FAST)
    assert found.reliability is None
    assert set(found.reasons) == set(METRICS)
    assert "do not agree" in found.reasons["plcc"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_too_few_subjects_or_images_are_told():
    matrix = random_matrix(30, 3)
    matrix[:, 1:] = np.random.default_rng(3).permutation(matrix[:, 1:])
    alone = estimate_noise_ceiling(ratings_of(matrix[:, :1]), "none")
    assert alone.reasons == dict.fromkeys(METRICS, "1 subject is left: halves need at least 2")
    opposed = np.column_stack([matrix[:, 0], 5 - matrix[:, 0]])
    assert "images have a MOS" in estimate_noise_ceiling(ratings_of(opposed), "none").reasons["plcc"]
    few = estimate_noise_ceiling(ratings_of(random_matrix(9, 8)), "none")
    assert few.reasons == dict.fromkeys(METRICS, "fewer than 10 images have a MOS")
    assert few.split_half["srocc"] == few.resampling["srocc"] == {"estimate": None, "interval": None}


def test_gaps_in_the_design_are_bridged():
    _, ratings = simulated(symmetric(800, 5), 24, 0.8, transform="identity")
    rng = np.random.default_rng(0)
    seen = rng.random(len(ratings)) < 0.7
    columns = {name: getattr(ratings, name)[seen] for name in ("subject", "image", "session", "rating")}
    names = [
        (ratings.subjects[j], ratings.images[i]) for j, i in zip(columns["subject"], columns["image"], strict=True)
    ]
    rows = [(*pair, "", rating) for pair, rating in zip(names, columns["rating"].tolist(), strict=True)]
    full = estimate_noise_ceiling(ratings, "none", "identity", **FAST).split_half
    gaps = estimate_noise_ceiling(rows, "none", "identity", **FAST).split_half
    mos = mean_opinion_scores(rows, "none", "identity").table["mos"]
    quality = symmetric(800, 5)
    assert gaps["plcc"]["estimate"] == pytest.approx(scoring.plcc(quality, mos), abs=0.008)
    assert gaps["plcc"]["estimate"] < full["plcc"]["estimate"]
    assert gaps["srocc"]["interval"][0] < gaps["srocc"]["estimate"] < gaps["srocc"]["interval"][1]


def test_a_sparse_design_has_a_ceiling_but_no_interval():
    matrix = random_matrix(300, 20)
    for row in matrix:
        row[np.random.default_rng(int(row.sum() * 10)).permutation(20)[4:]] = np.nan
    found = estimate_noise_ceiling(ratings_of(matrix), "none", splits=8, resamples=10)
    for name in METRICS:
        assert 0.5 < found.split_half[name]["estimate"] < 1
        assert found.split_half[name]["interval"] is None
        assert found.reasons[name].startswith("no interval")


def test_the_same_seed_gives_the_same_bits_in_any_order_of_rows():
    rows = rows_of(random_matrix(60, 9, missing=0.1))
    one = estimate_noise_ceiling(rows, **FAST, seed=3).to_dict()
    assert estimate_noise_ceiling(rows[::-1], **FAST, seed=3).to_dict() == one
    assert estimate_noise_ceiling(rows, **FAST, seed=4).to_dict() != one


def test_rejected_subjects_take_no_part():
    matrix = random_matrix(80, 12)
    spoilt = np.column_stack([matrix, np.random.default_rng(0).integers(0, 6, 80)])
    clean, found = (estimate_noise_ceiling(ratings_of(m), **FAST) for m in (matrix, spoilt))
    assert list(found.rejected) == ["s12"]
    assert found.split_half == clean.split_half
    assert found.resampling == clean.resampling


def test_options_that_make_no_sense_are_refused():
    ratings = ratings_of(random_matrix(30, 6))
    with pytest.raises(ValueError, match="literal transform is undefined for parts"):
        estimate_noise_ceiling(ratings, transform="literal")
    with pytest.raises(ValueError, match="at least 1 split"):
        estimate_noise_ceiling(ratings, splits=0)
    with pytest.raises(InvalidRatings):
        estimate_noise_ceiling([("s1", "a", "", "x")])
