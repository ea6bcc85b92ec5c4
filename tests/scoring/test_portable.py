"""The same bits everywhere: functions made of fixed operations, and whole evaluations on simulated processors."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import portable

ROOT = Path(__file__).parents[2]

# Sums and functions of numpy and its BLAS as other processors do them. What this processor does not have stays off.
PROCESSORS = {
    "SSE3": {"OPENBLAS_CORETYPE": "Prescott", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"},
    "AVX2": {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"},
}

EVALUATE = """
import json, sys
import scoring

results = []
for x, other, mos in json.load(sys.stdin):
    names = [f"{i:05d}" for i in range(len(mos))]
    key, half = dict(zip(names, mos)), {name: "ab"[i % 2] for i, name in enumerate(names)}
    one = scoring.evaluate(dict(zip(names, x)), key, subsets={"half": half}, bootstrap=30)
    two = scoring.evaluate(dict(zip(names, other)), key, bootstrap=0)
    results.append([one.to_dict(), scoring.compare({"a": one, "b": two}, resamples=30).to_dict()])
print(json.dumps(results))
"""


def triples() -> str:
    """Predictions, others a little away from them, and MOS: 20 sets of different size, shape and noise."""
    rng = np.random.default_rng(3)
    found = []
    for n, noise in ((30, 3.0), (200, 2.0), (585, 8.0), (1500, 0.5)):
        quality = rng.normal(size=n)
        for x in (quality, np.exp(2 * quality), 1 / (1 + np.exp(-4 * quality)), np.round(quality), quality**2):
            mos = quality + noise * rng.normal(size=n)
            found.append([x.tolist(), (x + 0.1 * rng.normal(size=n)).tolist(), mos.tolist()])
    return json.dumps(found)


def run_on(processor: dict[str, str], script: str, given: str) -> str:
    """What a script prints that is given a text, on a processor of the table above."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OPENBLAS", "NPY_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=ROOT,
        env={**env, "OMP_NUM_THREADS": "1", **processor},
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the switches are those of numpy and OpenBLAS on x86-64 Linux")
def test_every_processor_gives_the_same_bits():
    pairs = triples()
    here = json.loads(run_on({}, EVALUATE, pairs))
    assert len(here) == 20
    for name, processor in PROCESSORS.items():
        assert json.loads(run_on(processor, EVALUATE, pairs)) == here, name


@given(st.floats(-745, 709))
def test_exp_is_right_to_a_few_units_in_the_last_place(x):
    found, expected = portable.exp(x), math.exp(x)
    assert abs(found - expected) <= 4 * math.ulp(expected)
    assert portable.exp(np.array([x, -x]))[0] == pytest.approx(expected, rel=1e-15, abs=1e-320)


def test_exp_at_its_ends():
    assert portable.exp(800.0) == math.inf
    assert portable.exp(-800.0) == 0.0
    assert math.isnan(portable.exp(math.nan))


@given(st.floats(1e-300, 1e300))
def test_log_is_right_to_a_few_units_in_the_last_place(x):
    assert portable.log(x) == pytest.approx(math.log(x), rel=1e-15, abs=2e-16)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_tanh_is_right_to_the_sixteenth_decimal(values):
    x = np.array(values)
    assert np.abs(portable.tanh(x) - np.tanh(x)).max() <= 4e-16
    assert np.array_equal(portable.tanh(-x), -portable.tanh(x))


def test_tanh_keeps_the_shape_of_long_arrays():
    x = np.linspace(-30, 30, 3 * 7001).reshape(3, 7001)
    assert np.abs(portable.tanh(x) - np.tanh(x)).max() <= 4e-16


def test_interpolation_equals_numpys():
    places, values = np.array([0.0, 1.0, 4.0]), np.array([2.0, 3.0, -1.0])
    at = np.linspace(-1, 5, 25)
    assert portable.interpolate(at, places, values) == pytest.approx(np.interp(at, places, values))
