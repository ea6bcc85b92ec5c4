"""Checks before the start: each failure is one line that names the fix."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from challenge.embedded import preflight
from challenge.embedded.preflight import PreflightError

MOUNTS = """\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 0:40 / /home rw shared:5 - nfs4 server:/home rw
31 30 0:41 / /home/me/my\\040disk rw - ext4 /dev/sdb1 rw
"""


def one_line(error: pytest.ExceptionInfo[PreflightError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/srv/var", "ext4"), ("/home/me/var", "nfs4"), ("/home/me/my disk/var", "ext4"), ("/homework/var", "ext4")],
)
def test_the_file_system_is_that_of_the_innermost_mount(tmp_path, path, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert preflight.file_system(Path(path), mounts) == kind


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "file_system", lambda _path: "nfs4")
    with pytest.raises(PreflightError) as error:
        preflight.check_state_dir(tmp_path)
    assert "set STATE_DIR to a local disk" in one_line(error)


def test_a_state_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PreflightError) as error:
        preflight.check_state_dir(tmp_path / "file" / "var")
    assert "set STATE_DIR to another folder" in one_line(error)


def test_a_taken_port_is_named_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PreflightError) as error:
            preflight.listen("127.0.0.1", port)
    text = one_line(error)
    assert f"Port {port}" in text
    assert "--port" in text


@pytest.mark.parametrize(("number", "hint"), [(errno.EACCES, "above 1023"), (errno.EADDRNOTAVAIL, "--host")])
def test_other_reasons_not_to_bind_are_told_apart(number, hint):
    assert hint in preflight._why_not_bound("192.0.2.1", 80, OSError(number, os.strerror(number)))


def test_a_host_that_does_not_exist_is_refused():
    with pytest.raises(PreflightError) as error:
        preflight.listen("no such host", 0)
    assert "--host" in one_line(error)


def test_a_live_server_holds_the_lock_and_is_named(tmp_path):
    held = preflight.take_lock(tmp_path)
    try:
        with pytest.raises(PreflightError) as error:
            preflight.take_lock(tmp_path)
    finally:
        os.close(held)
    text = one_line(error)
    assert f"pid {os.getpid()}" in text
    assert "STATE_DIR" in text
    os.close(preflight.take_lock(tmp_path))  # free again


def test_the_lock_of_a_dead_server_is_waited_for(tmp_path):
    held = preflight.take_lock(tmp_path)
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"], pass_fds=(held,)) as guard:
        # What a guard does: the server that wrote its number is gone, its lock lives on for a moment.
        os.ftruncate(held, 0)
        os.pwrite(held, b"999999999\n", 0)
        os.close(held)
        os.close(preflight.take_lock(tmp_path))
        assert guard.wait() == 0
