"""Downloads: complete and unchanged under their name, or not there."""

import hashlib
import itertools

import pytest

from aiqa.client import Client
from aiqa.download import fetch
from aiqa.errors import NetworkFailed, Refused
from tests.aiqa.scripted import Reply

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def part(begin: int, **options) -> Reply:
    return Reply(206, CONTENT[begin:], {"Content-Range": f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"}, **options)


@pytest.fixture
def get(site, pauses, tmp_path):
    def run(**options):
        settings = {"sha256": SHA256, "size": len(CONTENT), **options}
        return fetch(Client(site.url, retries=2), "/file", tmp_path / "images.tar", **settings)

    return run


def ranges(site) -> list[str | None]:
    return [headers.get("Range") for _, _, headers, _ in site.asked]


def test_a_line_that_breaks_again_and_again_is_mended_while_it_gets_further(site, get, tmp_path):
    ends = [1_000, 50_000, 50_001, 300_000, 400_000]
    site.replies = [Reply(200, CONTENT, drop=ends[0])]
    site.replies += [part(begin, drop=end - begin) for begin, end in itertools.pairwise(ends)]
    site.replies += [part(ends[-1])]
    get()
    assert (tmp_path / "images.tar").read_bytes() == CONTENT
    assert ranges(site) == [None, *(f"bytes={end}-" for end in ends)]
    assert all(headers["If-Range"] == f'"{SHA256}"' for _, _, headers, _ in site.asked[1:])


def test_a_line_that_gets_no_further_ends_and_leaves_the_part(site, get, tmp_path):
    site.replies = [Reply(200, CONTENT, drop=1_000), part(1_000, drop=0)]
    with pytest.raises(NetworkFailed):
        get()
    assert (tmp_path / "images.tar.part").read_bytes() == CONTENT[:1_000]
    assert not (tmp_path / "images.tar").exists()


def test_a_part_of_an_earlier_run_is_used_only_when_asked_for(site, get, tmp_path):
    (tmp_path / "images.tar.part").write_bytes(CONTENT[:1_000])
    site.replies = [Reply(200, CONTENT)]
    assert get().resumed_from == 0
    (tmp_path / "images.tar").unlink()
    (tmp_path / "images.tar.part").write_bytes(CONTENT[:1_000])
    site.replies = [part(1_000)]
    assert get(resume=True).resumed_from == 1_000


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"more"])
def test_a_part_that_is_complete_or_too_long(site, get, tmp_path, left):
    (tmp_path / "images.tar.part").write_bytes(left)
    site.replies = [Reply(200, CONTENT)]
    get(resume=True)
    assert (tmp_path / "images.tar").read_bytes() == CONTENT
    assert len(site.asked) == (0 if left == CONTENT else 1)


def test_a_server_that_sends_all_of_a_changed_file_begins_anew(site, get, tmp_path):
    (tmp_path / "images.tar.part").write_bytes(b"of an older version")
    site.replies = [Reply(200, CONTENT)]
    get(resume=True)
    assert (tmp_path / "images.tar").read_bytes() == CONTENT


def test_damaged_bytes_get_no_name_and_are_not_gone_on_with(site, get, tmp_path):
    site.replies = [Reply(200, CONTENT[:-1] + b"?")]
    with pytest.raises(Refused, match="damaged"):
        get()
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_another_content_is_kept_unless_forced(site, get, tmp_path):
    (tmp_path / "images.tar").write_bytes(b"mine")
    site.replies = [Reply(200, CONTENT)]
    with pytest.raises(Refused, match="there already"):
        get()
    assert (tmp_path / "images.tar").read_bytes() == b"mine"
    get(force=True)
    assert (tmp_path / "images.tar").read_bytes() == CONTENT
    assert get().was_there


def test_a_wrong_part_is_refused(site, get, tmp_path):
    (tmp_path / "images.tar.part").write_bytes(CONTENT[:1_000])
    site.replies = [part(2_000)]
    with pytest.raises(Refused, match="another part"):
        get(resume=True)
