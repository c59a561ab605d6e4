"""How well `instruct-pix2pix` learns edits of photos, on photos it never saw, beside doing nothing.

A tiny pipeline (8 input channels, a VAE that loses nothing, a UNet that gives back its input and is
random otherwise) is trained on parametric edits of some photos: brighter, darker, sepia, mirrored;
with `--all` also contrast, black and white, warmer and inverted, which takes longer to learn than
anybody waits for here. It is judged by the product's editor and judge on windows into other photos;
`copy-the-input` is the unchanged original judged alike. What it shows is that recipe, editor and
judge do what they should from end to end; it says nothing of models that people would use.

    python benchmarks/image_models.py [--photos FOLDER] [--size 24] [--steps 600] [--seed 1]
        [--output FOLDER] [--adapter lora] [--all]

Photos are those that scikit-image brings (CC0 or public domain); `FOLDER` may hold others of the
same names. With `--output` the model and a sheet of its edits stay there. Ends with 1 when the mean
PSNR or the mean SSIM is not above that of the unchanged input.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from truing.domain.recipe import Example, TrainingInput
from truing.modalities.image_edit.editor import open_editor
from truing.modalities.image_edit.judging import COPY, Judge
from truing.modalities.image_edit.recipes.instruct_pix2pix import InstructPix2PixRecipe
from truing.modalities.image_edit.recipes.options import InstructPix2PixOptions
from truing.testing.photo_edits import edited_pairs, edits
from truing.testing.tiny_editor import tiny_editor

TRAIN = (
    *("astronaut.png", "hubble_deep_field.jpg", "retina.jpg", "ihc.png"),
    *("brick.png", "camera.png", "grass.png", "gravel.png"),
)
VALIDATION = ("coins.png", "moon.png")
TEST = ("chelsea.png", "coffee.png", "rocket.jpg")
WINDOWS = {"train": 32, "validation": 2, "test": 6}
EDITS = (
    "make the picture brighter",
    "make it darker, like late evening",
    "give it an old sepia look",
    "mirror the picture",
)
MEASURES = ("psnr", "ssim")


class Told:
    """A run context that keeps the validation losses."""

    def __init__(self) -> None:
        self.losses: list[tuple[int, float]] = []

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        if "validation_loss" in metrics:
            self.losses.append((step, round(metrics["validation_loss"], 4)))
            print(f"    step {step}: {self.losses[-1][1]}", file=sys.stderr)

    def progress(self, done: int, total: int) -> None: ...
    def log(self, message: str) -> None:
        print(f"    {message}", file=sys.stderr)

    def should_stop(self) -> bool:
        return False

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None: ...
    def latest_checkpoint(self) -> tuple[int, Path] | None:
        return None


def pairs(
    folder: Path,
    photos: Path,
    names: Sequence[str],
    count: int,
    *,
    size: int,
    instructions: Sequence[str],
) -> list[Example]:
    from PIL import Image

    opened = {name.partition(".")[0]: Image.open(photos / name).convert("RGB") for name in names}
    # Half of the photos to learn from are grey: their windows get colours. Those of the test stay.
    return edited_pairs(
        folder, opened, count, size=size, instructions=instructions, recoloured=names != TEST
    )


def trained(
    asked: argparse.Namespace, rows: Mapping[str, list[Example]], folder: Path
) -> tuple[Path, dict[str, Any]]:
    base = tiny_editor(
        folder / "base",
        list(edits()),
        widths=(16, 32),
        size=asked.size,
        prediction="sample",
        copies=True,
    )
    output = folder / "model"
    output.mkdir()
    told, started = Told(), time.process_time()
    result = InstructPix2PixRecipe().train(
        TrainingInput(
            base=str(base),
            train=rows["train"],
            validation=rows["validation"],
            replay=(),
            options=InstructPix2PixOptions(
                size=asked.size,
                batch_size=8,
                accumulation=1,
                max_steps=asked.steps,
                learning_rate=4e-3 if asked.adapter == "none" else 1e-2,
                schedule="cosine",
                ema=0.99,
                # Guidance is off: nothing has to be learnt without text or original.
                dropout_text=0.0,
                dropout_image=0.0,
                dropout_both=0.0,
                adapter=asked.adapter,
                views=1,
                crop=0.0,
                pictures=0,
                validation_rows=0,
                steps=4,
                text_guidance=1.0,
                image_guidance=1.0,
                threads=1,
            ),
            seed=asked.seed,
            output=output,
        ),
        told,
    )
    return output, {
        "cpu_seconds": round(time.process_time() - started, 1),
        "steps": result.steps,
        "validation_loss": told.losses,
    }


def judged(model: Path, rows: Sequence[Example]) -> list[dict[str, Any]]:
    """Each row with the figures of the model's picture and of the unchanged one."""
    editor, judge = open_editor(str(model), {}), Judge()
    found = []
    for row in rows:
        original = row.media["original"]
        made = editor.edit(original, row.truth).picture
        found.append(
            {
                "photo": row.subject,
                "edit": row.truth,
                "picture": made,
                "model": _figures(judge, row, made),
                COPY: _figures(judge, row, original.path.read_bytes()),
            }
        )
    editor.close()
    return found


def _figures(judge: Judge, row: Example, picture: bytes) -> dict[str, float]:
    scored = judge.score(row, picture)
    return {name: scored[name].numerator / scored[name].denominator for name in MEASURES}


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        who: {name: round(statistics.fmean(row[who][name] for row in rows), 3) for name in MEASURES}
        for who in ("model", COPY)
    }


def by(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    return {
        value: means([row for row in rows if row[key] == value])
        for value in sorted({row[key] for row in rows})
    }


def sheet(file: Path, rows: Sequence[Example], found: Sequence[Mapping[str, Any]]) -> None:
    """Original, model's picture and target of every edit of one window, side by side."""
    from io import BytesIO

    from PIL import Image

    side = 96
    lines = len({row.truth for row in rows})
    canvas = Image.new("RGB", (3 * side * 3, side * lines), "white")
    for place, row in enumerate(rows[: 3 * lines]):
        column, line = divmod(place, lines)
        three = (
            Image.open(row.media["original"].path),
            Image.open(BytesIO(found[place]["picture"])),
            Image.open(row.media["edited"].path),
        )
        for number, one in enumerate(three):
            large = one.convert("RGB").resize((side - 4, side - 4), Image.Resampling.NEAREST)
            canvas.paste(large, ((column * 3 + number) * side, line * side))
    canvas.save(file)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--adapter", default="none")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    import skimage

    photos = asked.photos or Path(skimage.__file__).parent / "data"
    output = asked.output or Path(tempfile.mkdtemp())
    output.mkdir(parents=True, exist_ok=True)
    rows = {
        name: pairs(
            output / name,
            photos,
            chosen,
            WINDOWS[name],
            size=asked.size,
            instructions=tuple(edits()) if asked.all else EDITS,
        )
        for name, chosen in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST))
    }
    model, told = trained(asked, rows, output)
    found = judged(model, rows["test"])
    sheet(output / "sheet.png", rows["test"], found)
    whole = means(found)
    print(
        json.dumps(
            {
                "asked": {"size": asked.size, "seed": asked.seed, "adapter": asked.adapter},
                "rows": {name: len(one) for name, one in rows.items()},
                **told,
                "held_out": whole,
                "by_edit": by(found, "edit"),
                "by_photo": by(found, "photo"),
            },
            indent=2,
        )
    )
    better = all(whole["model"][name] > whole[COPY][name] for name in MEASURES)
    return 0 if better else 1


if __name__ == "__main__":
    sys.exit(main())
