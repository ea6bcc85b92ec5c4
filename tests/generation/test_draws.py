"""Draws: pinned for all times, fair, and independent by name."""

from collections import Counter
from hashlib import sha256

from scipy.stats import chisquare

from generation.draws import Draws


def test_a_stream_is_what_it_always_was():
    assert Draws("plan", "SDXL").below(2**64) == int.from_bytes(sha256(b"plan|SDXL|0").digest()[:8])
    draws = Draws("plan", "SDXL", 0)
    assert [draws.below(1000) for _ in range(6)] == [726, 2, 280, 515, 395, 182]
    assert Draws("x").shuffled("abcdefgh") == ["h", "g", "f", "c", "a", "d", "b", "e"]


def test_streams_with_different_names_differ():
    assert Draws(0, "SD1.4").shuffled(range(50)) != Draws(0, "SD1.5").shuffled(range(50))


def test_a_shuffle_keeps_every_item():
    assert sorted(Draws(1).shuffled(range(100))) == list(range(100))


def test_orders_are_equally_likely():
    draws = Draws("fair")
    orders = Counter(tuple(draws.shuffled("abc")) for _ in range(3000))
    assert len(orders) == 6
    assert chisquare(list(orders.values())).pvalue > 0.001
