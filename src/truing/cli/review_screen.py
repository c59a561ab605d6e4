"""What a reviewer sees of a sample at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.domain import sample_json

if TYPE_CHECKING:
    from rich.text import Text

    from truing.domain.prediction import Prediction
    from truing.domain.sample import Sample
    from truing.loop.select import Selected

UNSURE, DOUBTFUL = 0.5, 0.8
"""Words below these confidences are red and yellow."""


def show(chosen: Selected, decided: int, total: int) -> None:
    """Where the review is, the model's texts, and what speaks against them."""
    sample = chosen.sample
    about = (
        f"{decided}/{total} reviewed",
        f"sample {sample.id}",
        sample.subject,
        wording.length(sample_json.duration(sample)),
        chosen.because,
    )
    output.show()
    output.show(" · ".join(output.one_line(one) for one in about if one), style="bold")
    if sample.raw is not None:
        _line("RAW OUTPUT", _coloured(sample.raw))
    if sample.corrected is not None:
        _line("LLM CORRECTION", output.one_line(sample.corrected.text))
    if sample.truth is not None:
        _line("SO FAR", output.one_line(sample.truth))
    for place, reading in enumerate(readings(sample), 1):
        _line(f"  {place}", output.one_line(reading))
    if sample.raw is not None and sample.raw.recognition.confidence is not None:
        _line("confidence", f"{sample.raw.recognition.confidence:.2f}")
    for found in sample.findings:
        _line("finding", f"{found.check}: {output.one_line(found.reason)}")


def readings(sample: Sample) -> list[str]:
    """What stands so far and what recognizers thought of else, at most nine."""
    texts = [sample.truth] if sample.truth is not None else []
    texts += [
        one.text.strip() for one in (sample.raw.recognition.alternatives if sample.raw else ())
    ]
    texts += [one.text.strip() for one in sample.predictions]
    return [text for text in dict.fromkeys(texts) if text and text != sample.proposal][:9]


def _line(title: str, text: str | Text) -> None:
    from rich.text import Text

    output.show(Text.assemble((f"{title:<15} ", "dim"), text))


def _coloured(said: Prediction) -> Text:
    """The recognizer's words, the doubtful ones coloured."""
    from rich.text import Text

    words = said.recognition.words
    if not words or " ".join(word.text.strip() for word in words) != said.text.strip():
        return Text(output.one_line(said.text))
    made = Text()
    for word in words:
        sure = word.confidence
        style = "" if sure is None or sure >= DOUBTFUL else "yellow" if sure >= UNSURE else "red"
        made.append(output.one_line(word.text), style=style).append(" ")
    return made
