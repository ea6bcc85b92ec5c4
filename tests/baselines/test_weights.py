"""Weight files: nothing is used that was not verified, and what is wrong says so."""

import hashlib
import io
import json
import re
import urllib.error

import pytest

from scoring.baselines import weights
from scoring.baselines.metric import MetricUnavailable
from scoring.baselines.registry import MetricInfo, WeightFile, built_in
from scoring.cli import main
from tests.baselines.unstated import unstated

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def metric(*files):
    return MetricInfo("m", "M", "", "perception", "", "", "", "x:Y", weights=files)


STATED = metric(WeightFile("hub/a.pth", "https://example.org/a.pth", DIGEST[:8]))
UNSTATED = metric(WeightFile("hub/a.pth", "https://example.org/a.pth"))


@pytest.fixture
def network(monkeypatch):
    """What the network answers; a test may change it."""
    answers = {"https://example.org/a.pth": CONTENT}

    def urlopen(url, timeout):
        if url not in answers:
            raise urllib.error.URLError("no route to host")
        return io.BytesIO(answers[url])

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return answers


@pytest.mark.parametrize("info", [STATED, UNSTATED], ids=["stated", "unstated"])
def test_fetched_files_are_recorded_and_pass(info, network, tmp_path):
    weights.fetch(info, tmp_path)
    assert weights.require(info, tmp_path) == {"hub/a.pth": DIGEST}
    network.clear()
    weights.fetch(info, tmp_path)  # is there already: nothing to ask the network for


def test_a_file_with_another_digest_is_not_kept(network, tmp_path):
    network["https://example.org/a.pth"] = b"something else"
    with pytest.raises(MetricUnavailable, match=f"not {DIGEST[:8]}: it was refused"):
        weights.fetch(STATED, tmp_path)
    assert list((tmp_path / "hub").iterdir()) == []


def test_no_network_and_no_address_say_so(network, tmp_path):
    network.clear()
    with pytest.raises(MetricUnavailable, match="no route to host"):
        weights.fetch(STATED, tmp_path)
    with pytest.raises(MetricUnavailable, match="put there by hand"):
        weights.fetch(metric(WeightFile("hub/b.pth", licence="ask")), tmp_path)


def test_a_file_by_hand_is_unknown_until_accepted_and_wrong_after_a_change(tmp_path):
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "a.pth").write_bytes(CONTENT)
    with pytest.raises(MetricUnavailable, match="unknown; compare it"):
        weights.require(UNSTATED, tmp_path)
    assert [one.file for one in weights.accept(UNSTATED, tmp_path)] == ["hub/a.pth"]
    weights.require(UNSTATED, tmp_path)
    (tmp_path / "hub" / "a.pth").write_bytes(CONTENT[1:])
    assert weights.accept(UNSTATED, tmp_path) == []  # a wrong file cannot be made right
    with pytest.raises(MetricUnavailable, match="wrong"):
        weights.require(UNSTATED, tmp_path)
    with pytest.raises(MetricUnavailable, match="wrong"):
        weights.require(STATED, tmp_path)


def test_every_file_of_a_repository_counts(tmp_path):
    info = metric(WeightFile(repo="owner/name"))
    with pytest.raises(MetricUnavailable, match="models--owner--name: missing"):
        weights.require(info, tmp_path)
    snapshot = tmp_path / "hf" / "hub" / "models--owner--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors").write_bytes(CONTENT)
    weights.accept(info, tmp_path)
    assert len(weights.require(info, tmp_path)) == 2
    assert info.weights[0].locate(tmp_path) == snapshot
    (snapshot / "more.bin").write_bytes(b"x")
    with pytest.raises(MetricUnavailable, match=r"more\.bin: unknown"):
        weights.require(info, tmp_path)


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / "weights.json").write_text("{")
    with pytest.raises(MetricUnavailable, match=r"weights\.json is damaged"):
        weights.require(UNSTATED, tmp_path)


@pytest.fixture
def unstated_cnniqa():
    with unstated("cnniqa"):
        yield


def test_the_registry_has_the_sixteen_of_the_paper_and_states_no_doubtful_digest():
    metrics = built_in()
    papers = sorted(info.paper for info in metrics.values() if info.paper)
    assert papers == sorted(
        [
            "brisque",
            "clipiqa",
            "cnniqa",
            "dbcnn",
            "hyperiqa",
            "liqe",
            "musiq",
            "niqe",
            "qalign",
            "topiq",
            "unique",
            "wadiqam",
            "clip",
            "hps",
            "imagereward",
            "picscore",
        ]
    )
    assert sorted(name for name, info in metrics.items() if info.group == "alignment") == sorted(
        ["clip", "hps_v1", "hps_v2", "hps_v2.1", "imagereward", "picscore"]
    )
    assert all(info.needs_prompt == (info.group == "alignment") for info in metrics.values())
    assert sorted(name for name, info in metrics.items() if info.lower_is_better) == ["brisque", "niqe"]
    for info in metrics.values():
        assert info.source
        assert info.preprocessing
        assert info.range
        for entry in info.weights:
            assert entry.licence
            assert re.fullmatch("|[0-9a-f]{8}|[0-9a-f]{64}", entry.sha256)
            # PyTorch's custom: the file's name ends with the first digits.
            if entry.sha256 and (named := re.search(r"-([0-9a-f]{8})\.pth$", entry.file)):
                assert entry.sha256.startswith(named[1])


@pytest.mark.usefixtures("unstated_cnniqa")
def test_the_command_lists_verifies_and_accepts(tmp_path, capsys):
    folder = ["--weights", str(tmp_path)]
    assert main(["baselines", "weights", "list", "clipiqa", *folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clipiqa"][0]["file"] == "hub/clip/RN50.pt"
    assert main(["baselines", "weights", "verify", "niqe", "cnniqa", *folder]) == 1
    shown = capsys.readouterr().out
    assert "niqe: needs no files" in shown
    assert "CNNIQA_koniq10k-e6f14c91.pth: missing" in shown
    path = tmp_path / "hub" / "pyiqa" / "CNNIQA_koniq10k-e6f14c91.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert main(["baselines", "weights", "verify", "cnniqa", *folder]) == 1
    assert f"unknown {DIGEST}" in capsys.readouterr().out
    assert main(["baselines", "weights", "accept", "cnniqa", *folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cnniqa"][0]["state"] == "ok"
    assert main(["baselines", "list", *folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hps_v2.1"]["needs_prompt"] is True
    assert main(["baselines", "list"]) == 0
    assert "44 % of its width" in capsys.readouterr().out
