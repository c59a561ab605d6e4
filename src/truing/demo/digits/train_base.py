"""Makes one of the demo's base models: a tiny Whisper that has never heard one of four speakers.

    python -m truing.demo.digits.train_base --recordings DIR --leave-out theo --output DIR

`--recordings` is the folder `recordings/` of the Free Spoken Digit Dataset (2000 files named
`<digit>_<speaker>_<index>.wav`; CC BY-SA 4.0, https://github.com/Jakobovski/free-spoken-digit-dataset).
Of the three other speakers, indices 10-49 train the model, 5-9 choose its best step and 0-4 are
scored; of the speaker left out, 0-24 are scored and nothing else is touched. About four minutes of
one quiet core; the same seed gives the same bytes on the same kind of machine. Weights are stored
in half precision; they load as float32.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from truing.domain.recipe import Example, MediaFile, TrainingInput
from truing.modalities.speech.recipes.transcripts import prompt_for
from truing.modalities.speech.recipes.validate import validate
from truing.modalities.speech.recipes.waveforms import Pool
from truing.modalities.speech.recipes.whisper_scratch import (
    WhisperScratchOptions,
    WhisperScratchRecipe,
)
from truing.platform.numerics import choose_numerics

SPEAKERS = ("jackson", "nicolas", "theo", "yweweler")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TRAINED, CHOSEN, SCORED, UNHEARD = range(10, 50), range(5, 10), range(5), range(25)
"""Recording indices: base training, its validation, retention, and the test of the unheard."""


def recordings(folder: Path, speakers: Iterable[str], indices: Iterable[int]) -> list[Example]:
    """The recordings of these speakers and indices, each digit, as examples."""
    wanted = [(s, i, d) for s in speakers for i in indices for d in range(len(DIGITS))]
    return [
        Example(
            uid=f"{digit}_{speaker}_{index}",
            media={"audio": MediaFile(path=folder / f"{digit}_{speaker}_{index}.wav")},
            truth=DIGITS[digit],
            subject=speaker,
        )
        for speaker, index, digit in wanted
    ]


class LogToFile:
    """A run context without checkpoints: figures go to a log file, nothing can be resumed."""

    def __init__(self, path: Path) -> None:
        self.path, self.started = path, time.monotonic()

    def log(self, message: str) -> None:
        """One line with the seconds since the start, to the file and to standard output."""
        line = f"{time.monotonic() - self.started:7.1f} s  {message}\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
        sys.stdout.write(line)

    def report(self, step: int, metrics: Mapping[str, float]) -> None:
        """Every hundredth step, and every validation."""
        if step % 100 == 0 or "validation_wer" in metrics:
            figures = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
            self.log(f"step {step:5d}  {figures}")

    def progress(self, done: int, total: int) -> None:
        """Not shown."""

    def should_stop(self) -> bool:
        """Never."""
        return False

    def save_checkpoint(self, step: int, write: Callable[[Path], None]) -> None:
        """Not saved."""

    def latest_checkpoint(self) -> None:
        """There is none."""
        return


def word_error_rate(folder: Path, examples: Sequence[Example]) -> float:
    """WER of the model in `folder` on single recordings, greedy decoding."""
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    model = WhisperForConditionalGeneration.from_pretrained(
        str(folder), dtype="float32", local_files_only=True
    )
    processor = WhisperProcessor.from_pretrained(str(folder), local_files_only=True)
    prompt = prompt_for(processor.tokenizer, language=None, task="transcribe")
    heard = model.config.max_source_positions / 50
    pool = Pool(examples, seed=0, name="test", longest=heard, fits=lambda _: True)
    figures = validate(
        model,
        pool,
        processor=processor,
        prompt_of=lambda _: prompt,
        batch_size=64,
        autocast=choose_numerics("cpu", "fp32").autocast,
    )
    return round(figures["validation_wer"], 4)


def halve(folder: Path) -> int:
    """Stores the weights as float16 and counts them; `config.json` lets them load as float32."""
    from safetensors.torch import load_file, save_file

    weights = {
        name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return sum(tensor.numel() for tensor in weights.values())


def train_base(recorded: Path, left_out: str, output: Path, seed: int) -> dict[str, Any]:
    """Trains, stores and scores one base model; returns what `model.json` says of it."""
    seen = [speaker for speaker in SPEAKERS if speaker != left_out]
    output.mkdir(parents=True, exist_ok=True)
    (output / "train_base.log").unlink(missing_ok=True)
    context = LogToFile(output / "train_base.log")
    options = WhisperScratchOptions()
    with tempfile.TemporaryDirectory() as folder:
        given = TrainingInput(
            base=None,
            train=recordings(recorded, seen, TRAINED),
            validation=recordings(recorded, seen, CHOSEN),
            replay=(),
            options=options,
            seed=seed,
            output=Path(folder),
        )
        result = WhisperScratchRecipe().train(given, context)
        tests = {
            "wer_seen_speakers": recordings(recorded, seen, SCORED),
            "wer_left_out_speaker": recordings(recorded, [left_out], UNHEARD),
        }
        full = {name: word_error_rate(Path(folder), rows) for name, rows in tests.items()}
        parameters = halve(Path(folder))
        figures = {name: word_error_rate(Path(folder), rows) for name, rows in tests.items()}
        context.log(f"float32: {full}; float16: {figures}")
        for file in Path(folder).iterdir():
            (output / file.name).write_bytes(file.read_bytes())
    described = describe(left_out, seen, figures, result.figures, seed, parameters)
    text = json.dumps(described, indent=2) + "\n"
    (output / "model.json").write_text(text, encoding="utf-8")
    return described


def describe(
    left_out: str,
    seen: Sequence[str],
    figures: Mapping[str, float],
    run: Mapping[str, float],
    seed: int,
    parameters: int,
) -> dict[str, Any]:
    """The contents of `model.json`: data, licence, figures, parameters."""
    options = WhisperScratchOptions()
    return {
        "name": f"digits-without-{left_out}",
        "recipe": "whisper-scratch",
        "seed": seed,
        "parameters": parameters,
        "weights": "float16 on disk, float32 when loaded",
        "trained_on": {
            "dataset": "Free Spoken Digit Dataset",
            "source": "https://github.com/Jakobovski/free-spoken-digit-dataset",
            "licence": "CC BY-SA 4.0",
            "speakers": list(seen),
            "indices_trained": [TRAINED.start, TRAINED.stop - 1],
            "indices_choosing_the_step": [CHOSEN.start, CHOSEN.stop - 1],
        },
        "left_out": left_out,
        "licence": "CC BY-SA 4.0",
        "figures": {
            **figures,
            "indices_seen_speakers": [SCORED.start, SCORED.stop - 1],
            "indices_left_out_speaker": [UNHEARD.start, UNHEARD.stop - 1],
            "train_seconds": run["train_seconds"],
        },
        "options": asdict(options),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and trains one base model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recordings", type=Path, required=True, help="folder of FSDD's WAV files")
    parser.add_argument("--leave-out", choices=SPEAKERS, required=True, help="speaker not to hear")
    parser.add_argument("--output", type=Path, required=True, help="folder for the model")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    described = train_base(given.recordings, given.leave_out, given.output, given.seed)
    sys.stdout.write(json.dumps(described["figures"], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
