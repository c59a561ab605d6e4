"""The folders and label lists that Auto-AVSR is trained from (mpc001/auto_avsr, INSTRUCTION.md).

    truing/truing_video/<uid>.avi    the videos as they are kept
    truing/truing_text/<uid>.txt     one line, in capitals
    labels/truing_<split>.csv        truing,truing_video/<uid>.avi,<frames>,<token ids>

Token ids depend on the SentencePiece model a network was trained with, which only its owner has:
the last column is left empty, and the `README.md` beside it has the lines that fill it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from truing.domain.format import ExportedRow, ExportMedia
from truing.formats.exported_video import ROLE, video_file
from truing.formats.target import file_stem, whole, write_new

DATASET = "truing"
README = """# For Auto-AVSR

`labels/truing_<split>.csv` lists the data set, the video, its frames and, last, the token ids,
which are still empty. Fill them in, in the folder of Auto-AVSR, with the SentencePiece model of
your network:

```python
import csv, pathlib
from preparation.transforms import TextTransform

root, transform = pathlib.Path("THIS FOLDER"), TextTransform()
for table in (root / "labels").glob("*.csv"):
    rows = list(csv.reader(table.read_text().splitlines()))
    for row in rows:
        text = (root / row[0] / row[1].replace("_video/", "_text/")).with_suffix(".txt").read_text()
        row[3] = " ".join(str(int(one)) for one in transform.tokenize(text.strip()))
    table.write_text("".join(",".join(row) + "\\n" for row in rows))
```

The videos are as they were kept. A network that was trained on mouth crops of 96x96 pixels at 25
frames a second needs them cropped by its own preparation (`preparation/README.md` there).
"""


class AutoAvsr:
    """Videos, texts and label lists for fine-tuning with Auto-AVSR, Chaplin's model family."""

    name = "auto-avsr"
    modality = "lipreading"
    summary = "videos, texts and label lists for fine-tuning with Auto-AVSR"

    def write(self, rows: Iterable[ExportedRow], media: ExportMedia, target: Path) -> int:
        """Writes the rows that have a video and a truth; rows without a split go to `train`.

        Raises:
            ConflictError: the target exists and is not empty.
            InvalidInputError: a row that is a span of its video.
            UnavailableError: the target cannot be written.
        """
        count = 0
        with whole(target) as draft:
            folder = draft / target.name
            videos, texts = (folder / DATASET / f"{DATASET}_{kind}" for kind in ("video", "text"))
            labels = folder / "labels"
            for place in (videos, texts, labels):
                place.mkdir(parents=True)
            (folder / "README.md").write_text(README, encoding="utf-8")
            for row in rows:
                if ROLE not in row.media or row.truth is None:
                    continue
                data, ending = video_file(row, media)
                stem = file_stem(row.uid)
                write_new(videos / f"{stem}{ending}", data, row.uid)
                text = " ".join(row.truth.upper().split())
                (texts / f"{stem}.txt").write_text(text + "\n", encoding="utf-8")
                split = "train" if row.split is None else row.split.value
                frames = row.media[ROLE].facts.get("frames", "")
                line = f"{DATASET},{DATASET}_video/{stem}{ending},{frames},\n"
                with (labels / f"{DATASET}_{split}.csv").open("a", encoding="utf-8") as stream:
                    stream.write(line)
                count += 1
        return count
