"""Production settings: they refuse to start half-configured, and they work on the real servers."""

import http.client
import importlib.util
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from nacl.public import PrivateKey

from scoring.predictions import MAX_BYTES
from tests.servers import free_port, postgres_server, running, valkey_server

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "challenge" / "settings" / "production.py"
COMPLETE = {
    "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "DATABASE_URL": "postgres://challenge:word@db/challenge",
    "BROKER_URL": "redis://:word@broker:6379/0",
    "ALLOWED_HOSTS": "challenge.example",
    "SITE_URL": "https://challenge.example",
    "EMAIL_URL": "smtp://localhost:25",
    "ANSWER_KEY_PUBLIC_KEY_FILE": "/run/secrets/answer_key_public",
}
SCORED = (
    "import time; from challenge.demo.services import featured_submission, seed_demo; seed_demo()\n"
    "for _ in range(600):\n"
    "    row = featured_submission()\n"
    "    if row['status'] != 'queued' and row['status'] != 'scoring': break\n"
    "    time.sleep(0.1)\n"
    "print('RESULT', row['status'], row['main'])"
)


def clean_environment(**extra: str) -> dict[str, str]:
    # The last one is the browser tests', which run in this process.
    dropped = {*COMPLETE, "DJANGO_SETTINGS_MODULE", "ANSWER_KEY_PRIVATE_KEY_FILE", "CACHE_URL", "STATE_DIR"}
    dropped.add("DJANGO_ALLOW_ASYNC_UNSAFE")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "DJANGO_SETTINGS_MODULE": "challenge.settings.production", **COMPLETE, **extra}


def load_settings() -> Any:
    """Run the settings file as a module of its own, so that the test settings stay as they are."""
    spec = importlib.util.spec_from_file_location("production_settings_under_test", SETTINGS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def complete(monkeypatch):
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("complete")
@pytest.mark.parametrize("name", sorted(COMPLETE))
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_each_required_variable_is_required(monkeypatch, name, value):
    load_settings()
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        load_settings()


@pytest.mark.usefixtures("complete")
def test_a_short_secret_key_is_refused(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "changeme")
    with pytest.raises(ImproperlyConfigured, match="too short"):
        load_settings()


@pytest.mark.usefixtures("complete")
def test_names_and_origins_may_have_spaces_between_them(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", " challenge.example , www.challenge.example,")
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://challenge.example, https://www.challenge.example")
    loaded = load_settings()
    assert loaded.ALLOWED_HOSTS == ["challenge.example", "www.challenge.example"]
    assert loaded.CSRF_TRUSTED_ORIGINS == ["https://challenge.example", "https://www.challenge.example"]


@pytest.mark.usefixtures("complete")
def test_a_list_of_no_names_is_refused(monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", " , ")
    with pytest.raises(ImproperlyConfigured, match="ALLOWED_HOSTS"):
        load_settings()


@pytest.mark.usefixtures("complete")
def test_nginx_is_believed_about_the_time_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("TRUST_REQUEST_TIME_HEADER", raising=False)
    assert load_settings().TRUST_REQUEST_TIME_HEADER is True
    monkeypatch.setenv("TRUST_REQUEST_TIME_HEADER", "false")
    assert load_settings().TRUST_REQUEST_TIME_HEADER is False


@pytest.mark.usefixtures("complete")
def test_hsts_speaks_for_other_hosts_only_when_told_to(monkeypatch):
    silenced = {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "security.W005", "SECURE_HSTS_PRELOAD": "security.W021"}
    for name in silenced:
        monkeypatch.delenv(name, raising=False)
    loaded = load_settings()
    assert [getattr(loaded, name) for name in silenced] == [False, False]
    assert set(loaded.SILENCED_SYSTEM_CHECKS) == set(silenced.values())
    for name, check in silenced.items():
        monkeypatch.setenv(name, "true")
        loaded = load_settings()
        assert getattr(loaded, name) is True
        assert check not in loaded.SILENCED_SYSTEM_CHECKS


def test_the_largest_file_taken_is_the_largest_that_can_be_scored(settings):
    assert settings.MAX_PREDICTION_FILE_BYTES == MAX_BYTES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_PREDICTION_FILE_BYTES", f"{MAX_BYTES + 1}"),
        ("MAX_PREDICTION_FILE_BYTES", "0"),
        ("MAX_UPLOAD_SECONDS", "0"),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_at_the_start(tmp_path, name, value):
    result = manage(clean_environment(STATE_DIR=str(tmp_path), **{name: value}), "check")
    assert result.returncode != 0
    assert re.search(rf"ImproperlyConfigured: {name} .*{value}", result.stderr), result.stderr


@pytest.mark.parametrize("module", ["production", "embedded"])
def test_uploads_wait_in_a_private_folder_of_the_state_directory(tmp_path, module):
    state_dir = tmp_path / "state"
    env = clean_environment(STATE_DIR=str(state_dir), DJANGO_SETTINGS_MODULE=f"challenge.settings.{module}")
    result = manage(env, "shell", "-c", "from django.conf import settings as s; print('AT', s.FILE_UPLOAD_TEMP_DIR)")
    assert f"AT {state_dir / 'uploads'}" in result.stdout, result.stderr
    for folder in (state_dir, state_dir / "uploads"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_state_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    result = manage(clean_environment(STATE_DIR=str(tmp_path / "file" / "state")), "check")
    assert result.returncode != 0
    assert "FILE_UPLOAD_TEMP_DIR" in result.stderr


@pytest.mark.usefixtures("complete")
def test_the_private_answer_key_is_not_in_the_web_process():
    assert getattr(load_settings(), "ANSWER_KEY_PRIVATE_KEY_FILE", "") in {
        "",
        os.environ.get("ANSWER_KEY_PRIVATE_KEY_FILE"),
    }


def test_every_variable_of_the_settings_is_documented():
    read = re.compile(r"(?:env\.\w+|required)\(\s*\"([A-Z_]+)\"")
    names = {name for path in SETTINGS.parent.glob("*.py") for name in read.findall(path.read_text())}
    page = (ROOT / "docs" / "operations.md").read_text()
    assert names
    assert sorted(name for name in names if f"`{name}`" not in page) == []


@pytest.mark.parametrize("hsts", ["false", "true"])
def test_the_deployment_check_has_nothing_to_say(tmp_path, hsts):
    env = clean_environment(STATE_DIR=str(tmp_path), SECURE_HSTS_INCLUDE_SUBDOMAINS=hsts, SECURE_HSTS_PRELOAD=hsts)
    result = manage(env, "check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The environment of a migrated production site on a real PostgreSQL and a real Valkey with passwords."""
    folder = tmp_path_factory.mktemp("production")
    pair = PrivateKey.generate()
    (folder / "public").write_bytes(bytes(pair.public_key))
    (folder / "private").write_bytes(bytes(pair))
    with ExitStack() as stack:
        env = clean_environment(
            DATABASE_URL=stack.enter_context(postgres_server()),
            BROKER_URL=stack.enter_context(valkey_server("a-password", tcp=True)),
            ANSWER_KEY_PUBLIC_KEY_FILE=str(folder / "public"),
            STATE_DIR=str(folder / "state"),
            STATIC_ROOT=str(folder / "static"),
        )
        for command in (("migrate", "--noinput"), ("collectstatic", "--noinput")):
            result = manage(env, *command)
            assert result.returncode == 0, result.stdout + result.stderr
        env["FOLDER"] = str(folder)
        yield env


@pytest.mark.postgres
def test_a_submission_is_scored_on_postgresql_and_a_broker_with_a_password(servers):
    folder = Path(servers["FOLDER"])
    log = folder / "worker.log"
    command = [
        *(sys.executable, "-m", "celery", "-A", "challenge", "worker", "--queues", "scoring", "--concurrency", "1"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
    ]
    env = {**servers, "ANSWER_KEY_PRIVATE_KEY_FILE": str(folder / "private")}
    with running(command, log, log.exists, stop=signal.SIGTERM, env=env, cwd=ROOT):
        result = manage(servers, "shell", "-c", SCORED)
    assert re.search(r"^RESULT scored 0\.\d+", result.stdout, re.MULTILINE), (
        result.stdout + result.stderr + log.read_text()
    )


@pytest.mark.postgres
def test_the_web_server_answers_as_the_proxy_asks(servers):
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "challenge.wsgi:application", "--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--threads", "2", "--preload", "--no-control-socket"),
    ]
    log = Path(servers["FOLDER"]) / "web.log"
    with running(command, log, lambda: get(port, "/healthz") is not None, stop=signal.SIGTERM, env=servers, cwd=ROOT):
        healthy, plain, page = get(port, "/healthz"), get(port, "/"), get(port, "/accounts/login/", proto="https")
    assert healthy is not None
    assert healthy.status == 200
    assert plain is not None
    assert (plain.status, plain.headers["Location"]) == (301, "https://challenge.example/")
    assert page is not None
    assert page.status == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert all("; Secure" in cookie for cookie in page.headers.get_all("Set-Cookie") or [])


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def get(port: int, path: str, proto: str = "http") -> http.client.HTTPResponse | None:
    """The answer, None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Host": "challenge.example", "X-Forwarded-Proto": proto, "X-Forwarded-For": "192.0.2.7"}
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
    except OSError:
        return None
    finally:
        connection.close()
    return response
