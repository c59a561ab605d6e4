"""Validate: whether the rows are fit to train on, and what to know about them before.

A fault makes the rows unfit: an image that is missing, damaged or of another size, a text that is
no sentence of the grammar or not that of the file's name, a clip that is in twice. A warning is for
the reader to judge: sentences that are nearly in both training and test, parts of an odd size,
clips that are in no part.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from truing.domain.digest import digest_bytes
from truing.domain.errors import DamagedError, InvalidInputError, NothingToDoError
from truing.domain.grammar import GRID, sentence_of
from truing.modalities.lipreading.grid.corpus import PARTS, Corpus
from truing.modalities.lipreading.grid.messages import Row, parse_row
from truing.modalities.lipreading.grid.split import SHARES
from truing.modalities.lipreading.mosaic import HEIGHT, WIDTH, size_of

SENTENCES = 1000
"""Of each speaker in the whole corpus."""
TOLERANCE = 0.05
"""By which a part's share may differ from the one it should have."""
ENOUGH = 50
"""Rows from which shares can be expected to come out."""

_Seen = dict[str, tuple[str, Path]]
"""Digest of a picture -> the row it is in first, and its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to repair, or to know."""

    what: str
    """A file, with its line; or a part."""
    why: str
    fault: bool = True

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"what": self.what, "why": self.why, "fault": self.fault}


@dataclass(slots=True, kw_only=True)
class Report:
    """What `validate` found."""

    counts: dict[str, int] = field(default_factory=dict)
    """Rows of each part."""
    speakers: dict[str, int] = field(default_factory=dict)
    """Rows of each speaker, of 1000 sentences in the whole corpus."""
    problems: list[Problem] = field(default_factory=list)

    @property
    def faults(self) -> list[Problem]:
        """What makes the rows unfit."""
        return [one for one in self.problems if one.fault]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "ok": not self.faults,
            "counts": self.counts,
            "speakers": self.speakers,
            "problems": [one.as_dict() for one in self.problems],
        }


def validate(
    folder: Path,
    *,
    images: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Checks the rows in a folder, LipAgent's own as well as ours.

    Args:
        folder: with `grid_dataset_train.jsonl` and the others.
        images: read every picture, too.
        on_progress: told how many of how many rows are checked.

    Raises:
        NothingToDoError: there are none.
        MissingDependencyError: OpenCV is not installed.
    """
    corpus = Corpus(folder)
    if not any(corpus.rows(part).is_file() for part in PARTS):
        raise NothingToDoError(
            f"there are no rows in `{folder}`", hint="write them: truing grid format"
        )
    report = Report()
    rows = {part: _read(corpus.rows(part), report) for part in PARTS}
    report.counts = {part: len(rows[part]) for part in PARTS}
    everything = [(part, row) for part in PARTS for row in rows[part]]
    seen: _Seen = {}
    for place, (part, row) in enumerate(everything, 1):
        _check_text(part, row, report)
        if images:
            _check_image(part, row, seen, report)
        if on_progress is not None:
            on_progress(place, len(everything))
    speakers = Counter(row.image.parent.name for _, row in everything)
    report.speakers = dict(sorted(speakers.items()))
    _check_twice(everything, report)
    _check_sizes(corpus, report)
    _check_leaks(rows, _manifest(corpus), report)
    _check_left_out(corpus, everything, report)
    return report


def _read(path: Path, report: Report) -> list[Row]:
    part = path.stem.rpartition("_")[2]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "is not text"
        report.problems.append(Problem(what=path.name, why=why))
        return []
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows += [parse_row(path, number, line)] if line.strip() else []
        except DamagedError as error:
            report.problems.append(Problem(what=_line(part, number), why=error.message))
    if not rows:
        report.problems.append(Problem(what=path.name, why="has no rows", fault=part == "train"))
    return rows


def _line(part: str, number: int) -> str:
    return f"{part}:{number}"


def _check_text(part: str, row: Row, report: Report) -> None:
    why = None
    if not row.text.strip():
        why = f"the text of {row.image.stem} is empty"
    elif GRID.split(row.text) is None or row.text != row.text.lower():
        why = f"`{row.text}` is no sentence of the grammar"
    else:
        try:
            spelt = sentence_of(row.image.stem)
        except InvalidInputError:
            return
        if spelt != row.text:
            why = f"the text is `{row.text}`, but {row.image.name} spells `{spelt}`"
    if why is not None:
        report.problems.append(Problem(what=_line(part, row.number), why=why))


def _check_image(part: str, row: Row, seen: _Seen, report: Report) -> None:
    here = _line(part, row.number)
    try:
        data = row.image.read_bytes()
    except OSError as error:
        missing = "is missing" if isinstance(error, FileNotFoundError) else error.strerror
        report.problems.append(Problem(what=here, why=f"image {row.written}: {missing}"))
        return
    size = size_of(data)
    if size is None:
        why = f"image {row.written} is damaged or no picture ({len(data)} bytes)"
        report.problems.append(Problem(what=here, why=why))
    elif size != (WIDTH, HEIGHT):
        why = f"image {row.written} has {size[0]} x {size[1]} pixels, not {WIDTH} x {HEIGHT}"
        report.problems.append(Problem(what=here, why=why))
    first, other = seen.setdefault(digest_bytes(data), (here, row.image))
    if other != row.image:
        why = f"image {row.written} is the same picture as that of {first}"
        report.problems.append(Problem(what=here, why=why))


def _check_twice(everything: Sequence[tuple[str, Row]], report: Report) -> None:
    first: dict[Path, str] = {}
    for part, row in everything:
        here = _line(part, row.number)
        other = first.setdefault(row.image, here)
        if other != here:
            why = f"{row.written} is in {other}, too"
            report.problems.append(Problem(what=here, why=why))


def _check_sizes(corpus: Corpus, report: Report) -> None:
    manifest = _manifest(corpus)
    counts = manifest.get("counts")
    written: Mapping[str, object] = counts if isinstance(counts, dict) else {}
    total = sum(report.counts.values())
    for part, count in report.counts.items():
        if written.get(part, count) != count:
            why = f"has {count} rows, but {written[part]} were written"
            report.problems.append(Problem(what=part, why=why))
        share = count / max(total, 1)
        odd = abs(share - SHARES[part]) > TOLERANCE and total >= ENOUGH
        if odd and manifest.get("split") != "unseen-speaker":
            why = f"has {share:.0%} of the rows ({count} of {total}), not {SHARES[part]:.0%}"
            report.problems.append(Problem(what=part, why=why, fault=False))


def _manifest(corpus: Corpus) -> Mapping[str, Any]:
    try:
        read = json.loads(corpus.manifest.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}  # LipAgent writes none
    return read if isinstance(read, dict) else {}


def _check_leaks(
    rows: Mapping[str, Sequence[Row]], manifest: Mapping[str, Any], report: Report
) -> None:
    known = {(row.image.parent.name, row.image.stem[:4]) for row in rows["train"]}
    for part in ("val", "test"):
        near = [row for row in rows[part] if (row.image.parent.name, row.image.stem[:4]) in known]
        if near:
            why = (
                f"{len(near)} of {len(rows[part])} clips have four of their six words in common "
                f"with a training clip of the same speaker ({near[0].image.stem}, …)"
            )
            report.problems.append(Problem(what=part, why=why, fault=False))
    if manifest.get("split") == "unseen-speaker":
        trained = {row.image.parent.name for row in rows["train"]}
        both = trained & {row.image.parent.name for row in rows["test"]}
        if both:
            why = f"speakers are in training, too: {', '.join(sorted(both))}"
            report.problems.append(Problem(what="test", why=why))


def _check_left_out(corpus: Corpus, everything: Sequence[tuple[str, Row]], report: Report) -> None:
    known = {row.image.absolute() for _, row in everything}
    folder = (corpus.root / "mosaics").absolute()
    lone = [path for path in sorted(folder.glob("*/*.jpg")) if path not in known]
    if lone:
        why = f"{len(lone)} are in no part ({lone[0].relative_to(folder).as_posix()}, …)"
        report.problems.append(Problem(what="mosaics", why=why, fault=False))
