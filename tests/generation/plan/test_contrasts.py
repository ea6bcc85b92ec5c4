"""What the plan does to the paper's figure 6: its contrast is biased; regression and the factorial block are not."""

import numpy as np
import pytest

from generation.catalogue.models import Catalogue, read_catalogue
from generation.plan.design import ANCHOR
from generation.plan.plan import make_plan

TRUTH = np.array([-0.5, -0.2, -0.3])  # effect of leaving the default of iterations, CFG, resolution
SIMULATIONS = 300


@pytest.fixture(scope="module")
def simulated():
    """(abnormal, anchors, scores): flags of 2,000 images and factors, who is an anchor, 300 simulated MOS of each."""
    plan = make_plan(Catalogue(read_catalogue().models[:1], 500))
    abnormal = np.array(
        [[not i.iteration_default, not i.cfg_default, not i.resolution_default] for i in plan.images], dtype=float
    )
    noise = np.random.default_rng(0).normal(0, 0.6, (len(abnormal), SIMULATIONS))
    anchors = np.array([image.block == ANCHOR for image in plan.images])
    return abnormal, anchors, 4 + (abnormal @ TRUTH)[:, None] + noise


def naive(abnormal, scores):
    """Mean of abnormal minus mean of default images, per factor and simulation."""
    return np.array([scores[column == 1].mean(0) - scores[column == 0].mean(0) for column in abnormal.T])


def assert_within_three_errors(contrasts, expected, rounding=0.0):
    error = contrasts.std(1, ddof=1) / np.sqrt(SIMULATIONS)
    assert (np.abs(contrasts.mean(1) - expected) < 3 * error + rounding).all()


def test_the_papers_contrast_adds_what_the_other_factors_do(simulated):
    abnormal, _, scores = simulated
    # P(other factor abnormal) is 2/3 among abnormal and 1/3 among default images.
    expected = TRUTH + (TRUTH.sum() - TRUTH) / 3
    assert expected == pytest.approx([-0.667, -0.467, -0.533], abs=1e-3)
    assert_within_three_errors(naive(abnormal, scores), expected, rounding=0.002)


def test_regression_on_the_three_factors_finds_the_truth(simulated):
    abnormal, _, scores = simulated
    with_constant = np.column_stack([np.ones(len(abnormal)), abnormal])
    assert_within_three_errors((np.linalg.pinv(with_constant) @ scores)[1:], TRUTH)


def test_the_factorial_block_alone_finds_the_truth(simulated):
    abnormal, anchors, scores = simulated
    assert_within_three_errors(naive(abnormal[~anchors], scores[~anchors]), TRUTH, rounding=0.002)
