"""Kill a generation job again and again: no image is lost, none is there twice, and every byte is as without kills."""

import os
import signal
from pathlib import Path

import pytest

from tests.chaos.test_nothing_is_lost import wait_for
from tests.embedded.processes import command_line, descendants
from tests.served import Site, served

IMAGES, BATCH = 12, 4
AT_MOST = 240.0  # the worker is niced: beside other work it may get next to nothing

# Two jobs that are the same but for their names; the second begins when the first is done.
START = """
import json
from challenge.accounts.models import User
from challenge.jobs import services
from challenge.jobs.kinds import kind_of
kind, admin = kind_of("database"), User.objects.create_superuser("admin", "admin@example.org", "x")
values = {{
    "generators": ["toy"], "images": {images}, "batch_size": {batch}, "judge": "none", "policy": "guarantee",
    "seed": 0, "ratio": "7:1:2", "device": "cpu", "formats": ["parquet"], "licence": "CC0-1.0",
}}
form = kind.form(values, {{}})
assert form.is_valid(), form.errors
made = [services.create(kind=kind, title=name, cleaned=form.cleaned_data, actor=admin) for name in ("quiet", "stormy")]
print(json.dumps([str(job.pk) for job in made]))
"""
TALLY = """
import json
from collections import Counter
from challenge.jobs.models import Job
tallies = []
for job in Job.objects.order_by("created_at"):
    images = job.items.filter(stage="images")
    tallies.append({
        "state": job.state,
        "images": dict(images.values_list("result__image", "result__sha256")),
        "states": dict(Counter(images.values_list("state", flat=True))),
        "attempts": list(images.values_list("attempts", flat=True)),
        "ends": job.events.filter(to_state="done").count(),
    })
print(json.dumps(tallies))
"""


def kill(site: Site, words: str) -> bool:
    """SIGKILL to every process of the site whose command has these words; whether there was one."""
    found = [pid for pid in descendants(site.process.pid) if words in command_line(pid.number)]
    for pid in found:
        os.kill(pid.number, signal.SIGKILL)
    return bool(found)


def drawn(folder: Path) -> int:
    """Images of a job on disk: cheaper to ask for than rows."""
    return len(list((folder / "images").glob("*.png")))


def is_released(folder: Path) -> bool:
    """Whether the last stage has written its last file."""
    return (folder / "release" / "SHA256SUMS").exists()


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_workers_scheduler_and_broker_lose_no_image_and_change_no_byte(tmp_path):
    pytest.importorskip("diffusers")
    with served(tmp_path, "--workers", "1", "--no-demo") as site:
        ids = site.run(START.format(images=IMAGES, batch=BATCH))
        quiet, stormy = (tmp_path / "jobs" / job for job in ids)
        wait_for(lambda: is_released(quiet), AT_MOST, "the job without kills is done")

        for words in ("manage.py scheduler", "valkey"):
            before = drawn(stormy)
            wait_for(lambda least=before + 2: drawn(stormy) >= least, AT_MOST, "it draws images")
            assert kill(site, "--queues gpu")
            assert kill(site, words)
        wait_for(lambda: is_released(stormy), AT_MOST, "it is done all the same")
        wait_for(lambda: site.run(TALLY)[1]["state"] == "done", AT_MOST, "and says so")
        tallies = site.run(TALLY)
    for tally in tallies:
        assert (tally["state"], tally["states"], tally["ends"]) == ("done", {"done": IMAGES}, 1)
        assert len(tally["images"]) == IMAGES
    assert tallies[0]["images"] == tallies[1]["images"]
    assert set(tallies[0]["attempts"]) == {1}
    lost = sum(attempts - 1 for attempts in tallies[1]["attempts"])
    assert lost <= 2 * BATCH  # a kill loses the batch in hand, if there is one, and nothing else
    for name in ("plan.csv", "images.csv", "attributes.csv", "splits.csv"):
        assert (quiet / name).read_bytes() == (stormy / name).read_bytes(), name
