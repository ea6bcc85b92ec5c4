"""Every family of pipelines with tiny random weights, built without any file and saved as their repositories are.

The numbers of levels are those of the real models, so sizes in pixels follow the same rules; widths are 8 or 16
instead of hundreds of channels.
"""

from __future__ import annotations

import copy
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from generation.catalogue.models import Generators, Model, read_catalogue
from generation.catalogue.sources import Diffusers, Weights
from generation.render.libraries import load_diffusers, load_torch, without_deprecations

BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
COSINE: dict[str, Any] = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon"}
LINEAR: dict[str, Any] = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}

# Which tiny folder stands for which repository of the catalogue.
STAND_INS = {
    "CompVis/stable-diffusion-v1-4": "sd",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "sd",
    "dreamlike-art/dreamlike-photoreal-2.0": "sd",
    "stabilityai/stable-diffusion-xl-base-1.0": "sdxl",
    "segmind/SSD-1B": "sdxl",
    "playgroundai/playground-v2-1024px-aesthetic": "playground",
    "PixArt-alpha/PixArt-XL-2-1024-MS": "pixart",
    "latent-consistency/lcm-lora-sdv1-5": "sd_lora",
    "latent-consistency/lcm-lora-sdxl": "sdxl_lora",
    "PixArt-alpha/PixArt-LCM-XL-2-1024-MS": "lcm_pixart",
    "stabilityai/sdxl-turbo": "turbo",
    "DeepFloyd/IF-I-XL-v1.0": "if_1",
    "DeepFloyd/IF-II-L-v1.0": "if_2",
    "stabilityai/stable-diffusion-x4-upscaler": "upscaler",
}


def build(folder: Path) -> None:
    """Save all of them below `folder`: 8 MB, about a second."""
    torch, diffusers = load_torch(), load_diffusers()
    makers: dict[str, Callable[[Any], Any]] = {
        "sd": stable_diffusion,
        "lcm": latent_consistency,
        "sdxl": lambda d: sdxl(d, d.EulerDiscreteScheduler(**BETAS, timestep_spacing="leading", steps_offset=1)),
        "playground": lambda d: sdxl(d, d.EulerAncestralDiscreteScheduler(**BETAS)),
        "turbo": lambda d: sdxl(d, d.EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="trailing")),
        "pixart": lambda d: pixart(d, d.DPMSolverMultistepScheduler(**LINEAR)),
        "lcm_pixart": lambda d: pixart(d, d.LCMScheduler(**LINEAR)),
        "if_1": deepfloyd_base,
        "if_2": deepfloyd_upscaler,
        "upscaler": upscaler,
    }
    with without_deprecations(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name, make in makers.items():
            pipe = make(diffusers)
            pipe.save_pretrained(folder / name)
            if name in ("sd", "sdxl"):
                save_lora(pipe, folder / f"{name}_lora")


def with_tiny_weights(folder: Path) -> Generators:
    """The twelve entries of the paper's catalogue that diffusers draws, with the tiny folders as their weights."""
    return {
        model.name: replace(model, source=_tiny(model.source, folder))
        for model in read_catalogue().models
        if isinstance(model.source, Diffusers)
    }


def one_tiny(model: Model, folder: Path) -> Model:
    """An entry with a tiny folder as its weights."""
    assert isinstance(model.source, Diffusers)
    return replace(model, source=_tiny(model.source, folder))


def _tiny(source: Diffusers, folder: Path) -> Diffusers:
    def stand_in(weights: Weights) -> Weights:
        return replace(weights, folder=folder / STAND_INS[weights.repository])

    return replace(
        source,
        weights=stand_in(source.weights),
        lora=source.lora and stand_in(source.lora),
        stages=tuple(replace(stage, weights=stand_in(stage.weights)) for stage in source.stages),
    )


def clip_tokenizer(length: int = 77) -> Any:
    """CLIP's byte alphabet without a single merge: 514 tokens."""
    from transformers import CLIPTokenizer

    letters = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(code) for code in (*letters, *range(256, 512 - len(letters)))]
    vocabulary = [*alphabet, *(letter + "</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(vocabulary)}, merges=[], model_max_length=length)


def clip_encoder(size: int, *, projects: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        projection_dim=32,
        max_position_embeddings=77,
        bos_token_id=size - 2,
        eos_token_id=size - 1,  # where the sentence is pooled
        pad_token_id=size - 1,
    )
    return (CLIPTextModelWithProjection if projects else CLIPTextModel)(config).eval()


def t5() -> tuple[Any, Any]:
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    tokens = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -10.0), ("\u2581", -2.0)]
    tokens += [(letter, -5.0) for letter in string.printable if letter.strip()]
    tokenizer = T5Tokenizer(vocab=tokens, extra_ids=0, model_max_length=120)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
    )
    return tokenizer, T5EncoderModel(config).eval()


def vae(diffusers: Any, *, levels: int = 4, scaling: float = 0.18215) -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=[8, 8, 16, 16][:levels],
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * levels,
        up_block_types=["UpDecoderBlock2D"] * levels,
        scaling_factor=scaling,
    ).eval()


def stable_diffusion(diffusers: Any) -> Any:
    return _stable_diffusion(
        diffusers.StableDiffusionPipeline,
        diffusers,
        diffusers.PNDMScheduler(**BETAS, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1),
    )


def latent_consistency(diffusers: Any) -> Any:
    """The full model, whose U-Net is told the guidance scale; not the LoRA."""
    return _stable_diffusion(
        diffusers.LatentConsistencyModelPipeline, diffusers, diffusers.LCMScheduler(**BETAS), time_cond_proj_dim=32
    )


def _stable_diffusion(kind: Any, diffusers: Any, scheduler: Any, **more: Any) -> Any:
    tokenizer = clip_tokenizer()
    unet = diffusers.UNet2DConditionModel(
        sample_size=64,
        layers_per_block=1,
        block_out_channels=(8, 16, 16, 16),
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=32,
        attention_head_dim=4,
        **more,
    ).eval()
    return kind(
        vae=vae(diffusers),
        text_encoder=clip_encoder(len(tokenizer)),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def sdxl(diffusers: Any, scheduler: Any) -> Any:
    tokenizer = clip_tokenizer()
    second = copy.deepcopy(tokenizer)
    second.pad_token = "!"
    unet = diffusers.UNet2DConditionModel(
        sample_size=128,
        layers_per_block=1,
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=64,  # both encoders
        attention_head_dim=(2, 4, 4),
        transformer_layers_per_block=(1, 1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 32,
    ).eval()
    return diffusers.StableDiffusionXLPipeline(
        vae=vae(diffusers, scaling=0.13025),
        text_encoder=clip_encoder(len(tokenizer)),
        text_encoder_2=clip_encoder(len(second), projects=True),
        tokenizer=tokenizer,
        tokenizer_2=second,
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
    )


def save_lora(pipe: Any, folder: Path) -> None:
    """A LoRA of rank 4 with random weights, under the name that the hub's have."""
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft import LoraConfig, get_peft_model_state_dict

    targets = ["to_k", "to_q", "to_v", "to_out.0"]
    pipe.unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=targets))
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(pipe.unet))
    type(pipe).save_lora_weights(folder, unet_lora_layers=layers)


def pixart(diffusers: Any, scheduler: Any) -> Any:
    tokenizer, encoder = t5()
    transformer = diffusers.PixArtTransformer2DModel(
        sample_size=32,  # draws at the sizes of the 256-pixel model
        num_layers=2,
        patch_size=2,
        attention_head_dim=12,
        num_attention_heads=4,
        caption_channels=32,
        in_channels=4,
        cross_attention_dim=48,
        out_channels=8,
        attention_bias=True,
        activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000,
        norm_type="ada_norm_single",
        norm_elementwise_affine=False,
        norm_eps=1e-6,
        use_additional_conditions=False,
    ).eval()
    return diffusers.PixArtAlphaPipeline(
        tokenizer=tokenizer, text_encoder=encoder, vae=vae(diffusers), transformer=transformer, scheduler=scheduler
    )


def _deepfloyd_unet(diffusers: Any, **more: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        layers_per_block=1,
        block_out_channels=(8, 16),
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        out_channels=6,
        cross_attention_dim=32,
        encoder_hid_dim=32,
        attention_head_dim=8,
        addition_embed_type="text",
        addition_embed_type_num_heads=2,
        cross_attention_norm="group_norm",
        resnet_time_scale_shift="scale_shift",
        act_fn="gelu",
        norm_num_groups=4,
        **more,
    ).eval()


def deepfloyd_base(diffusers: Any) -> Any:
    tokenizer, encoder = t5()
    scheduler = diffusers.DDPMScheduler(
        **COSINE,
        thresholding=True,
        dynamic_thresholding_ratio=0.95,
        sample_max_value=1.5,
        variance_type="learned_range",
    )
    return diffusers.IFPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        unet=_deepfloyd_unet(diffusers, sample_size=64, in_channels=3),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def deepfloyd_upscaler(diffusers: Any) -> Any:
    unet = _deepfloyd_unet(
        diffusers,
        sample_size=256,
        in_channels=6,
        class_embed_type="timestep",
        mid_block_scale_factor=1.414,
        time_embedding_act_fn="gelu",
        time_embedding_dim=32,
    )
    return diffusers.IFSuperResolutionPipeline(
        tokenizer=None,
        text_encoder=None,
        unet=unet,
        scheduler=diffusers.DDPMScheduler(**COSINE, thresholding=True, variance_type="learned_range"),
        image_noising_scheduler=diffusers.DDPMScheduler(**COSINE),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def upscaler(diffusers: Any) -> Any:
    tokenizer = clip_tokenizer()
    unet = diffusers.UNet2DConditionModel(
        sample_size=128,
        in_channels=7,  # latents and the small picture
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        num_class_embeds=1000,  # the level of noise
        use_linear_projection=True,
    ).eval()
    return diffusers.StableDiffusionUpscalePipeline(
        vae=vae(diffusers, levels=3, scaling=0.08333),
        text_encoder=clip_encoder(len(tokenizer)),
        tokenizer=tokenizer,
        unet=unet,
        low_res_scheduler=diffusers.DDPMScheduler(**BETAS),
        scheduler=diffusers.DDIMScheduler(**BETAS, set_alpha_to_one=False, steps_offset=1),
        max_noise_level=350,
    )
