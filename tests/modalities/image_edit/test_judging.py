"""Pictures judged: by pixels, by a tiny CLIP and a tiny LPIPS, each beside the unchanged input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from truing.domain.errors import DamagedError, NotFoundError
from truing.domain.recipe import Example, MediaFile
from truing.domain.settings import Settings, resolve
from truing.modalities.image_edit import clip, lpips
from truing.modalities.image_edit.judging import SETTINGS, measures, open_judge

NAMES = ["ssim", "psnr", "colour_distance", "structure_distance"]
SIDE = 32
"""Pixels that the tiny CLIP looks at."""


def png(image: Image.Image) -> bytes:
    kept = BytesIO()
    image.save(kept, format="PNG")
    return kept.getvalue()


def row(folder: Path, original: Image.Image, target: Image.Image) -> Example:
    media = {}
    for role, image in (("original", original), ("edited", target)):
        file = folder / f"{role}.png"
        image.save(file)
        media[role] = MediaFile(path=file)
    return Example(uid="s1", media=media, truth="make it brighter")


def brighter(image: Image.Image, by: int = 40) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(image).astype(int) + by, 0, 255).astype(np.uint8))


def settings(**chosen: str) -> Settings:
    return resolve(
        SETTINGS,
        flags={},
        environ={},
        file_values={f"image_edit.{name}": value for name, value in chosen.items()},
        file_origin="here",
    )


def scored(example: Example, picture: bytes, given: Settings) -> Mapping[str, float]:
    judge = open_judge(given)
    found = judge.score(example, picture)
    judge.close()
    assert all(one.denominator == 1.0 for one in found.values())
    assert set(found) == {one.name for one in measures(given)}
    return {name: one.numerator for name, one in found.items()}


def test_without_models_only_pixels_are_looked_at_and_prove_nothing() -> None:
    found = measures(settings())
    assert [one.name for one in found] == [*NAMES, *(f"source_{name}" for name in NAMES)]
    assert not any(one.proves for one in found)
    assert {one.version for one in found} == {"pixels-1"}


def test_the_target_itself_the_input_and_something_between(
    coffee: Image.Image, tmp_path: Path
) -> None:
    example = row(tmp_path, coffee, brighter(coffee))
    told = [
        scored(example, png(picture), settings())
        for picture in (brighter(coffee), brighter(coffee, 20), coffee)
    ]
    perfect, near, copy = told
    assert perfect["ssim"] == pytest.approx(1.0)
    assert (perfect["psnr"], copy["source_psnr"]) == (60.0, 60.0)
    assert perfect["colour_distance"] == perfect["structure_distance"] == 0.0
    assert perfect["ssim"] > near["ssim"] > copy["ssim"]
    assert perfect["psnr"] > near["psnr"] > copy["psnr"]
    assert 0 < near["colour_distance"] < copy["colour_distance"]
    # To the input it is the other way round.
    assert copy["source_colour_distance"] == 0.0
    assert perfect["source_colour_distance"] == pytest.approx(copy["colour_distance"], rel=0.01)


def test_a_picture_of_another_size_and_shape_is_brought_to_the_target(
    coffee: Image.Image, tmp_path: Path
) -> None:
    example = row(tmp_path, coffee, brighter(coffee))
    square = brighter(coffee).resize((256, 256), Image.Resampling.LANCZOS)
    found = scored(example, png(square), settings())
    assert found["ssim"] > 0.85
    assert found["psnr"] > 25
    # A photo of many pixels is judged at the same size as a small one.
    large = row(tmp_path, coffee, brighter(coffee).resize((2048, 1364), Image.Resampling.LANCZOS))
    assert scored(large, png(square), settings())["ssim"] == pytest.approx(found["ssim"], abs=0.05)


def test_edges_tell_a_mirrored_picture_and_not_a_brighter_one(
    coffee: Image.Image, tmp_path: Path
) -> None:
    example = row(tmp_path, coffee, coffee)
    light = scored(example, png(brighter(coffee, 15)), settings())
    turned = scored(example, png(ImageOps.mirror(coffee)), settings())
    assert light["structure_distance"] < 0.1 < 0.5 < turned["structure_distance"]


def test_what_cannot_be_judged(coffee: Image.Image, tmp_path: Path) -> None:
    example = row(tmp_path, coffee, coffee)
    alone = Example(uid="s2", media={"original": example.media["original"]}, truth="mirror it")
    judge = open_judge(settings())
    with pytest.raises(DamagedError, match=r"`s2` has no picture `edited`"):
        judge.score(alone, png(coffee))
    with pytest.raises(DamagedError):
        judge.score(example, png(coffee)[:60])


# --- CLIP --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of some thousand weights, drawn at random."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    text = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "vocab_size": 64, "max_position_embeddings": 16}
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    vision |= {"num_attention_heads": 2, "image_size": SIDE, "patch_size": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    folder = tmp_path_factory.mktemp("clip")
    transformers.CLIPModel(config).save_pretrained(folder)
    return folder


def test_with_a_clip_the_direction_of_the_edit_decides(
    tiny_clip: Path, coffee: Image.Image, tmp_path: Path
) -> None:
    given = settings(clip_model=str(tiny_clip))
    first = measures(given)[0]
    assert (first.name, first.proves, first.higher_is_better) == ("clip_direction", True, True)
    assert first.version.startswith("clip-1-")
    example = row(tmp_path, coffee, brighter(coffee, 60))
    perfect = scored(example, png(brighter(coffee, 60)), given)
    assert perfect["clip_direction"] == pytest.approx(1.0, abs=1e-6)
    assert perfect["clip_similarity"] == pytest.approx(1.0, abs=1e-6)
    half = scored(example, png(brighter(coffee, 30)), given)
    away = scored(example, png(brighter(coffee, -60)), given)
    assert 1 > half["clip_direction"] > 0.5 > 0 > away["clip_direction"]
    # Who changes nothing goes nowhere, however near to the target it stays.
    copy = scored(example, png(coffee), given)
    assert copy["clip_direction"] == 0.0
    assert copy["clip_similarity"] > away["clip_similarity"]


def test_a_clip_sees_the_middle_as_its_note_says(
    tiny_clip: Path, coffee: Image.Image, tmp_path: Path
) -> None:
    """Against the preparation and the model called by hand."""
    import torch
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(tiny_clip, local_files_only=True).eval()
    square = coffee.crop((100, 20, 100 + SIDE, 20 + SIDE))

    def seen(image: Image.Image) -> torch.Tensor:
        pixels = (np.asarray(image) / 255 - np.array(clip.MEAN)) / np.array(clip.SPREAD)
        batch = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None]
        with torch.inference_mode():
            pooled = model.vision_model(pixel_values=batch).pooler_output
            return torch.nn.functional.normalize(model.visual_projection(pooled), dim=-1)[0]

    before, wanted, made = (seen(one) for one in (square, brighter(square), ImageOps.flip(square)))
    expected = torch.nn.functional.cosine_similarity(made - before, wanted - before, dim=0)
    found = clip.Clip(tiny_clip).judge(square, brighter(square), ImageOps.flip(square))
    assert found["clip_direction"] == pytest.approx(float(expected), abs=1e-4)
    assert found["clip_similarity"] == pytest.approx(float(made @ wanted), abs=1e-4)
    # What lies beside the middle is cut away.
    wide = ImageOps.expand(square, border=(40, 0), fill="red")
    assert clip.Clip(tiny_clip).judge(wide, brighter(square), square)[
        "clip_direction"
    ] == pytest.approx(0.0, abs=1e-6)


def test_one_clip_is_told_from_another(tiny_clip: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_bytes((tiny_clip / "config.json").read_bytes())
    weights = load_file(tiny_clip / "model.safetensors")
    weights["logit_scale"] = weights["logit_scale"] + 1
    save_file(weights, other / "model.safetensors")
    assert clip.measures(other)[0].version != clip.measures(tiny_clip)[0].version


@pytest.mark.parametrize(
    ("config", "weights", "error", "told"),
    [
        (None, True, NotFoundError, "there is no CLIP model in"),
        ({"vision_config": {}}, False, NotFoundError, "there is no CLIP model in"),
        ({"model_type": "whisper"}, True, NotFoundError, "is a `whisper`, no CLIP"),
        ("{", True, DamagedError, "cannot be read"),
    ],
)
def test_folders_that_hold_no_clip(
    config: object, weights: bool, error: type[Exception], told: str, tmp_path: Path
) -> None:
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        (tmp_path / "config.json").write_text(text)
    if weights:
        (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(error, match=told):
        measures(settings(clip_model=str(tmp_path)))
    with pytest.raises(error, match=told):
        open_judge(settings(clip_model=str(tmp_path)))


def test_damaged_weights_of_a_clip(tiny_clip: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_bytes((tiny_clip / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(DamagedError, match="cannot be loaded"):
        clip.Clip(tmp_path)


# --- LPIPS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny_lpips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """AlexNet with weights drawn at random, and heads that weigh every channel."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(5)
    shapes = {
        0: (64, 3, 11),
        3: (192, 64, 5),
        6: (384, 192, 3),
        8: (256, 384, 3),
        10: (256, 256, 3),
    }
    trunk = {}
    for place, (rows, columns, side) in shapes.items():
        spread = (2 / (columns * side * side)) ** 0.5
        trunk[f"features.{place}.weight"] = torch.randn(rows, columns, side, side) * spread
        trunk[f"features.{place}.bias"] = torch.zeros(rows)
    heads = {
        f"lin{depth}.model.1.weight": torch.rand(1, channels, 1, 1)
        for depth, channels in enumerate(lpips.CHANNELS)
    }
    folder = tmp_path_factory.mktemp("lpips")
    torch.save(trunk, folder / "alexnet-owt.pth")
    torch.save(heads, folder / "alex.pth")
    return folder


def test_lpips_stands_beside_the_others(
    tiny_lpips: Path, coffee: Image.Image, tmp_path: Path
) -> None:
    given = settings(lpips_model=str(tiny_lpips))
    assert [one.name for one in measures(given)][:5] == [*NAMES, "lpips"]
    assert measures(given)[4].proves is False
    example = row(tmp_path, coffee, coffee)
    told = [
        scored(example, png(picture), given)["lpips"]
        for picture in (coffee, brighter(coffee, 10), ImageOps.mirror(coffee))
    ]
    assert told[0] == 0.0
    assert told[0] < told[1] < told[2]


def test_lpips_as_it_is_written_down(tiny_lpips: Path, coffee: Image.Image) -> None:
    """Against AlexNet put together from PyTorch's own layers."""
    import torch
    from torch import nn

    relu, pool = nn.ReLU, nn.MaxPool2d
    net = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), relu(), pool(3, 2), nn.Conv2d(64, 192, 5, padding=2), relu()),
        *(pool(3, 2), nn.Conv2d(192, 384, 3, padding=1), relu()),
        *(nn.Conv2d(384, 256, 3, padding=1), relu(), nn.Conv2d(256, 256, 3, padding=1), relu()),
    )
    held = torch.load(tiny_lpips / "alexnet-owt.pth", weights_only=True)
    net.load_state_dict({name.removeprefix("features."): one for name, one in held.items()})
    heads = torch.load(tiny_lpips / "alex.pth", weights_only=True)
    one, other = coffee.crop((0, 0, 96, 80)), ImageOps.flip(coffee.crop((0, 0, 96, 80)))

    def features(image: Image.Image) -> list[torch.Tensor]:
        here = torch.tensor(np.asarray(image), dtype=torch.float32).permute(2, 0, 1)[None] / 127.5
        shift, scale = (torch.tensor(x).reshape(1, 3, 1, 1) for x in (lpips.SHIFT, lpips.SCALE))
        here, found = (here - 1 - shift) / scale, []
        for layer in net:
            here = layer(here)
            if isinstance(layer, nn.ReLU):
                found.append(here / here.norm(dim=1, keepdim=True).clamp_min(1e-10))
        return found

    with torch.inference_mode():
        expected = sum(
            float((heads[f"lin{depth}.model.1.weight"] * (a - b) ** 2).sum(1).mean())
            for depth, (a, b) in enumerate(zip(features(one), features(other), strict=True))
        )
    assert lpips.Lpips(tiny_lpips).judge(one, other)["lpips"] == pytest.approx(expected, rel=1e-4)


def test_lpips_of_small_pictures_and_of_safetensors(tiny_lpips: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    for name in ("alexnet-owt", "alex"):
        held = torch.load(tiny_lpips / f"{name}.pth", weights_only=True)
        save_file(held, tmp_path / f"{name}.safetensors")
    tiny = Image.new("RGB", (20, 12), "teal")
    figures = [
        lpips.Lpips(folder).judge(tiny, Image.new("RGB", (20, 12), "red"))["lpips"]
        for folder in (tiny_lpips, tmp_path)
    ]
    assert figures[0] == pytest.approx(figures[1])
    assert figures[0] > 0


def test_folders_that_hold_no_lpips(tiny_lpips: Path, tmp_path: Path) -> None:
    import torch

    with pytest.raises(NotFoundError, match="weights of LPIPS are not in"):
        measures(settings(lpips_model=str(tmp_path)))
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "alexnet.pth")
    (tmp_path / "alex.pth").write_bytes((tiny_lpips / "alex.pth").read_bytes())
    with pytest.raises(DamagedError, match=r"no `features.0.bias` of 64 rows"):
        open_judge(settings(lpips_model=str(tmp_path)))
    (tmp_path / "alexnet.pth").write_bytes(b"no weights")
    with pytest.raises(DamagedError, match="cannot be read"):
        open_judge(settings(lpips_model=str(tmp_path)))


def test_a_clip_without_some_of_its_weights(tiny_clip: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    (tmp_path / "config.json").write_bytes((tiny_clip / "config.json").read_bytes())
    weights = load_file(tiny_clip / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DamagedError, match=r"lacks `visual_projection.weight`"):
        clip.Clip(tmp_path)
