"""Weights: which files are fetched, licences before anything, the manifest, and a hub that is a server in this test."""

import json
import os
import subprocess
import sys
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from generation import cli
from generation.problems import InvalidInput
from generation.render.weights import fetch, parts_of, pinned, verify, wanted_files

ROOT = Path(__file__).parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
INDEX = json.dumps(
    {
        "_class_name": "P",
        "unet": ["diffusers", "U"],
        "text_encoder": ["transformers", "T"],
        "safety_checker": [None, None],
    }
)
HUB = {
    "owner/model": {
        "model_index.json": INDEX.encode(),
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": b"full precision",
        "unet/diffusion_pytorch_model.fp16.safetensors": b"half precision",
        "unet/diffusion_pytorch_model.bin": b"a pickle",
        "text_encoder/model.safetensors": b"full precision too",
        "text_encoder/model.fp16.safetensors": b"half precision too",
        "safety_checker/model.safetensors": b"not loaded",
        "model.ckpt": b"a pickle",
    },
    "owner/lora": {"pytorch_lora_weights.safetensors": b"lora", "README.md": b"words"},
    "owner/gated": {"model_index.json": INDEX.encode()},
}
CATALOGUE = """
all_default: 0
models:
  - name: mine
    images: 1
    longest_edge: 64
    quantum: 8
    source:
      pipeline: StableDiffusionPipeline
      repository: owner/model
      licence: {name: Free for all, url: "https://example.org/free"}
      lora: {repository: owner/lora, licence: {name: Free too, url: "https://example.org/too"}}
  - name: theirs
    images: 1
    longest_edge: 64
    quantum: 8
    source:
      pipeline: StableDiffusionPipeline
      repository: owner/gated
      gated: true
      licence: {name: On request, url: "https://example.org/request"}
"""


class Hub(BaseHTTPRequestHandler):
    """The addresses of the Hugging Face Hub that a download needs; `asked` has those that were."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.asked.append(self.path)
        self.answer(body=True)

    def answer(self, *, body):
        path = self.path.partition("?")[0].strip("/").split("/")
        if path[0] == "api":
            repository = "/".join(path[2:4])
            files = [self.listing(name, content) for name, content in HUB[repository].items()]
            content = json.dumps({"id": repository, "sha": COMMIT, "siblings": files}).encode()
        else:
            repository, content = "/".join(path[:2]), HUB["/".join(path[:2])]["/".join(path[4:])]
        gated = repository == "owner/gated"
        self.send_response(403 if gated else 200)
        if gated:
            self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    @staticmethod
    def listing(name, content):
        entry = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
        if name.endswith(".safetensors"):
            entry["lfs"] = {"sha256": sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
        return entry

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Hub.asked.clear()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text(CATALOGUE)
    return path


@pytest.fixture
def weights(hub, catalogue, tmp_path):
    """Run `python -m generation weights` against the hub of this test, in a process of its own: huggingface_hub reads
    its settings once."""

    options = ["--catalogue", str(catalogue), "--weights", str(tmp_path / "weights")]

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "generation", "weights", *arguments, *options],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
                "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
                "HF_HOME": str(tmp_path / "home"),
                "HF_HUB_OFFLINE": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_weights_are_fetched_once_the_licence_is_accepted_and_then_verified(weights, tmp_path):
    pytest.importorskip("huggingface_hub")
    asked = weights("fetch", "mine")
    assert asked.returncode == 1
    assert "owner/model: Free for all, https://example.org/free" in asked.stdout
    assert "nothing was downloaded: read the 2 licences" in asked.stderr
    assert Hub.asked == []

    done = weights("fetch", "mine", "--accept-licences")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "weights"
    entry = json.loads((folder / "manifest.json").read_text())["owner--model@main"]
    assert entry["commit"] == COMMIT
    assert sorted(entry["files"]) == [
        "model_index.json",
        "text_encoder/model.fp16.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    ]
    half = folder / "owner--model@main" / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    assert half.read_bytes() == b"half precision"
    assert (folder / "owner--lora@main" / "pytorch_lora_weights.safetensors").read_bytes() == b"lora"

    half.write_bytes(b"half precisioN")
    (folder / "owner--lora@main" / "pytorch_lora_weights.safetensors").unlink()
    assert {place: [fault.rpartition(": ")[2] for fault in faults] for place, faults in verify(folder)} == {
        "owner--lora@main": ["is missing"],
        "owner--model@main": ["is damaged or another file; fetch or copy it again"],
    }

    gated = weights("fetch", "theirs", "--accept-licences")
    assert gated.returncode == 1
    assert "open https://example.org/request, accept, make a token" in gated.stderr


def test_what_is_there_and_what_is_not_is_listed(catalogue, tmp_path, capsys):
    (tmp_path / "manifest.json").write_text(
        json.dumps({"owner--model@main": {"commit": COMMIT, "files": {"a": {"bytes": 2 * 10**9, "sha256": ""}}}})
    )
    assert cli.main(["weights", "list", "--catalogue", str(catalogue), "--weights", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "owner/model@main: here, 2.00 GB, commit 0123456789ab; Free for all, https://example.org/free" in listed
    assert "owner/gated@main: not here; On request, gated, https://example.org/request" in listed
    assert "toy_sd@main: ships with this program; Apache-2.0" in listed
    assert "MJ: import only (Midjourney Terms of Service)" in listed


def test_verifying_says_what_is_wrong_and_fails(tmp_path, capsys):
    content = b"weights"
    files = {"a": {"bytes": len(content), "sha256": sha256(content).hexdigest()}}
    (tmp_path / "manifest.json").write_text(json.dumps({"o--m@main": {"commit": COMMIT, "files": files}}))
    (tmp_path / "o--m@main").mkdir()
    (tmp_path / "o--m@main" / "a").write_bytes(content)
    assert cli.main(["weights", "verify", "--weights", str(tmp_path)]) == 0
    (tmp_path / "o--m@main" / "a").unlink()
    assert cli.main(["weights", "verify", "--weights", str(tmp_path)]) == 1
    assert "a: is missing" in capsys.readouterr().err


def test_a_model_is_pinned_by_the_manifest(entries, tmp_path):
    (part,) = parts_of(entries, ["SD1.4"])
    assert pinned(tmp_path, part.weights) == "main"
    (tmp_path / "manifest.json").write_text(json.dumps({part.weights.place: {"commit": COMMIT}}))
    assert pinned(tmp_path, part.weights) == COMMIT


def test_repositories_are_fetched_once_and_without_what_nobody_loads(entries):
    parts = {part.weights.repository: part for part in parts_of(entries, ["SD1.5", "LCM_SD1.5", "IF", "toy"])}
    assert list(parts) == [
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "latent-consistency/lcm-lora-sdv1-5",
        "DeepFloyd/IF-I-XL-v1.0",
        "DeepFloyd/IF-II-L-v1.0",
        "stabilityai/stable-diffusion-x4-upscaler",
    ]
    assert "text_encoder" in parts["DeepFloyd/IF-II-L-v1.0"].without
    assert "text_encoder" not in parts["DeepFloyd/IF-I-XL-v1.0"].without


def test_a_model_without_weights_cannot_be_fetched(entries):
    with pytest.raises(InvalidInput, match=r"'MJ' is no generator with weights; those with weights are: SD1\.4"):
        parts_of(entries, ["MJ"])


def test_nothing_is_fetched_without_an_acknowledged_licence(entries, tmp_path):
    (part,) = parts_of(entries, ["SDXL_Turbo"])
    with pytest.raises(InvalidInput, match=r"its licence Stability AI .* is not acknowledged"):
        fetch(part, tmp_path)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["unet/a.safetensors", "unet/a.fp16.safetensors"], ["unet/a.fp16.safetensors"]),
        (
            ["unet/a.safetensors", "unet/a.fp16.safetensors", "vae/b.safetensors"],
            ["unet/a.safetensors", "vae/b.safetensors"],
        ),
        (["unet/a.non_ema.safetensors", "unet/a.safetensors", "unet/a.bin"], ["unet/a.safetensors"]),
        (["unet/a-1-of-2.safetensors", "unet/a.index.json"], ["unet/a.index.json", "unet/a-1-of-2.safetensors"]),
        (["vae/merges.txt", "vae/spiece.model", "top.safetensors"], ["vae/merges.txt", "vae/spiece.model"]),
    ],
)
def test_only_what_a_pipeline_loads_is_wanted(files, chosen):
    listed = ["model_index.json", "safety_checker/x.safetensors", *files]
    wanted = wanted_files(listed, ["unet", "vae", "safety_checker"], ["safety_checker"])
    assert wanted == ["model_index.json", *chosen]
