"""The 27 real-shaped sessions, and pictures made of theirs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from truing.domain.finding import CheckReport
from truing.domain.media import IngestedMedia, Media
from truing.domain.modality import CheckInput
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.domain.settings import resolve
from truing.modalities.image_edit.modality import ImageEdit

DATA = Path(__file__).parents[2] / "data" / "clients" / "nexvision"


@dataclass(frozen=True)
class Session:
    """One row of EXPECTED.csv with its files."""

    name: str
    expected: str
    photo: str
    instruction: str
    original: Path
    edited: Path


@pytest.fixture(scope="session")
def sessions() -> list[Session]:
    found = []
    with (DATA / "EXPECTED.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            folder = DATA / "training-data" / row["sessionId"]
            found.append(
                Session(
                    name=row["sessionId"],
                    expected=row["expected"],
                    photo=row["source_photo"],
                    instruction=row["instruction"],
                    original=next(folder.glob("original-*")),
                    edited=next(folder.glob("reimagined-*")),
                )
            )
    return found


@pytest.fixture(scope="session")
def coffee(sessions: list[Session]) -> Image.Image:
    """A photo of 512 x 341, RGB."""
    return opened(next(one.original for one in sessions if one.photo == "coffee.png"))


@pytest.fixture(scope="session")
def rocket(sessions: list[Session]) -> Image.Image:
    """A photo of 512 x 342, RGB."""
    return opened(next(one.original for one in sessions if one.photo == "rocket.jpg"))


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def coded(image: Image.Image, form: str, **options: Any) -> bytes:
    kept = BytesIO()
    image.save(kept, format=form, **options)
    return kept.getvalue()


def as_media(kept: Mapping[str, IngestedMedia]) -> list[Media]:
    return [
        Media(
            role=role,
            digest="sha256:x",
            size=len(one.data),
            media_type=one.media_type,
            facts=one.facts,
        )
        for role, one in kept.items()
    ]


Checked = Callable[..., CheckReport]


@pytest.fixture
def checked() -> Checked:
    """Checks a pair: `checked(original, edited, said="…", truth="…", setting="value")`."""
    modality = ImageEdit()

    def check(
        original: object,
        edited: object,
        *,
        said: str | None = "x",
        truth: str | None = None,
        **flags: str,
    ) -> CheckReport:
        sources = {"original": original, "edited": edited}
        kept = {
            role: modality.ingest(role, source)
            for role, source in sources.items()
            if source is not None
        }
        flags = {"find_faces": "false", **flags}
        named = {f"image_edit.{key}": value for key, value in flags.items()}
        settings = resolve(
            modality.settings, flags=named, environ={}, file_values={}, file_origin=""
        )
        predictions = [] if said is None else [prediction(said)]
        given = CheckInput(
            media=as_media(kept),
            data={role: one.data for role, one in kept.items()},
            predictions=predictions,
            truth=truth,
            damage={role: one.damage for role, one in kept.items() if one.damage},
        )
        return modality.check(given, settings)

    return check


def prediction(text: str) -> Prediction:
    return Prediction(
        kind=PredictionKind.RECOGNIZER, recognition=Recognition(text=text), created_at=0
    )


def names(report: CheckReport) -> list[str]:
    return [found.check for found in report.findings]
