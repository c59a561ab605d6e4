"""Format: rows of messages for train, validation and test, one line for each mosaic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from truing.domain.errors import NothingToDoError
from truing.modalities.lipreading.grid.align import Utterance, utterances
from truing.modalities.lipreading.grid.corpus import PARTS, Clip, Corpus, Outcome
from truing.modalities.lipreading.grid.messages import messages
from truing.modalities.lipreading.grid.split import UNSEEN, split
from truing.platform.files import write_durably

STEP = "format"


def write_rows(
    corpus: Corpus,
    clips: Sequence[Clip],
    *,
    form: int = 2,
    kind: str = "prefix",
    test_speakers: Sequence[str] = UNSEEN,
    strict: bool = False,
    absolute: bool = False,
) -> Outcome:
    """Writes `grid_dataset_train.jsonl`, `_val`, `_test` and how they were split.

    Args:
        corpus: where everything is kept.
        clips: which ones; those without a mosaic are left out.
        form: 2 or 3 messages a row.
        kind: of split, see `split`.
        test_speakers: for `unseen-speaker`.
        strict: leave out clips without an alignment.
        absolute: name images by their whole path instead of from the folder of the rows.

    Raises:
        NothingToDoError: no clip has a mosaic.
        InvalidInputError: no such split or form.
    """
    found, _ = utterances(corpus, clips, strict=strict)
    usable = {one.clip.key: one for one in found if corpus.mosaic(one.clip).is_file()}
    if not usable:
        raise NothingToDoError(
            f"no clip in `{corpus.root}` has a mosaic", hint="make them: truing grid prepare"
        )
    parts = split([one.clip for one in usable.values()], kind, test_speakers=test_speakers)
    manifest = {
        "split": kind,
        "form": form,
        "test_speakers": list(test_speakers) if kind == "unseen-speaker" else [],
        "counts": {part: len(parts[part]) for part in PARTS},
    }
    files = {
        corpus.rows(part): "".join(
            _line(corpus, usable[clip.key], form, absolute=absolute) for clip in parts[part]
        )
        for part in PARTS
    }
    files[corpus.manifest] = f"{json.dumps(manifest, indent=2)}\n"
    changed = [path for path, text in files.items() if _put(path, text)]
    rows = sum(len(parts[part]) for part in PARTS if corpus.rows(part) in changed)
    return Outcome(
        step=STEP,
        made=rows or len(changed),
        present=len(usable) - rows,
        figures={part: len(parts[part]) for part in PARTS},
        notes=tuple(f"there is nothing in {part}" for part in PARTS if not parts[part]),
    )


def _line(corpus: Corpus, one: Utterance, form: int, *, absolute: bool) -> str:
    path = corpus.mosaic(one.clip)
    image = str(path.absolute()) if absolute else path.relative_to(corpus.root).as_posix()
    said = {"messages": messages(image, one.text, form)}
    return f"{json.dumps(said, ensure_ascii=False)}\n"


def _put(path: Path, text: str) -> bool:
    """Writes a file unless it says just that already."""
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    write_durably(path, data)
    return True
