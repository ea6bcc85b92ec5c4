"""Where the socket lies, and the secrets that are made once."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nacl.public import PrivateKey, SealedBox

from challenge.embedded.paths import MAX_SOCKET_BYTES, private_directory, socket_path
from challenge.embedded.secrets import ensure_secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_short_state_directory_holds_the_socket_itself():
    assert socket_path(Path("/srv/challenge/var")) == Path("/srv/challenge/var/broker.sock")


@pytest.mark.parametrize("part", ["x" * 200, "ü" * 60])
def test_a_deep_state_directory_gets_a_short_stable_name_of_its_own(part):
    deep = Path("/srv") / part
    path = socket_path(deep)
    assert len(os.fsencode(path)) <= MAX_SOCKET_BYTES
    assert path == socket_path(deep)
    assert path != socket_path(Path("/srv") / (part + "y"))


def test_a_deep_temp_folder_is_not_used(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/" + "t" * 90)
    assert len(os.fsencode(socket_path(Path("/" + "x" * 120)))) <= MAX_SOCKET_BYTES


def test_a_private_directory_is_closed_to_others(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(private_directory(tmp_path / "open")) == 0o700
    assert mode(private_directory(tmp_path / "new")) == 0o700


def test_a_link_in_place_of_a_private_directory_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        private_directory(tmp_path / "link")


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path):
    first = ensure_secrets(tmp_path)
    contents = [path.read_bytes() for path in (first.secret_key, first.public_key, first.private_key)]
    again = ensure_secrets(tmp_path)
    assert first.created
    assert not again.created
    assert [path.read_bytes() for path in (again.secret_key, again.public_key, again.private_key)] == contents
    assert mode(tmp_path / "secrets") == 0o700
    assert {mode(path) for path in (tmp_path / "secrets").iterdir()} == {0o600}
    names = {path.name for path in (tmp_path / "secrets").iterdir()}
    receipts = {"receipt_accepted.private", "receipt_scored.private", "receipt_keys.json"}
    assert names == {"secret_key", "answer_key.public", "answer_key.private", *receipts}
    assert len(first.secret_key.read_text()) >= 50


def test_the_key_pair_fits_together(tmp_path):
    made = ensure_secrets(tmp_path)
    private = PrivateKey(made.private_key.read_bytes())
    assert bytes(private.public_key) == made.public_key.read_bytes()
    assert SealedBox(private).decrypt(SealedBox(private.public_key).encrypt(b"mos")) == b"mos"


def test_a_lost_public_key_is_derived_again(tmp_path):
    made = ensure_secrets(tmp_path)
    public = made.public_key.read_bytes()
    made.public_key.unlink()
    assert ensure_secrets(tmp_path).public_key.read_bytes() == public


def test_servers_that_start_together_agree_on_the_secrets(tmp_path, monkeypatch):
    # In one process the temporary names would be the same; in life the process id keeps them apart.
    numbers = iter(range(1000))
    monkeypatch.setattr("challenge.embedded.secrets.os.getpid", lambda: next(numbers))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ensure_secrets(tmp_path).private_key.read_bytes(), range(8)))
    assert len(set(made)) == 1
    assert bytes(PrivateKey(made[0]).public_key) == (tmp_path / "secrets" / "answer_key.public").read_bytes()
