"""A model of the catalogue on a device: loaded through its class of diffusers, and asked for a batch of images.

Rules that are kept for every model:
- one generator of random numbers per image, on the CPU: an image does not depend on its batch (beyond rounding), nor
  the noise on the kind of GPU;
- prompts are passed as they are (no clean_caption), safety checkers and watermarks are off: both change pixels;
- weights are read from folders only, as safetensors only: a pickle can run code.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.catalogue.sources import Diffusers, Weights
from generation.problems import InvalidInput
from generation.render.libraries import load_diffusers, load_torch, without_deprecations
from generation.render.requests import ImageRequest
from generation.render.weights import NOT_LOADED

_T5_LENGTH = 77  # what IF was trained on; PixArt states its own


class Pipeline:
    """One model with its stages, on one device and in one dtype."""

    def __init__(self, source: Diffusers, weights: Path, device: str, dtype: str, *, offload: bool = False) -> None:
        """Load. Raises InvalidInput when weights are missing or diffusers has no such class."""
        self._torch = load_torch()
        self._diffusers = load_diffusers()
        self.source = source
        self._device = device
        with without_deprecations():
            self._load_all(weights, getattr(self._torch, dtype), offload=offload)

    @property
    def _embeds(self) -> bool:
        """Whether prompts are encoded once for all stages (IF), instead of by each."""
        return self.source.pipeline.startswith("IF")

    @property
    def classes(self) -> dict[str, Any]:
        """Names of the classes that draw, for provenance."""
        return {
            "pipeline": type(self._first).__name__,
            "scheduler": type(self._first.scheduler).__name__,
            "stages": [f"{type(pipe).__name__} {type(pipe.scheduler).__name__}" for pipe in self._stages],
        }

    def draw(self, requests: Sequence[ImageRequest], seeds: Sequence[int]) -> NDArray[np.float32]:
        """The images of requests with one key: shape (n, height, width, 3), values from 0 to 1, NaN after overflow."""
        torch = self._torch
        prompts = [request.prompt for request in requests]
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        like = requests[0]
        with torch.inference_mode(), without_deprecations():
            text = self._text(prompts)
            scale = self.source.scale
            arguments: dict[str, Any] = {"width": like.width // scale, "height": like.height // scale}
            if like.steps is not None:
                arguments["num_inference_steps"] = like.steps
            if like.cfg is not None:
                arguments["guidance_scale"] = like.cfg
            images = self._call(self._first, generators, **text, **arguments, **self.source.call)
            for stage, pipe in zip(self.source.stages, self._stages, strict=True):
                scale //= stage.scale
                arguments = {"num_inference_steps": stage.iterations, "guidance_scale": stage.cfg, **stage.call}
                if _is_if(pipe):
                    arguments |= {"width": like.width // scale, "height": like.height // scale, **text}
                    images = images * 2 - 1
                else:
                    arguments["prompt"] = prompts
                images = self._call(pipe, generators, image=images, **arguments)
            pixels: NDArray[np.float32] = images.float().cpu().permute(0, 2, 3, 1).numpy()
        return pixels

    def tokens(self, prompt: str) -> tuple[int, int]:
        """(tokens of the prompt with begin and end marks, how many of them the text encoder reads)."""
        tokenizer = self._first.tokenizer
        count = len(tokenizer(prompt).input_ids)
        parameters = inspect.signature(type(self._first).__call__).parameters
        if "max_sequence_length" in parameters:
            return count, int(self.source.call.get("max_sequence_length", parameters["max_sequence_length"].default))
        return count, _T5_LENGTH if self._embeds else int(tokenizer.model_max_length)

    def drawn_size(self, request: ImageRequest) -> tuple[int, int]:
        """(width, height) at which the first pipeline draws. PixArt draws at one of the sizes it was trained on and
        resizes to what was asked for, unless `call` says use_resolution_binning: false."""
        scale = self.source.scale
        width, height = request.width // scale, request.height // scale
        default = inspect.signature(type(self._first).__call__).parameters.get("use_resolution_binning")
        if default is None or not self.source.call.get("use_resolution_binning", default.default):
            return width, height
        from diffusers.pipelines.pixart_alpha import pipeline_pixart_alpha as pixart
        from diffusers.pipelines.pixart_alpha.pipeline_pixart_sigma import ASPECT_RATIO_2048_BIN

        bins = {
            32: pixart.ASPECT_RATIO_256_BIN,
            64: pixart.ASPECT_RATIO_512_BIN,
            128: pixart.ASPECT_RATIO_1024_BIN,
            256: ASPECT_RATIO_2048_BIN,
        }[self._first.transformer.config.sample_size]
        height, width = self._first.image_processor.classify_height_width_bin(height, width, ratios=bins)
        return int(width), int(height)

    def _text(self, prompts: list[str]) -> dict[str, Any]:
        if not self._embeds:
            return {"prompt": prompts}
        positive, negative = self._first.encode_prompt(prompts, device=self._device)
        return {"prompt_embeds": positive, "negative_prompt_embeds": negative}

    def _call(self, pipe: Any, generators: list[Any], **arguments: Any) -> Any:
        """Images as a tensor (n, 3, height, width) from 0 to 1."""
        if "clean_caption" in inspect.signature(type(pipe).__call__).parameters:
            arguments["clean_caption"] = False
        images = pipe(generator=generators, output_type="pt", **arguments).images
        # IF gives -1 to 1 where all others give 0 to 1.
        return (images / 2 + 0.5).clamp(0, 1) if _is_if(pipe) else images

    def _load_all(self, weights: Path, precision: Any, *, offload: bool) -> None:
        source = self.source
        self._first = self._load(source.pipeline, folder_of(source.weights, weights), precision)
        if source.scheduler:
            scheduler = self._class(source.scheduler)
            self._first.scheduler = scheduler.from_config(self._first.scheduler.config)
        if source.lora:
            fuse_lora(self._first, folder_of(source.lora, weights))
        self._stages = [
            self._load(stage.pipeline, folder_of(stage.weights, weights), precision, shares_encoder=self._embeds)
            for stage in source.stages
        ]
        for pipe in (self._first, *self._stages):
            pipe.set_progress_bar_config(disable=True)
            if getattr(pipe, "vae", None) is not None:
                pipe.vae.enable_slicing()  # decodes one image at a time: the peak of memory is there
            if offload:
                pipe.enable_model_cpu_offload(device=self._device)
            else:
                pipe.to(self._device)

    def _load(self, name: str, folder: Path, dtype: Any, *, shares_encoder: bool = False) -> Any:
        kind = self._class(name)
        accepted = inspect.signature(kind.__init__).parameters
        arguments: dict[str, Any] = {key: None for key in NOT_LOADED if key in accepted}
        if "requires_safety_checker" in accepted:
            arguments["requires_safety_checker"] = False
        if "add_watermarker" in accepted:
            arguments["add_watermarker"] = False
        if shares_encoder and _is_if(kind):
            arguments |= {"text_encoder": None, "tokenizer": None}
        if any(folder.glob("*/*.fp16*.safetensors")):
            arguments["variant"] = "fp16"
        return kind.from_pretrained(folder, dtype=dtype, local_files_only=True, use_safetensors=True, **arguments)

    def _class(self, name: str) -> Any:
        kind = getattr(self._diffusers, name, None)
        if kind is None:
            raise InvalidInput(f"diffusers {self._diffusers.__version__} has no class {name}: correct the catalogue")
        return kind


def folder_of(part: Weights, weights: Path) -> Path:
    """Where the files of a repository are. Raises InvalidInput when they are not there."""
    folder = part.folder or weights / part.place
    if not folder.is_dir():
        raise InvalidInput(
            f"{folder}: the weights of {part.repository} are not there; get them with `python -m generation weights "
            f"fetch --weights {weights}`"
        )
    return folder


def fuse_lora(pipe: Any, folder: Path) -> None:
    """Add a LoRA to the weights of a pipeline for good: as fast as without, and the same images to 1e-6."""
    files = sorted(folder.glob("*.safetensors"))
    if len(files) != 1:
        raise InvalidInput(f"{folder}: must hold one .safetensors file with a LoRA, and holds {len(files)}")
    pipe.load_lora_weights(folder, weight_name=files[0].name, local_files_only=True)
    pipe.fuse_lora()
    pipe.unload_lora_weights()


def _is_if(pipe: Any) -> bool:
    return (pipe if isinstance(pipe, type) else type(pipe)).__name__.startswith("IF")
