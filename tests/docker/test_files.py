"""The files under docker/ without Docker: compose's structure, and nginx's own opinion of its configuration."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.nginx import lay_out

DOCKER = Path(__file__).resolve().parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"migrate", "web", "worker", "analysis", "gpu", "scheduler"}
SECRET_NAMES = re.compile(r"PASSWORD|SECRET|_URL$|KEY")


def variables(text: str) -> list[tuple[str, str]]:
    """Every ${NAME...} as (NAME, what follows the name)."""
    without_comments = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    return re.findall(r"(?<!\$)\$\{([A-Z_]+)([^}]*)\}", without_comments)


def environment(service: str) -> dict[str, str]:
    values: dict[str, str] = SERVICES[service].get("environment", {})
    return values


def test_every_service_is_there():
    assert set(SERVICES) == OURS | {"postgres", "valkey", "nginx"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_restarts_and_has_a_health_check(name):
    service = SERVICES[name]
    if name == "migrate":
        assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
        return
    assert service["restart"] == "unless-stopped"
    if name == "gpu":  # it answers nobody while it works, and ends itself when that hangs
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["healthcheck"]["interval"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_built_here_or_pinned_to_a_version(name):
    service = SERVICES[name]
    if "build" in service:
        target = service["build"]["target"]
        assert service["image"] == f"challenge-{target}"
        assert f" AS {target}\n" in (DOCKER / "Dockerfile").read_text()
    else:
        assert re.fullmatch(r"[a-z/]+:\d[\w.-]*", service["image"])


def test_base_images_are_pinned_and_run_as_an_ordinary_user():
    text = (DOCKER / "Dockerfile").read_text()
    outside = [base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if ":" in base]
    assert len(set(outside)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", outside[0])
    assert "USER 10001:10001" in text


def test_no_secret_has_a_default_and_each_is_in_the_example():
    text = (DOCKER / "compose.yml").read_text()
    example = (DOCKER / ".env.example").read_text()
    required = {name for name, rest in variables(text) if rest.startswith(":?")}
    assert {"SECRET_KEY", "POSTGRES_PASSWORD", "BROKER_PASSWORD", "ANSWER_KEY_DIR", "EMAIL_URL"} <= required
    for name, rest in variables(text):
        assert re.search(rf"^#?{name}=", example, re.MULTILINE), name
        if SECRET_NAMES.search(name):
            assert name in required or rest == "-", f"{name}: required, or left out (empty), never with a value"
    for name in required:
        assert re.search(rf"^{name}=$", example, re.MULTILINE), name


def test_no_environment_value_is_a_literal_secret():
    for service in SERVICES:
        for name, value in environment(service).items():
            if SECRET_NAMES.search(name) and not name.endswith("_FILE"):
                assert "${" in value, (service, name)


def test_only_workers_can_open_answer_keys():
    for name, service in SERVICES.items():
        holds = "answer_key_private" in service.get("secrets", []) or "ANSWER_KEY_PRIVATE_KEY_FILE" in environment(name)
        assert holds == (name in {"worker", "analysis"}), name
        mounts = " ".join(service.get("volumes", []))
        assert "ANSWER_KEY_DIR" not in mounts
    assert all("answer_key_public" in SERVICES[name]["secrets"] for name in OURS)


def test_workers_alone_attest_scores_and_the_web_server_alone_accepted_files():
    for secret, variable, holders in (
        ("receipt_scored", "RECEIPT_SCORED_KEY_FILE", {"worker", "analysis"}),
        ("receipt_accepted", "RECEIPT_ACCEPTED_KEY_FILE", {"web"}),
    ):
        assert {name for name in SERVICES if secret in SERVICES[name].get("secrets", [])} == holders
        assert {name for name in OURS if variable in environment(name)} == holders
    assert all("receipt_keys" in SERVICES[name]["secrets"] for name in OURS)


def test_only_nginx_is_published_and_our_containers_are_locked_down():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    for name in OURS | {"nginx"}:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_nothing_of_ours_starts_before_the_migration():
    for name in OURS - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_volumes_and_secrets_are_declared_and_used():
    used = {entry.partition(":")[0] for service in SERVICES.values() for entry in service.get("volumes", [])}
    assert {name for name in used if re.fullmatch(r"[a-z]+", name)} == set(COMPOSE["volumes"])
    assert {name for service in SERVICES.values() for name in service.get("secrets", [])} == set(COMPOSE["secrets"])
    for path in (entry for entry in used if entry.startswith("./nginx/") and "$" not in entry):
        assert (DOCKER / path).is_file()


def test_a_stopping_worker_has_the_time_its_tasks_may_take(settings):
    for name, limit in (
        ("worker", settings.SCORING_HARD_LIMIT_SECONDS),
        ("analysis", settings.ANALYSIS_HARD_LIMIT_SECONDS),
    ):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("m")) * 60 > limit


def test_each_queue_has_a_worker(settings):
    queues = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    served = {part.removeprefix("--queues=") for part in SERVICES["analysis"]["command"] if "--queues" in part}
    assert queues == served | {"scoring", "gpu"}  # which is what these images do without a command
    assert '"--queues", "scoring"' in (DOCKER / "Dockerfile").read_text()


def test_the_gpu_worker_serves_its_queue_alone_and_in_one_process():
    """CUDA and fork do not mix, and a GPU holds one model at a time."""
    command = re.search(r"AS gpu\n.*?CMD \[(.*?)\]", (DOCKER / "Dockerfile").read_text(), re.DOTALL)
    assert command
    words = re.findall(r'"([^"]+)"', command[1])
    assert words[words.index("--queues") + 1] == "gpu"
    assert words[words.index("--pool") + 1] == "solo"
    assert SERVICES["gpu"]["profiles"] == ["gpu"]


# --- nginx ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("server", ["plain", "tls"])
def test_nginx_accepts_the_configuration(tmp_path, server):
    result = check(lay_out(tmp_path, server))
    assert result.returncode == 0, result.stderr
    assert "test is successful" in result.stderr


def test_nginx_still_refuses_a_mistake(tmp_path):
    result = check(lay_out(tmp_path, "plain", extra="no_such_directive on;"))
    assert result.returncode != 0
    assert "no_such_directive" in result.stderr


def directives(name: str) -> str:
    """A file of docker/nginx without its comments."""
    return re.sub(r"#.*$", "", (DOCKER / "nginx" / f"{name}.conf").read_text(), flags=re.MULTILINE)


def test_what_nginx_must_hold():
    site, main = directives("site"), directives("nginx")
    assert "client_max_body_size 64m;" in main
    # A body comes to the site when it is complete: a slow one holds no thread.
    assert "proxy_request_buffering" not in main + site
    logins = re.search(r"location ~ (\S+) \{\s+limit_req zone=logins", site)
    assert logins
    for path in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/admin/login/"):
        assert re.search(logins[1], path), path
    assert not re.search(logins[1], "/admin/")
    assert re.search(r"location /_private/ \{\s+internal;", site)


def test_every_proxied_location_says_how_long_the_request_took():
    server, _, locations = directives("site").partition("location")
    assert "proxy_set_header X-Request-Time $request_time;" in server
    assert "proxy_set_header" not in locations  # one in a location would take away all of the server's


def test_bodies_and_uploads_wait_on_a_disk_not_in_memory():
    folder = re.search(r"client_body_temp_path (/srv/\w+)/\w+;", directives("nginx"))
    assert folder
    volume = f"bodies:{folder[1]}"
    # The first container on a new volume gives it the owner of its own folder there: nginx's image has none.
    assert volume in SERVICES["nginx"]["volumes"]
    assert volume in SERVICES["migrate"]["volumes"]
    owned = rf"install -d -o challenge -g challenge -m 0700 {folder[1]}\b"
    assert re.search(owned, (DOCKER / "Dockerfile").read_text())


def test_the_scheduler_is_well_when_its_loop_runs_not_when_a_process_has_its_name():
    assert SERVICES["scheduler"]["healthcheck"]["test"] == ["CMD", "python", "docker/healthcheck.py", "scheduler"]


def test_the_body_limit_leaves_room_for_the_largest_prediction_file(settings):
    assert settings.MAX_PREDICTION_FILE_BYTES < 64 * 1024 * 1024


def check(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
