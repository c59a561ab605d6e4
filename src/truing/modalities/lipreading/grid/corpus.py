"""The corpus on disk: speakers, clips, and where all of a clip is kept, in LipAgent's layout.

    raw/s1/bbaf2n.mpg              the video; bbaf2n.mp4 for a mouth that was cut out already
    alignments/s1/bbaf2n.align     its words and their times
    mosaics/s1/bbaf2n.jpg          12 mouths; bbaf2n.refused says why there are none
    frames/s1/bbaf2n/frame_000.png, mouth_rois/s1/bbaf2n/frame_000.png    on request
    grid_dataset_train.jsonl, _val, _test    grid_dataset.json says how they were split
    alignments.json, skipped.jsonl

Whatever is there is there whole, so that the files alone say what remains to be done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truing.domain.errors import InvalidInputError

SPEAKERS = tuple(f"s{number}" for number in range(1, 35))
WITHOUT_VIDEO = frozenset({"s21"})
"""Their videos were never published (Assael et al., "LipNet", 2016, section 4.1)."""
UNKNOWN = "unknown"
"""The speaker of clips whose path names none."""
VIDEOS = (".mpg", ".mp4")
"""Endings of videos; of two for one clip the first counts."""
PARTS = ("train", "val", "test")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SPEAKER = re.compile(r"(?:.*[^a-z0-9])?(s(?:[1-9]|[12]\d|3[0-4]))(?:[^a-z0-9].*)?")
"""`s1`, `grid_s1`, `s1.mpg_vcd`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One sentence of one speaker."""

    speaker: str
    name: str
    """Six letters that spell the sentence: `bbaf2n`."""
    ending: str = VIDEOS[0]

    @property
    def key(self) -> str:
        """Such as `s1/bbaf2n`."""
        return f"{self.speaker}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Why something was left out."""

    step: str
    what: str
    """A clip, `s1/bbaf2n`, or a file."""
    reason: str

    def as_dict(self) -> dict[str, str]:
        """A line of `skipped.jsonl`."""
        return {"step": self.step, "what": self.what, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step did."""

    step: str
    made: int
    """Files or rows that are new or changed; 0 when there was nothing to do."""
    present: int
    """Those that were there already."""
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    figures: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The JSON form; reasons are in `skipped.jsonl`."""
        return {
            "step": self.step,
            "made": self.made,
            "present": self.present,
            "skipped": len(self.skipped),
            "notes": list(self.notes),
            **self.figures,
        }


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder in LipAgent's layout."""

    root: Path

    def video(self, clip: Clip) -> Path:
        """Its video."""
        return self.root / "raw" / clip.speaker / f"{clip.name}{clip.ending}"

    def alignment(self, clip: Clip) -> Path:
        """Its words and their times; the file may not exist."""
        return self.root / "alignments" / clip.speaker / f"{clip.name}.align"

    def mosaic(self, clip: Clip) -> Path:
        """Its picture."""
        return self.root / "mosaics" / clip.speaker / f"{clip.name}.jpg"

    def refusal(self, clip: Clip) -> Path:
        """Why it has no picture, as JSON."""
        return self.root / "mosaics" / clip.speaker / f"{clip.name}.refused"

    def frames(self, clip: Clip) -> Path:
        """The folder of all its frames."""
        return self.root / "frames" / clip.speaker / clip.name

    def mouths(self, clip: Clip) -> Path:
        """The folder of its mouths, one for each frame with a face."""
        return self.root / "mouth_rois" / clip.speaker / clip.name

    def rows(self, part: str) -> Path:
        """The rows of a part: train, val or test."""
        return self.root / f"grid_dataset_{part}.jsonl"

    def forget_picture(self, clip: Clip) -> None:
        """Removes what was made of an earlier video of a clip, or why nothing was."""
        for path in (self.mosaic(clip), self.refusal(clip)):
            path.unlink(missing_ok=True)

    @property
    def manifest(self) -> Path:
        """How the rows were split, and how many there are."""
        return self.root / "grid_dataset.json"

    @property
    def alignments(self) -> Path:
        """All alignments in frames."""
        return self.root / "alignments.json"

    @property
    def log(self) -> Path:
        """What was skipped and why."""
        return self.root / "skipped.jsonl"

    @property
    def downloads(self) -> Path:
        """Archives on their way."""
        return self.root / "downloads"

    def speakers(self) -> list[str]:
        """Those with videos, s2 before s10."""
        raw = self.root / "raw"
        found = (one.name for one in raw.iterdir() if one.is_dir()) if raw.is_dir() else ()
        return sorted((name for name in found if NAME.fullmatch(name)), key=by_number)

    def clips(self, speakers: Sequence[str] = (), limit: int | None = None) -> list[Clip]:
        """The clips that are there, by speaker and name.

        Args:
            speakers: whose, in this order; of everybody when empty.
            limit: how many of each speaker.
        """
        return [
            clip
            for speaker in speakers or self.speakers()
            for clip in _clips_in(self.root / "raw" / speaker)[:limit]
        ]


def speaker_in(folders: Sequence[str]) -> str | None:
    """The speaker that the innermost of these folders names; None when none does."""
    for folder in reversed(folders):
        match = _SPEAKER.fullmatch(folder.lower())
        if match is not None:
            return match[1]
    return None


def by_number(speaker: str) -> tuple[int, str]:
    """A sorting key: s2 before s10, other names after."""
    digits = speaker[1:]
    return (int(digits) if speaker[:1] == "s" and digits.isdecimal() else 1 << 30, speaker)


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Speakers as they were asked for: `s1`, `s2,s3`, `s1-s5` or `all`; each once, in order.

    Raises:
        InvalidInputError: no such speaker, or something was written and nobody is meant by it.
    """
    found: dict[str, None] = {}
    words = [part.strip() for name in names for part in name.split(",")]
    for word in words:
        span = re.fullmatch(r"s(\d{1,2})-s?(\d{1,2})", word)
        if word == "all":
            found.update(dict.fromkeys(one for one in SPEAKERS if one not in WITHOUT_VIDEO))
        elif span:
            numbers = range(int(span[1]), int(span[2]) + 1)
            found.update(dict.fromkeys(_known(f"s{number}", word) for number in numbers))
        elif word:
            found[_known(word, word)] = None
    if words and not found:  # nobody would mean everybody
        raise InvalidInputError(
            f"`{' '.join(words)}` names no speaker", hint="write s1,s2 or s1-s5 or all"
        )
    return tuple(found)


def _known(speaker: str, word: str) -> str:
    numbered = re.fullmatch(r"s\d+", speaker)
    if not NAME.fullmatch(speaker) or (numbered and speaker not in SPEAKERS):
        raise InvalidInputError(
            f"there is no speaker `{word}`", hint="speakers are s1 to s34: s1,s2 or s1-s5 or all"
        )
    return speaker


def _clips_in(folder: Path) -> list[Clip]:
    if not folder.is_dir():
        return []
    endings: dict[str, str] = {}
    for file in folder.iterdir():
        if file.suffix in VIDEOS and NAME.fullmatch(file.stem):
            endings[file.stem] = min(
                file.suffix, endings.get(file.stem, file.suffix), key=VIDEOS.index
            )
    return [
        Clip(speaker=folder.name, name=name, ending=ending)
        for name, ending in sorted(endings.items())
    ]


def note_skips(corpus: Corpus, step: str, skips: Iterable[Skip]) -> None:
    """Puts what a step skipped into `skipped.jsonl`, in place of what it skipped the last time."""
    from truing.platform.files import make_folder, write_durably

    old = corpus.log.read_text("utf-8").splitlines() if corpus.log.is_file() else []
    lines = [line for line in old if _step_of(line) not in (step, None)]
    lines += sorted(json.dumps(skip.as_dict(), ensure_ascii=False) for skip in skips)
    if lines != old:
        make_folder(corpus.root)
        write_durably(corpus.log, "".join(f"{line}\n" for line in lines).encode())


def _step_of(line: str) -> str | None:
    """None for a line that is none of ours."""
    try:
        return str(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return None
