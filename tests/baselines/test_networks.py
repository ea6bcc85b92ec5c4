"""Our own networks: random weights in the published formats, loaded and run by the code that runs the real ones."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402 (torch may be absent)

from scoring.baselines.clip import ClipCosine  # noqa: E402
from scoring.baselines.clip_tower import crop_centre, load_clip, pad_to_square  # noqa: E402
from scoring.baselines.clipiqa import ClipIqa, ClipIqaNetwork  # noqa: E402
from scoring.baselines.cnniqa import Cnniqa, CnniqaNetwork  # noqa: E402
from scoring.baselines.dbcnn import Dbcnn, DbcnnNetwork  # noqa: E402
from scoring.baselines.imagereward import ImageReward, ImageRewardNetwork, renamed  # noqa: E402
from scoring.baselines.metric import MetricUnavailable  # noqa: E402
from scoring.baselines.pickscore import PickScore  # noqa: E402
from tests.baselines.torch_fixtures import add_clip_models, own_caches, randomise, setting  # noqa: E402, F401

PROMPTS = ["an astronaut", "a cup of coffee " * 60]
SMALL_REWARD = {
    "vision": {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    | {"image_size": 64},
    "text": {"vocab_size": 40, "hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2}
    | {"num_attention_heads": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    add_clip_models(folder)
    return folder


@pytest.fixture(scope="module")
def metrics(folder):
    """{name: metric}, each with random weights that went through a file."""
    import open_clip
    from transformers import CLIPConfig, CLIPModel

    torch.save({"params": randomise(CnniqaNetwork()).state_dict()}, folder / "cnniqa.pth")
    torch.save({"params": randomise(DbcnnNetwork(1 / 16), scale=1.4).state_dict()}, folder / "dbcnn.pth")
    resnet = randomise(open_clip.create_model("tiny-resnet", pretrained=None), scale=2)
    torch.save(resnet.state_dict(), folder / "RN50.pt")
    vit = randomise(open_clip.create_model("tiny-vit", pretrained=None))
    torch.save({"state_dict": vit.state_dict()}, folder / "hps.pt")
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPConfig(
        text_config=small | {"vocab_size": 49408, "eos_token_id": 49407, "bos_token_id": 49406, "pad_token_id": 1},
        vision_config=small | {"image_size": 224, "patch_size": 32},
        projection_dim=32,
    )
    (folder / "pick").mkdir()
    randomise(CLIPModel(config)).save_pretrained(folder / "pick")
    save_file(published_reward(randomise(ImageRewardNetwork(**SMALL_REWARD))), folder / "reward.safetensors")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "an", "a", "cup", "of", "coffee", "astro", "##naut"]
    (folder / "vocab.txt").write_text("\n".join(words))
    files = {"reward": (folder / "reward.safetensors", folder / "vocab.txt")}
    return {
        "cnniqa": Cnniqa(setting(folder, folder / "cnniqa.pth")),
        "dbcnn": Dbcnn(setting(folder, folder / "dbcnn.pth", width=1 / 16)),
        "clipiqa": ClipIqa(setting(folder, folder / "RN50.pt", model="tiny-resnet")),
        "clip": ClipCosine(setting(folder, folder / "hps.pt", model="tiny-vit")),
        "hps": ClipCosine(setting(folder, folder / "hps.pt", model="tiny-vit", fit="pad")),
        "picscore": PickScore(setting(folder, folder / "pick")),
        "imagereward": ImageReward(setting(folder, *files["reward"], settings=SMALL_REWARD)),
    }


def published_reward(network):
    """The tensors of an ImageRewardNetwork by the names of ImageReward.pt: the inverse of `renamed`, written out."""
    names = {
        "embeddings.class_embedding": "cls_token",
        "embeddings.position_embedding": "pos_embed",
        "embeddings.patch_embedding": "patch_embed.proj",
        "post_layernorm": "norm",
        "layer_norm": "norm",
        "encoder.layers": "blocks",
        "self_attn.qkv": "attn.qkv",
        "self_attn.projection": "attn.proj",
    }
    out = {"blip.text_encoder.embeddings.position_ids": torch.arange(512)[None]}
    for key, value in network.state_dict().items():
        tower, _, name = key.partition(".")
        if tower == "vision":
            for ours, theirs in names.items():
                name = name.replace(ours, theirs)
            out[f"blip.visual_encoder.{name}"] = value
        else:
            out[f"blip.text_encoder.{name}" if tower == "text" else key] = value
    return {name: value.contiguous() for name, value in out.items()}


def score(metric, images, prompts=PROMPTS):
    return metric.score([metric.prepare(image, text) for image, text in zip(images, prompts, strict=False)])


@pytest.fixture
def pair(pictures):
    """Two real images of 512 x 288."""
    return [pictures["astronaut"][:288, :512], pictures["astronaut"][200:488, :512]]


NAMES = ["cnniqa", "dbcnn", "clipiqa", "clip", "hps", "picscore", "imagereward"]


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_what_single_images_give(name, metrics, pair):
    both = score(metrics[name], pair)
    assert np.isfinite(both).all()
    assert abs(both[0] - both[1]) > 1e-6  # the network looks at the image
    singles = [score(metrics[name], [image], [text])[0] for image, text in zip(pair, PROMPTS, strict=True)]
    assert both == pytest.approx(singles, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", ["clip", "hps", "picscore", "imagereward"])
def test_the_prompt_counts(name, metrics, pair):
    one, other = score(metrics[name], [pair[0], pair[0]])
    assert one != other


@pytest.mark.parametrize(
    ("name", "sees_the_sides"),
    [(name, name not in ("clip", "picscore", "imagereward")) for name in NAMES],
)
def test_a_wide_image_is_seen_as_documented(name, sees_the_sides, metrics, pair):
    """Of 512 x 288, a centre crop keeps columns 112 to 400; interpolation reaches some pixels further."""
    changed = pair[0].copy()
    changed[:, :96] = 255 - changed[:, :96]
    changed[:, 416:] = 255 - changed[:, 416:]
    before, after = score(metrics[name], [pair[0], changed], [PROMPTS[0]] * 2)
    assert (abs(before - after) > 1e-6) == sees_the_sides


def test_crop_and_padding_keep_what_they_say():
    image = np.zeros((288, 512, 3), np.uint8)
    image[:, 112:400] = 200
    assert crop_centre(image).shape == (224, 224, 3)
    assert (crop_centre(image)[:, 3:-3] == 200).all()
    padded = pad_to_square(np.full((288, 512, 3), 200, np.uint8))
    assert padded.shape == (224, 224, 3)
    assert np.flatnonzero(padded[:, 0, 0]).tolist() == list(range(49, 175))  # 126 = 224 * 288 / 512 rows
    assert crop_centre(np.full((1000, 333, 3), 7, np.uint8)).shape == (224, 224, 3)


def test_clip_preprocessing_equals_that_of_its_library(pair):
    from open_clip.transform import image_transform
    from PIL import Image

    from scoring.baselines.clip_tower import clip_pixels

    theirs = image_transform(224, is_train=False)
    assert clip_pixels(crop_centre(pair[0])).numpy() == pytest.approx(theirs(Image.fromarray(pair[0])).numpy())
    longest = image_transform(224, is_train=False, resize_mode="longest", fill_color=0)
    assert clip_pixels(pad_to_square(pair[0])).numpy() == pytest.approx(longest(Image.fromarray(pair[0])).numpy())


def test_cnniqa_and_dbcnn_equal_another_implementation_with_the_same_weights(pair, own_caches):  # noqa: F811
    pytest.importorskip("pyiqa")
    from unittest import mock

    from pyiqa.archs.cnniqa_arch import CNNIQA

    images = torch.stack([torch.from_numpy(image.copy()).permute(2, 0, 1) for image in pair]).float()[..., :200] / 255
    ours, theirs = randomise(CnniqaNetwork()), CNNIQA(pretrained=None).eval()
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), atol=1e-6)
    from pyiqa.archs import dbcnn_arch

    with (
        mock.patch.object(dbcnn_arch, "load_pretrained_network"),
        mock.patch("torchvision.models._api.WeightsEnum.get_state_dict", return_value={}),
        mock.patch.object(torch.nn.Module, "load_state_dict"),
    ):
        theirs = dbcnn_arch.DBCNN(pretrained=False)
    ours = randomise(DbcnnNetwork())
    theirs.eval().load_state_dict(ours.state_dict())
    with torch.no_grad():
        assert torch.allclose(ours(images[..., :90, :77]), theirs(images[..., :90, :77]), atol=1e-6)


def test_clipiqa_equals_another_implementation_with_the_same_weights(folder, metrics, pair, own_caches):  # noqa: F811
    pytest.importorskip("pyiqa")
    from unittest import mock

    from pyiqa.archs import clip_model, clipiqa_arch

    network = metrics["clipiqa"].network
    theirs = clip_model.CLIP(
        embed_dim=32,
        image_resolution=224,
        vision_layers=(1, 1, 1, 1),
        vision_width=16,
        vision_patch_size=None,
        context_length=77,
        vocab_size=49408,
        transformer_width=32,
        transformer_heads=4,
        transformer_layers=2,
    )
    theirs.load_state_dict(network.clip.state_dict())
    with mock.patch.object(clipiqa_arch, "load", return_value=theirs.float().eval()):
        peer = clipiqa_arch.CLIPIQA(pretrained=False).eval()
    images = torch.stack([torch.from_numpy(image.copy()).permute(2, 0, 1) for image in pair]).float() / 255
    with torch.no_grad():
        assert network(images).flatten().tolist() == pytest.approx(peer(images).flatten().tolist(), abs=1e-5)


def test_learned_prompts_start_from_the_written_ones(folder, metrics):
    network = ClipIqaNetwork(load_clip("tiny-resnet", folder / "RN50.pt"), "tiny-resnet", learned=True).eval()
    with torch.no_grad():
        written = network.clip.encode_text(network.tokens, normalize=True)
        assert torch.allclose(network.texts(), written, atol=1e-5)
    assert network.context.shape == (2, 16, 32)


def test_imagereward_names_lead_to_the_same_image_encoder():
    """Renamed tensors in our encoder against the same tensors in timm's ViT, from which the published names come."""
    from timm.models.vision_transformer import VisionTransformer

    ours = randomise(ImageRewardNetwork(**SMALL_REWARD))
    state = published_reward(ours)
    prefix = "blip.visual_encoder."
    oracle = VisionTransformer(img_size=64, patch_size=16, embed_dim=32, depth=2, num_heads=4, num_classes=0)
    oracle.load_state_dict({name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)})
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        seen = ours.vision(pixel_values=pixels).last_hidden_state
        assert torch.allclose(seen, oracle.eval().forward_features(pixels), atol=1e-4)
    assert set(renamed(state)) == set(ours.state_dict())


def test_imagereward_reads_both_ways_and_ignores_padding():
    network = randomise(ImageRewardNetwork(**SMALL_REWARD))
    pixels = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    tokens, mask = torch.tensor([[2, 5, 6, 3, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    with torch.no_grad():
        reward = network(pixels, tokens, mask)
        padding, later = tokens.clone(), tokens.clone()
        padding[0, 5], later[0, 3] = 9, 9
        assert torch.allclose(network(pixels, padding, mask), reward, atol=1e-6)
        assert not torch.allclose(network(pixels, later, mask), reward, atol=1e-6)  # the first token sees the last


def test_pickscore_is_the_scaled_cosine_of_the_library(metrics, pair):
    metric = metrics["picscore"]
    pixels, tokens = metric.prepare(pair[0], PROMPTS[0])
    with torch.no_grad():
        logits = metric.network(input_ids=tokens[None], pixel_values=pixels[None]).logits_per_image
    assert score(metric, pair[:1])[0] == pytest.approx(logits.item(), rel=1e-5)


def test_weights_of_another_network_and_torn_files_are_refused(folder, metrics):
    with pytest.raises(MetricUnavailable, match=r"dbcnn\.pth: not the weights of this network"):
        Cnniqa(setting(folder, folder / "dbcnn.pth"))
    (folder / "torn.pth").write_bytes((folder / "cnniqa.pth").read_bytes()[:1000])
    with pytest.raises(MetricUnavailable, match="not a readable checkpoint"):
        Cnniqa(setting(folder, folder / "torn.pth"))


def test_code_in_a_checkpoint_is_not_run(folder, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"params": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(MetricUnavailable, match="not a readable checkpoint"):
        Cnniqa(setting(tmp_path, tmp_path / "evil.pth"))
    assert not (tmp_path / "ran").exists()


def test_openai_archives_are_read(folder, metrics, tmp_path):
    """A TorchScript archive in half precision with three numbers beside the tensors."""

    class Archive(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(2).half())
            self.register_buffer("vocab_size", torch.tensor(49408))

        def forward(self, x):
            return x * self.weight

    from scoring.baselines.torch_support import read_state

    with pytest.warns(DeprecationWarning, match="TorchScript|torch.jit"):
        torch.jit.script(Archive()).save(tmp_path / "a.pt")
    state = read_state(tmp_path / "a.pt")
    assert state["weight"].dtype == torch.float32
    assert set(state) == {"weight", "vocab_size"}


def test_a_device_that_is_not_there_is_refused():
    from scoring.baselines.torch_support import choose_device

    assert choose_device("cpu").type == "cpu"
    with pytest.raises(MetricUnavailable, match="cannot be used"):
        choose_device("cuda:99")
    with pytest.raises(MetricUnavailable, match="cannot be used"):
        choose_device("nonsense")
