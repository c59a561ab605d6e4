"""Makes the demo's `recordings/`: an audiofolder of FLAC files and `metadata.jsonl`.

    python -m truing.demo.digits.make_recordings --recordings DIR --output DIR

`--recordings` is the folder of WAV files of the Free Spoken Digit Dataset, as for `train_base`.
All recordings of the speakers whom the demo can get to know are taken, and of the others those
that replay (indices 10-29) and retention (0-4) need. Encoding is lossless: each file is read back
and compared sample by sample.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from truing.demo.digits.train_base import SCORED, SPEAKERS, recordings
from truing.domain.errors import DamagedError
from truing.domain.recipe import Example

REPLAYED = range(10, 30)
"""Indices of the other speakers that fine-tuning replays; base training heard them too."""
ALL = range(50)


def write_flac(source: Path, target: Path) -> None:
    """Copies a WAV file of 16-bit samples as FLAC of the same rate and samples.

    Raises:
        DamagedError: what was written reads back differently.
    """
    import numpy as np
    import soundfile

    samples, rate = soundfile.read(str(source), dtype="int16")
    soundfile.write(
        str(target), samples, rate, format="FLAC", subtype="PCM_16", compression_level=1.0
    )
    if not np.array_equal(soundfile.read(str(target), dtype="int16")[0], samples):
        raise DamagedError(
            f"`{target}` differs from `{source}`.", hint="Check the disk; try again."
        )


def line_of(example: Example) -> str:
    """One line of `metadata.jsonl`; `recording` is the index within the original data set."""
    speaker = example.subject
    row = {
        "file_name": f"{speaker}/{example.uid}.flac",
        "transcription": example.truth,
        "speaker": speaker,
        "recording": int(example.uid.rpartition("_")[2]),
    }
    return json.dumps(row, ensure_ascii=False)


def make_recordings(source: Path, output: Path, learnt: Sequence[str]) -> int:
    """Writes the audiofolder; returns the number of recordings."""
    others = [speaker for speaker in SPEAKERS if speaker not in learnt]
    rows = recordings(source, learnt, ALL)
    rows += recordings(source, others, [*SCORED, *REPLAYED])
    for speaker in SPEAKERS:
        (output / speaker).mkdir(parents=True, exist_ok=True)
    for row in rows:
        write_flac(row.media["audio"].path, output / f"{row.subject}" / f"{row.uid}.flac")
    text = "".join(line_of(row) + "\n" for row in rows)
    (output / "metadata.jsonl").write_text(text, encoding="utf-8")
    return len(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and writes the audiofolder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recordings", type=Path, required=True, help="folder of FSDD's WAV files")
    parser.add_argument("--output", type=Path, required=True, help="folder for the FLAC files")
    parser.add_argument(
        "--learn",
        choices=SPEAKERS,
        nargs="+",
        default=("theo", "jackson"),
        help="speakers to take whole",
    )
    given = parser.parse_args(arguments)
    count = make_recordings(given.recordings, given.output, given.learn)
    sys.stdout.write(f"{count} recordings\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
