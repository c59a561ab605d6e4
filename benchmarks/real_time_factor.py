"""How fast a model reads: seconds of work per second of speech, one by one and in batches.

The shipped model and recordings, through the product's recognizer, with both runtimes: transformers
as trained, and CTranslate2 as published, in float32 and int8. Beside each stand its errors, since a
faster reading is only of use when it is the same one. One thread each.

Budget: no runtime needs more than a tenth of real time, one recording after the other.

    python benchmarks/real_time_factor.py [--recordings 60] [--rounds 3] [--batch 16] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from truing.demo import shipped
from truing.demo.phrases import phrases
from truing.domain.errors import MissingDependencyError
from truing.domain.recipe import Example, MediaFile
from truing.metrics.words import WER, rate
from truing.modalities.speech.publish import publish
from truing.modalities.speech.recognize import SpeechRecognizer, open_recognizer

BUDGET = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Utterances on disk and how long they are in all."""

    examples: Sequence[Example]
    seconds: float


def speech(folder: Path, count: int) -> Spoken:
    """Real recordings joined into phrases of one to three words, of a voice the model knows."""
    import random

    import soundfile

    rows = shipped.rows_of_others("nicolas", shipped.HELD_OUT)
    examples: list[Example] = []
    seconds = 0.0
    for place, phrase in enumerate(phrases(rows, random.Random(1))):
        if place == count:
            break
        path = folder / f"{place}.flac"
        soundfile.write(path, phrase.sound, phrase.rate)
        seconds += len(phrase.sound) / phrase.rate
        examples.append(
            Example(uid=phrase.key, media={"audio": MediaFile(path=path)}, truth=phrase.text)
        )
    return Spoken(examples=examples, seconds=seconds)


def measure(
    models: Mapping[str, Path], spoken: Spoken, rounds: int, batch: int
) -> dict[str, dict[str, float]]:
    """Median of the rounds; the models take turns, so that what else the machine does is shared."""
    options = {"threads": 1, "device": "cpu", "batch_size": batch}
    recognizers = {
        (name, told): open_recognizer(str(folder), {**options, "text_only": told == "text"})
        for name, folder in models.items()
        for told in ("text", "words")
    }
    walls: dict[str, list[float]] = {}
    errors: dict[str, float] = {}
    for _ in range(rounds):
        for (name, told), recognizer in recognizers.items():
            for way, size in (("single", 1), (f"batch of {batch}", batch)):
                seconds, wer = _read(recognizer, spoken, size)
                walls.setdefault(f"{name}, {told}, {way}", []).append(seconds / spoken.seconds)
                errors[f"{name}, {told}, {way}"] = wer
    for recognizer in recognizers.values():
        recognizer.close()
    return {
        name: {
            "real_time_factor": round(statistics.median(found), 4),
            "wer": round(errors[name], 4),
        }
        for name, found in walls.items()
    }


def _read(recognizer: SpeechRecognizer, spoken: Spoken, size: int) -> tuple[float, float]:
    """Wall seconds for all utterances, files included, and the WER."""
    media = [example.media for example in spoken.examples]
    started = time.perf_counter()
    if size == 1:
        heard = [recognizer.recognize(one) for one in media]
    else:
        heard = recognizer.recognize_many(media, size)
    seconds = time.perf_counter() - started
    pairs = zip(spoken.examples, heard, strict=True)
    return seconds, rate([WER.score(example.truth, said.text) for example, said in pairs])


def published(base: Path, folder: Path) -> dict[str, Path]:
    """The model as trained, and as CTranslate2 where that is installed."""
    found = {"transformers float32": base}
    for quantization in ("float32", "int8"):
        try:
            place = publish(base, folder / quantization, {"quantization": quantization})
        except MissingDependencyError as error:
            print(f"left out: {error.message}", file=sys.stderr)
            break
        found[f"ctranslate2 {quantization}"] = place
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures as JSON; 1 when the budget is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recordings", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        spoken = speech(Path(place), given.recordings)
        models = published(shipped.base_without("nicolas"), Path(place))
        figures = measure(models, spoken, given.rounds, given.batch)
    slowest = max(
        found["real_time_factor"] for name, found in figures.items() if "text, single" in name
    )
    result = {
        "benchmark": "real_time_factor",
        "utterances": len(spoken.examples),
        "seconds_of_speech": round(spoken.seconds, 1),
        "factors": figures,
        "slowest": slowest,
        "budget": BUDGET,
        "met": slowest <= BUDGET,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
