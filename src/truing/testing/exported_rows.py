"""Rows on their way out, with real sound behind them, for tests of formats."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from truing.domain.clock import from_iso
from truing.domain.dataset import Split
from truing.domain.digest import digest_bytes
from truing.domain.errors import NotFoundError
from truing.domain.format import ExportedRow
from truing.domain.media import Media
from truing.domain.review import State

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

START = from_iso("2026-01-03T10:20:30.250001")
RATE = 16_000


class MemoryMedia:
    """Media kept in memory, an `ExportMedia`.

    Args:
        folder: where `path` puts files.
        reads: how many reads go well before one fails, as when a sample is forgotten during an
            export; None for all of them.
    """

    def __init__(self, folder: Path, *, reads: int | None = None) -> None:
        self._folder = folder
        self._left = reads
        self._blobs: dict[str, bytes] = {}

    def add(self, data: bytes, media_type: str, *, role: str = "audio") -> Media:
        """Keeps the bytes and gives the medium."""
        digest = digest_bytes(data)
        self._blobs[digest] = data
        return Media(role=role, digest=digest, size=len(data), media_type=media_type)

    def add_sound(self, samples: npt.NDArray[np.int16], rate: int = RATE) -> Media:
        """Keeps int16 samples of shape (n,) or (n, channels) as FLAC."""
        import soundfile

        stream = BytesIO()
        soundfile.write(stream, samples, rate, format="FLAC", subtype="PCM_16")
        return self.add(stream.getvalue(), "audio/flac")

    def read(self, digest: str) -> bytes:
        """The bytes.

        Raises:
            NotFoundError: unknown, or the reads are used up.
        """
        if self._left is not None:
            self._left -= 1
        if digest not in self._blobs or (self._left is not None and self._left < 0):
            raise NotFoundError(f"there is no blob `{digest}`")
        return self._blobs[digest]

    def path(self, digest: str) -> Path:
        """A file with the bytes."""
        file = self._folder / digest.rpartition(":")[2]
        file.write_bytes(self.read(digest))
        return file


def noise(seed: int, samples: int = 1600) -> npt.NDArray[np.int16]:
    """int16 noise of shape (samples,), the same for the same seed."""
    import numpy as np

    return np.random.default_rng(seed).integers(-3000, 3000, samples).astype(np.int16)


class RowChanges(TypedDict, total=False):
    """What `exported_row` can be told."""

    modality: str
    media: dict[str, Media]
    truth: str | None
    raw: str | None
    corrected: str | None
    state: State
    trained: bool
    captured_at: int
    subject: str | None
    session: str | None
    source_key: str | None
    split: Split | None
    confidence: float | None
    prediction_known: bool
    context: dict[str, object]
    rating: int | None


def exported_row(number: int, **changes: Unpack[RowChanges]) -> ExportedRow:
    """A pending row with that number; its uid and time follow from it."""
    said: RowChanges = {
        "modality": "speech",
        "media": {},
        "truth": None,
        "raw": f"row {number}",
        "corrected": None,
        "state": State.PENDING,
        "trained": False,
        "captured_at": START + number * 60_000_000,
        "subject": None,
        "session": None,
        "source_key": None,
        "split": None,
        "confidence": None,
        "prediction_known": True,
        "context": {},
        "rating": None,
    }
    said.update(changes)
    uid = f"01944b6e-7c00-7000-8000-{number:012x}"
    return ExportedRow(id=number, uid=uid, source="app", **said)
