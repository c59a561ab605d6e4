"""What every foreign format must keep to: subclass `FormatConformance` in a test module.

    class TestMine(FormatConformance):
        target = "export.mine"

        def format(self):
            return Mine()

pytest runs every test of the class. A format that cannot hold everything says so by overriding
`holds` and `expected`; one that only reads or only writes is no case for this suite.
"""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Protocol

from truing.domain.errors import ConflictError, DamagedError, InvalidInputError, NotFoundError
from truing.domain.format import ExportedRow, FailedRow, ImportedRow, Reader, Writer
from truing.domain.media import Media
from truing.domain.review import State
from truing.testing.exported_rows import MemoryMedia, exported_row, noise

TEXTS = (
    "plain words",
    "",
    "Straße, naïve, Ñandú",
    "e\u0301 stays two characters",
    "日本語のテキスト",
    "שלום עולם and مرحبا",
    "\u202bright to left\u202c",
    "👩‍🚀 and 👋🏽",
    'quotes "here", commas, semicolons; tabs\tand | bars',
    "two\nlines",
    "windows\r\nlines and a bare \r",
    "line separator \u2028 and \x85",
    "=1+1",
    "+49 30",
    "-5 degrees",
    "@home",
    "'tis the season",
    "''",
    "\tindented",
    "  spaces around  ",
    "null",
    "NaN",
    "true",
    "12.50",
    "\\N \\u0041 \\",
    "\ufeffmark",
    "x" * 20_000,
)
"""Texts that careless formats change."""


class ReadableWritable(Reader, Writer, Protocol):
    """A format that goes both ways."""


class FormatConformance:
    """The suite. `format` must be overridden, `damage` should be; the rest has defaults that fit
    speech formats which keep everything.
    """

    target = "export"
    """Name of the file or folder the format writes."""
    spans = True
    """Whether a medium may be a span of its blob, in seconds."""

    def format(self) -> ReadableWritable:
        """The format under test."""
        raise NotImplementedError("override `format` and return the format under test")

    def holds(self, row: ExportedRow) -> bool:
        """Whether the format has a place for that row at all."""
        return bool(row.uid)

    def expected(self, row: ExportedRow) -> dict[str, object]:
        """The fields of `ImportedRow` that come back, by name; leave out what is lost."""
        return {
            "captured_at": row.captured_at,
            "raw": row.raw,
            "corrected": row.corrected,
            "truth": row.truth,
            "rejected": row.state is State.REJECTED,
            "trained": row.trained,
            "prediction_known": row.prediction_known,
            "confidence": row.confidence,
            "subject": row.subject,
            "session": row.session,
            "context": dict(row.context),
        }

    def damage(self, target: Path) -> None:
        """Breaks exactly one row of what was written at `target`."""
        raise NotImplementedError("override `damage` and break one row of the export")

    def medium(self, number: int, media: MemoryMedia) -> Mapping[str, Media]:
        """Media of an example row; another modality overrides this and `content`."""
        return {"audio": media.add_sound(noise(number))}

    def content(self, value: object) -> object:
        """What a medium that came back holds, to be compared with `stored_content`."""
        if isinstance(value, tuple):
            samples, rate = value
            return (rate, samples.tolist())
        return _sound(value)

    def stored_content(self, medium: Media, media: MemoryMedia) -> object:
        """What a medium held when it went out."""
        rate, samples = _sound(media.read(medium.digest))
        first = round((medium.start or 0.0) * rate)
        last = len(samples) if medium.end is None else round(medium.end * rate)
        return (rate, samples[first:last])

    def examples(self, media: MemoryMedia) -> list[ExportedRow]:
        """Rows in every state, most with sound, one with a span, one without."""
        sounds = [dict(self.medium(number, media)) for number in range(8)]
        if self.spans:
            span = {role: replace(one, start=0.02, end=0.06) for role, one in sounds[6].items()}
            sounds[6] = span
        return [
            exported_row(1, media=sounds[0]),
            exported_row(2, media=sounds[1], state=State.ACCEPTED, truth="row 2", trained=True),
            exported_row(
                3,
                media=sounds[2],
                state=State.CORRECTED,
                raw="RAW WORDS",
                corrected="Raw words.",
                truth="Raw swords.",
                confidence=0.125,
                subject="Ana María",
                session="monday",
                context={"document": "notes", "words": 3, "nested": {"a": [1, None]}},
            ),
            exported_row(4, media=sounds[3], state=State.REJECTED, subject="b"),
            exported_row(5, media=sounds[4], state=State.SKIPPED, confidence=1.0),
            exported_row(
                6,
                media=sounds[5],
                state=State.ACCEPTED,
                raw=None,
                truth="known",
                prediction_known=False,
            ),
            exported_row(7, media=sounds[6], raw=None, source_key="7:abc"),
            exported_row(8, state=State.ACCEPTED, raw="no sound", truth="no sound"),
        ]

    def test_it_says_what_it_is(self) -> None:
        tested = self.format()
        assert isinstance(tested, Reader)
        assert isinstance(tested, Writer)
        assert tested.name == tested.name.lower().strip()
        assert tested.name
        assert tested.modality
        assert tested.summary
        assert "\n" not in tested.summary

    def test_rows_come_back_as_they_went_out(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = self.examples(media)
        kept = [row for row in rows if self.holds(row)]
        assert kept, "`holds` lets no example through"
        read = self._round_trip(rows, media, tmp_path / self.target)
        assert len(read) == len(kept)
        for row, back in zip(kept, read, strict=True):
            assert _fields(back, self.expected(row)) == self.expected(row), row.id
            wanted = {role: self.stored_content(one, media) for role, one in row.media.items()}
            assert {role: self.content(one) for role, one in back.media.items()} == wanted, row.id

    def test_texts_survive(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = [
            exported_row(
                number,
                media=dict(self.medium(number, media)),
                state=State.CORRECTED,
                raw=text,
                truth=text,
            )
            for number, text in enumerate(TEXTS, start=1)
        ]
        read = self._round_trip(rows, media, tmp_path / self.target)
        assert [row.truth for row in read] == list(TEXTS)
        wanted = [self.expected(row).get("raw") for row in rows]
        assert [row.raw for row in read] == wanted

    def test_keys_are_the_same_each_time(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        target = tmp_path / self.target
        first = [row.key for row in self._round_trip(self.examples(media), media, target)]
        second = [row.key for row in self.format().read(target)]
        assert first == second
        assert len(set(first)) == len(first)

    def test_nothing_makes_an_empty_export(self, tmp_path: Path) -> None:
        target = tmp_path / self.target
        assert self.format().write([], MemoryMedia(tmp_path), target) == 0
        assert target.exists()
        assert list(self.format().read(target)) == []

    def test_an_empty_target_is_replaced(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        self.format().write([], media, tmp_path / "probe" / self.target)
        target = tmp_path / self.target
        if (tmp_path / "probe" / self.target).is_dir():
            target.mkdir()
        else:
            target.touch()
        assert self._round_trip(self.examples(media), media, target)

    def test_a_target_in_use_is_refused(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        target = tmp_path / self.target
        self.format().write(self.examples(media), media, target)
        before = _bytes_of(tmp_path)
        error = _raised(lambda: self.format().write(self.examples(media), media, target))
        assert isinstance(error, ConflictError)
        assert error.hint
        assert _bytes_of(tmp_path) == before

    def test_a_failed_export_leaves_nothing(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path, reads=2)
        target = tmp_path / self.target
        error = _raised(lambda: self.format().write(self.examples(media), media, target))
        assert isinstance(error, NotFoundError)
        assert _bytes_of(tmp_path) == {}

    def test_a_failing_source_leaves_nothing(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        rows = _breaking(self.examples(media)[:2])
        error = _raised(lambda: self.format().write(rows, media, tmp_path / self.target))
        assert isinstance(error, ConflictError)
        assert _bytes_of(tmp_path) == {}

    def test_equal_rows_give_equal_bytes(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        for place in ("one", "two"):
            target = tmp_path / place / self.target
            self.format().write(self.examples(media), media, target)
        assert _bytes_of(tmp_path / "one") == _bytes_of(tmp_path / "two")

    def test_a_damaged_row_is_reported_and_the_others_are_read(self, tmp_path: Path) -> None:
        media = MemoryMedia(tmp_path)
        target = tmp_path / self.target
        whole = self._round_trip(self.examples(media), media, target)
        self.damage(target)
        rows = list(self.format().read(target))
        failed = [row for row in rows if isinstance(row, FailedRow)]
        good = [row.key for row in rows if isinstance(row, ImportedRow)]
        assert len(failed) >= 1
        assert all(row.key and row.reason for row in failed)
        assert len(good) == len(whole) - 1
        assert set(good) < {row.key for row in whole}

    def test_a_missing_source_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "nowhere"
        error = _raised(lambda: list(self.format().read(path)))
        assert isinstance(error, NotFoundError)
        assert str(path) in error.message

    def test_something_else_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "else.bin"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
        error = _raised(lambda: list(self.format().read(path)))
        assert isinstance(error, (InvalidInputError, DamagedError))
        assert str(path) in error.message
        assert error.hint

    def _round_trip(
        self, rows: list[ExportedRow], media: MemoryMedia, target: Path
    ) -> list[ImportedRow]:
        count = self.format().write(iter(rows), media, target)
        read = list(self.format().read(target))
        failed = [row for row in read if isinstance(row, FailedRow)]
        assert failed == []
        assert count == len(read)
        return [row for row in read if isinstance(row, ImportedRow)]


def _raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the caller looks at its type
        return error
    raise AssertionError("nothing was raised")


def _breaking(rows: Iterable[ExportedRow]) -> Iterator[ExportedRow]:
    yield from rows
    raise ConflictError("the rows ended in the middle")


def _fields(row: ImportedRow, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(row, name) for name in names}


def _sound(value: object) -> tuple[int, list[int]]:
    import soundfile

    data = value.read_bytes() if isinstance(value, Path) else value
    if not isinstance(data, bytes):
        raise TypeError(f"cannot compare a medium of type {type(value).__name__}")
    samples, rate = soundfile.read(BytesIO(data), dtype="int16")
    return rate, samples.tolist()


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
