"""What the UNet is shown: noise, dropout for guidance, and validation without chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from truing.domain.errors import SettingError
from truing.modalities.image_edit.pipeline import load_parts
from truing.modalities.image_edit.recipes.diffusion import TIMES, Diffusion
from truing.modalities.image_edit.recipes.latents import Batch
from truing.modalities.image_edit.recipes.unet import widen

pytest.importorskip("diffusers")
ROWS = 4000


@pytest.fixture(scope="module")
def scheduler() -> Any:
    from truing.modalities.image_edit.pipeline import quietly

    with quietly():
        from diffusers import DDIMScheduler

        return DDIMScheduler(prediction_type="v_prediction")


def batch(rows: int = ROWS) -> Batch:
    import torch

    return Batch(
        given=torch.full((rows, 4, 2, 2), 3.0),
        wanted=torch.full((rows, 4, 2, 2), 0.5),
        text=torch.full((rows, 3, 2), 7.0),
    )


def diffusion(scheduler: Any, *shares: float) -> Diffusion:
    import torch

    return Diffusion(scheduler, torch.full((3, 2), -1.0), shares or (0.05, 0.05, 0.05), 1)  # type: ignore[arg-type]


def test_a_share_is_seen_without_text_without_original_and_without_either(scheduler: Any) -> None:
    noised = diffusion(scheduler).training(batch(), 5)
    no_text = (noised.text == -1).flatten(1).all(1)
    no_image = (noised.seen[:, 4:] == 0).flatten(1).all(1)
    assert ((noised.text == 7).flatten(1).all(1) | no_text).all()
    counts = {
        "text": int((no_text & ~no_image).sum()),
        "image": int((no_image & ~no_text).sum()),
        "both": int((no_text & no_image).sum()),
    }
    for name, count in counts.items():
        assert 0.035 < count / ROWS < 0.065, name


def test_nothing_is_left_out_when_nothing_is_asked(scheduler: Any) -> None:
    noised = diffusion(scheduler, 0.0, 0.0, 0.0).training(batch(200), 0)
    assert (noised.seen[:, 4:] == 3).all()
    assert (noised.text == 7).all()


def test_a_pass_depends_on_its_number_alone(scheduler: Any) -> None:
    import torch

    one, again, other = (diffusion(scheduler).training(batch(8), n) for n in (4, 4, 5))
    assert torch.equal(one.seen, again.seen)
    assert torch.equal(one.times, again.times)
    assert not torch.equal(one.seen, other.seen)


def test_the_target_is_the_velocity_that_the_scheduler_knows(scheduler: Any) -> None:
    import torch

    noised = diffusion(scheduler).training(batch(16), 1)
    share = scheduler.alphas_cumprod[noised.times].view(-1, 1, 1, 1)
    noise = (noised.seen[:, :4] - share.sqrt() * 0.5) / (1 - share).sqrt()
    velocity = scheduler.get_velocity(torch.full((16, 4, 2, 2), 0.5), noise, noised.times)
    assert torch.allclose(noised.target, velocity, atol=1e-3)


def test_validation_is_the_same_however_rows_are_batched(scheduler: Any) -> None:
    import torch

    made = diffusion(scheduler)
    both = made.validation(batch(2), [6, 7])
    apart = [made.validation(batch(1), [place]) for place in (6, 7)]
    assert len(both.times) == 2 * TIMES
    assert torch.equal(both.seen, torch.cat([one.seen for one in apart]))
    assert sorted(set(both.times.tolist())) == [125, 375, 625, 875]


def test_pieces_are_the_whole(scheduler: Any) -> None:
    import torch

    noised = diffusion(scheduler).training(batch(5), 1)
    cut = noised.pieces(3)
    assert [len(one.times) for one in cut] == [2, 2, 1]
    assert torch.equal(torch.cat([one.seen for one in cut]), noised.seen)


def test_a_scheduler_that_asks_for_something_else_is_refused(scheduler: Any) -> None:
    other = type(scheduler)(prediction_type="v_prediction")
    other.register_to_config(prediction_type="flow")
    with pytest.raises(SettingError, match="`flow`"):
        diffusion(other)


def test_a_widened_unet_does_what_it_did_before(narrow: Path, base: Path) -> None:
    import torch

    unet = load_parts(narrow).unet
    seen, text = torch.randn(2, 4, 16, 16), torch.randn(2, 5, 32)
    times = torch.tensor([10, 700])
    with torch.no_grad():
        before = unet(seen, times, text).sample
        assert widen(unet, 4)
        assert unet.config.in_channels == 8
        after = unet(torch.cat([seen, torch.randn(2, 4, 16, 16)], 1), times, text).sample
    assert torch.allclose(before, after, atol=1e-5)
    assert not widen(load_parts(base).unet, 4)
