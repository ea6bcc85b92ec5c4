"""The shared cache. Redis only carries (invariant 1), so a dead Redis is a cache miss, never an error page."""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def _fail_open(name: str, default: Any) -> Callable[..., Any]:
    def method(self: RedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            log.warning("cache unavailable", operation=name, error=str(error))
            return default

    method.__name__ = name
    return method


class FailOpenRedisCache(RedisCache):
    """Django's Redis cache, except that a connection error reads as «not cached» and a write as «not stored»."""

    add = _fail_open("add", True)
    set = _fail_open("set", None)
    touch = _fail_open("touch", False)
    delete = _fail_open("delete", False)
    has_key = _fail_open("has_key", False)
    incr = _fail_open("incr", 1)
    get_many = _fail_open("get_many", {})
    set_many = _fail_open("set_many", [])
    delete_many = _fail_open("delete_many", None)
    clear = _fail_open("clear", False)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The cached value, or `default` when it is not cached or the server cannot be reached."""
        try:
            return super().get(key, default, version)
        except (RedisError, OSError) as error:
            log.warning("cache unavailable", operation="get", error=str(error))
            return default
