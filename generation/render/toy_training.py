"""Train a toy Stable Diffusion from nothing, on drawn shapes: `python -m generation.render.toy_training --out FOLDER`.

Contract: FOLDER becomes a pipeline that `StableDiffusionPipeline.from_pretrained` loads. A quarter of an hour of one
core with the default numbers of steps. First the autoencoder learns to shrink pictures 4 times (squared and absolute
error, a little KL, as in Rombach et al. 2022), then U-Net and text encoder learn to predict the noise in its latents
(DDPM: Ho, Jain and Abbeel 2020), with a tenth of the texts left out for classifier-free guidance (Ho and Salimans
2022). Weights are exponential moving averages. The same seed gives the same model on the same machine only.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generation.demo.pictures import HEIGHTS, Described, draw
from generation.demo.vocabulary import COLOURS, PLACES, SHAPES, SIZES, all_prompts, prompt_of
from generation.progress import progress
from generation.render.libraries import load_diffusers, load_torch
from generation.render.options import positive

EDGE = 64
TEXT_LENGTH = 24  # tokens; the longest prompt has 13
PICTURES = 1536
_START, _END = "<|startoftext|>", "<|endoftext|>"
_NOISE: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def picture(draws: random.Random) -> tuple[Image.Image, str]:
    """A random picture of EDGE x EDGE pixels and its text."""
    colour, background = draws.sample(list(COLOURS), 2)
    shape, place, size = draws.choice(SHAPES), draws.choice(list(PLACES)), draws.choice(list(SIZES))
    what = Described(size, colour, shape, place, background)
    return draw(what, width=EDGE, height=EDGE, middle=draws.uniform(*HEIGHTS)), prompt_of(*what)


def word_tokenizer() -> Any:
    """CLIP's tokenizer over bytes, with merges that make each word of the vocabulary one token."""
    from transformers import CLIPTokenizer

    letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(code) for code in (*letters, *range(256, 512 - len(letters)))]  # CLIP's order: printable first
    tokens = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges: list[tuple[str, str]] = []
    for word in sorted({word for prompt in all_prompts() for word in prompt.replace(",", "").split()}):
        parts = [*word[:-1], word[-1] + "</w>"]
        heads = ["".join(parts[: end + 1]) for end in range(len(parts))]
        for (head, longer), part in zip(pairwise(heads), parts[1:], strict=True):
            if (head, part) not in merges:
                merges.append((head, part))
                tokens.append(longer)
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*tokens, _START, _END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TEXT_LENGTH)


def make_parts(diffusers: Any) -> tuple[Any, Any, Any, Any]:
    """Autoencoder, tokenizer, text encoder and U-Net, untrained."""
    from transformers import CLIPTextConfig, CLIPTextModel

    vae = diffusers.AutoencoderKL(
        block_out_channels=[16, 32, 32],
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=EDGE,
    )
    tokenizer = word_tokenizer()
    size = len(tokenizer)
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=size,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            bos_token_id=size - 2,
            eos_token_id=size - 1,
            pad_token_id=size - 1,
        )
    )
    unet = diffusers.UNet2DConditionModel(
        sample_size=EDGE // 4,
        layers_per_block=1,
        block_out_channels=(32, 64),
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64,
        attention_head_dim=8,
    )
    return vae, tokenizer, text_encoder, unet


def train_autoencoder(vae: Any, pixels: Any, *, steps: int, batch: int, rate: float = 2e-3) -> None:
    """Train on pixels (n, 3, EDGE, EDGE) from -1 to 1, and set the factor that gives latents unit variance."""
    torch = load_torch()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=rate)
    for step in progress(range(steps), total=steps, unit="steps", label="autoencoder"):
        _set_rate(optimizer, rate * (1 - 0.95 * step / steps))
        chosen = pixels[torch.randint(0, len(pixels), (batch,))]
        latents = vae.encode(chosen).latent_dist
        restored = vae.decode(latents.sample()).sample
        loss = torch.nn.functional.mse_loss(restored, chosen) + 0.2 * torch.nn.functional.l1_loss(restored, chosen)
        optimizer.zero_grad()
        (loss + 1e-6 * latents.kl().mean()).backward()
        optimizer.step()
    vae.eval().requires_grad_(requires_grad=False)
    vae.register_to_config(scaling_factor=1 / _latents(vae, pixels[:128]).std().item())


def train_denoiser(
    unet: Any, text_encoder: Any, latents: Any, tokens: Any, empty: Any, *, steps: int, batch: int, rate: float = 3e-3
) -> None:
    """Train both on scaled latents (n, 4, h, w) and tokens (n, TEXT_LENGTH); `empty` are those of no text."""
    torch = load_torch()
    noise_schedule = load_diffusers().DDPMScheduler(num_train_timesteps=1000, **_NOISE)
    parameters = [*unet.parameters(), *text_encoder.parameters()]
    averages = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=rate)
    for step in progress(range(1, steps + 1), total=steps, unit="steps", label="denoiser"):
        _set_rate(optimizer, rate * min(1, step / 100) * (1 - 0.97 * step / steps))
        chosen = torch.randint(0, len(latents), (batch,))
        noise, time = torch.randn_like(latents[chosen]), torch.randint(0, 1000, (batch,))
        texts = torch.where((torch.rand(batch) < 0.1)[:, None], empty, tokens[chosen])
        noisy = noise_schedule.add_noise(latents[chosen], noise, time)
        predicted = unet(noisy, time, text_encoder(input_ids=texts)[0]).sample
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(predicted, noise).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        with torch.no_grad():
            for average, parameter in zip(averages, parameters, strict=True):
                average.lerp_(parameter, 1 - min(0.995, (step + 1) / (step + 10)))
    with torch.no_grad():
        for average, parameter in zip(averages, parameters, strict=True):
            parameter.copy_(average)


def train(out: Path, *, autoencoder_steps: int, denoiser_steps: int, pictures: int, batch: int, seed: int) -> None:
    """Train and save."""
    torch, diffusers = load_torch(), load_diffusers()
    torch.manual_seed(seed)
    draws = random.Random(seed)  # noqa: S311  pictures, not secrets
    images, texts = zip(*(picture(draws) for _ in range(pictures)), strict=True)
    stacked = np.stack([np.asarray(image) for image in images])
    pixels = torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1
    vae, tokenizer, text_encoder, unet = make_parts(diffusers)
    train_autoencoder(vae, pixels, steps=autoencoder_steps, batch=batch)
    latents = _latents(vae, pixels) * vae.config.scaling_factor
    tokens, empty = (_tokens(tokenizer, some) for some in (texts, [""]))
    train_denoiser(unet, text_encoder, latents, tokens, empty, steps=denoiser_steps, batch=2 * batch)
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=diffusers.EulerDiscreteScheduler(**_NOISE, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(out)


def _tokens(tokenizer: Any, texts: Sequence[str]) -> Any:
    padded = tokenizer(list(texts), padding="max_length", max_length=TEXT_LENGTH, truncation=True, return_tensors="pt")
    return padded.input_ids


def _latents(vae: Any, pixels: Any) -> Any:
    torch = load_torch()
    with torch.no_grad():
        return torch.cat([vae.encode(part).latent_dist.mean for part in pixels.split(64)])


def _set_rate(optimizer: Any, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m generation.render.toy_training", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the pipeline")
    parser.add_argument("--autoencoder-steps", type=positive, default=550, metavar="N")
    parser.add_argument("--denoiser-steps", type=positive, default=2300, metavar="N")
    parser.add_argument("--pictures", type=positive, default=PICTURES, metavar="N")
    parser.add_argument("--batch", type=positive, default=12, metavar="N", help="twice that for the denoiser")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    arguments = parser.parse_args(argv)
    train(
        arguments.out,
        autoencoder_steps=arguments.autoencoder_steps,
        denoiser_steps=arguments.denoiser_steps,
        pictures=arguments.pictures,
        batch=arguments.batch,
        seed=arguments.seed,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
