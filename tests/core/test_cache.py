"""A dead Redis is a cache miss, never an error page (invariant 1)."""

import pytest

from challenge.core.cache import FailOpenRedisCache
from tests.servers import valkey_server


@pytest.fixture
def dead(tmp_path):
    return FailOpenRedisCache(f"unix://{tmp_path}/nobody-listens.sock", {})


def test_without_a_server_everything_reads_as_not_cached(dead):
    assert dead.get("a") is None
    assert dead.get("a", "default") == "default"
    assert dead.get_many(["a", "b"]) == {}
    assert "a" not in dead


def test_without_a_server_writes_do_nothing(dead):
    dead.set("a", 1)
    dead.set_many({"a": 1})
    dead.delete("a")
    dead.delete_many(["a"])
    assert dead.touch("a") is False
    assert dead.clear() is False


def test_without_a_server_rate_limits_let_people_in(dead):
    assert dead.add("attempts", 1) is True
    assert dead.incr("attempts") == 1


def test_with_a_server_it_is_a_cache():
    with valkey_server() as url:
        cache = FailOpenRedisCache(url.replace("redis+socket://", "unix://"), {})
        cache.set("a", {"b": 1})
        assert cache.get("a") == {"b": 1}
        assert cache.add("a", 2) is False
        cache.close()
        cache._cache.get_client().connection_pool.disconnect()
