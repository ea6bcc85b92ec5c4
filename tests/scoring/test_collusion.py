"""Collusion: what was planted among 40 teams is found with its figures, and no honest team is named."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.collusion import Entry, find, normalised_hash

TEAMS, BACKBONES = 40, 5


def honest(seed, images=400, teams=TEAMS):
    """Entries of independent teams: quality, an error that the teams of one backbone share, an own error by skill."""
    rng = np.random.default_rng(seed)
    quality = rng.uniform(1, 5, images)
    shared = rng.normal(0, 0.35, (BACKBONES, images))
    own = np.linspace(0.3, 2.0, teams)
    made = []
    for number, scale in enumerate(own):
        values = quality + shared[number % BACKBONES] + rng.normal(0, scale, images)
        made.append(Entry(f"team{number}", f"team{number}/1", rng.uniform(0.5, 20) * values + rng.normal(0, 5)))
    return made


def entry(name, values):
    return Entry(name, f"{name}/1", values)


def named(evidence):
    """Every set of teams that some piece of evidence puts together."""
    groups = [one.entries for one in evidence.shared]
    groups += [(one.first, one.second) for one in evidence.pairs]
    groups += [(one.target, *one.sources) for one in evidence.blends]
    return {frozenset(name.partition("/")[0] for name in group) for group in groups}


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_no_honest_team_is_named(seed):
    assert named(find(honest(seed))) == set()


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.permutations(range(TEAMS)))
def test_what_is_planted_among_40_teams_is_found_and_nothing_else(seed, order):
    """A copy, a rescaled and a turned copy, a noisy copy, blends of two and of three: replacing teams of any skill."""
    teams = honest(seed)
    rng = np.random.default_rng(seed)
    values = {number: teams[number].values for number in range(TEAMS)}
    unit = {number: (one - one.mean()) / one.std() for number, one in values.items()}
    victims, thieves = order[:9], order[9:15]
    planted = dict(
        zip(
            thieves,
            [
                values[victims[0]],
                np.exp(unit[victims[1]] / 3),
                7 - 3 * values[victims[2]],
                unit[victims[3]] + rng.normal(0, 0.04, 400),
                0.6 * unit[victims[4]] + 0.4 * unit[victims[5]] + rng.normal(0, 0.01, 400),
                0.4 * unit[victims[6]] + 0.3 * unit[victims[7]] + 0.3 * unit[victims[8]],
            ],
            strict=True,
        )
    )
    entries = [entry(f"team{number}", planted.get(number, values[number])) for number in range(TEAMS)]
    name = [f"team{number}" for number in (*victims, *thieves)]
    expected = {
        frozenset({name[0], name[9]}),
        frozenset({name[1], name[10]}),
        frozenset({name[2], name[11]}),
        frozenset({name[3], name[12]}),
        frozenset({name[4], name[5], name[13]}),
        frozenset({name[6], name[7], name[8], name[14]}),
    }
    assert named(find(entries)) == expected


def test_the_figures_of_a_pair_and_of_a_blend_are_those_of_the_files():
    teams = honest(3)
    first, second = teams[5].values, teams[9].values
    unit = [(one - one.mean()) / one.std() for one in (first, second)]
    blend = 0.7 * unit[0] + 0.3 * unit[1]
    evidence = find([*teams, entry("blender", blend), entry("copier", first**3)])
    (pair,) = evidence.pairs
    assert {pair.first, pair.second} == {"team5/1", "copier/1"}
    assert pair.srocc == pytest.approx(1.0)
    assert pair.distance == pytest.approx(0.0, abs=1e-9)
    assert 0.3 < pair.expected < 1
    (found,) = evidence.blends
    assert (found.target, found.sources) == ("blender/1", ("team5/1", "team9/1"))
    assert found.weights == pytest.approx(tuple(np.array([0.7, 0.3]) / blend.std()))
    assert found.unexplained == pytest.approx(0.0, abs=1e-9)


def test_entries_of_one_team_are_never_compared():
    teams = honest(1)
    again = [Entry(one.team, f"{one.team}/2", one.values) for one in teams]
    near = [Entry(one.team, f"{one.team}/3", one.values * 2 + 1e-3 * np.arange(400)) for one in teams[:10]]
    assert named(find([*teams, *again, *near])) == set()


def test_a_ring_of_copies_does_not_hide_itself():
    teams = honest(2)
    rng = np.random.default_rng(2)
    ring = [entry(f"ring{i}", teams[20].values + rng.normal(0, 0.02, 400) * teams[20].values.std()) for i in range(5)]
    together = {
        frozenset({a, b}) for a in ("team20", *(f"ring{i}" for i in range(5))) for b in ("ring0", "ring4") if a != b
    }
    assert together <= named(find([*teams, *ring]))


@pytest.mark.parametrize("rewritten", [lambda v: v, lambda v: np.round(v, 9), lambda v: v * (1 + 1e-9)])
def test_files_that_were_only_written_differently_have_one_hash(rewritten):
    values = np.random.default_rng(0).uniform(1, 5, 100).round(4)
    assert normalised_hash(rewritten(values)) == normalised_hash(values)
    assert normalised_hash(values[::-1]) != normalised_hash(values)
    assert normalised_hash(np.array([0.0])) == normalised_hash(np.array([-0.0]))


def test_constant_files_and_too_few_teams_are_said_not_judged():
    flat = [entry(f"flat{i}", np.ones(100)) for i in range(3)]
    assert find(flat).notes[0] == "Constant files say nothing and were left out: 3."
    values = np.random.default_rng(0).uniform(1, 5, 100)
    evidence = find([entry("a", values), entry("b", values), entry("c", values[::-1])])
    assert [one.entries for one in evidence.shared] == [("a/1", "b/1")]
    assert "Only equal files" in evidence.notes[0]
    assert find([]).shared == ()


def test_evidence_becomes_json():
    teams = honest(4)
    evidence = find([*teams, entry("copier", teams[0].values), entry("other", teams[1].values * -2)])
    assert json.loads(json.dumps(evidence.to_dict())) == evidence.to_dict()
    assert (evidence.entries, evidence.teams) == (42, 42)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([entry("a", np.ones(3)), entry("a", np.ones(3))], "name of its own"),
        ([entry("a", np.ones(3)), entry("b", np.ones(4))], "same images"),
        ([entry("a", np.array([1.0, np.nan]))], "finite"),
    ],
)
def test_bad_input_is_refused_with_the_reason(entries, message):
    with pytest.raises(ValueError, match=message):
        find(entries)
