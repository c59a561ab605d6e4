"""`truing show`: show everything about a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES
from truing.domain import sample_json

if TYPE_CHECKING:
    import argparse

    from truing.domain.sample import Sample

HELP = LINES["show"]
EXAMPLE = "truing show 42"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("id", type=number, metavar="ID", help="the sample's number")
    parser.add_argument("--play", action="store_true", help="play it as well")
    add_json(
        parser,
        f'{{{sample_json.KEYS}, "added_at", "revision", "prediction_known", "consent", '
        '"consent_basis", "consent_reason", "context", '
        '"media": [{"role", "digest", "size", "media_type", "start", "end", "facts"}], '
        '"predictions": [{"kind", "model", "created_at", "text", "confidence", "words", '
        '"alternatives", "seconds"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Prints the sample; `Workspace.sample` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.cli.playing import play

    with open_workspace(args) as workspace:
        sample = workspace.sample(args.id)
        if args.json:
            output.show_json(sample_json.in_full(sample))
        else:
            _show(sample)
        if args.play:
            play(workspace, sample)
    return 0


def _show(sample: Sample) -> None:
    output.facts(
        {
            "sample": sample.id,
            "state": sample.state.value,
            "truth": sample.truth,
            **{_title(said.kind.value): said.text for said in sample.predictions},
            "confidence": wording.confidence(
                sample.raw.recognition.confidence if sample.raw else None
            ),
            "model": sample.raw.model if sample.raw else None,
            "speaker": sample.subject,
            "session": sample.session,
            "source": sample.source,
            "captured": f"{wording.when(sample.captured_at)} UTC",
            "sampling": sample.sampling.value,
            "trained": "yes" if sample.trained else "no",
            "rating": sample.rating,
            "consent": sample.consent.reason or sample.consent.policy,
            "quality": f"{sample.quality:.2f}",
            **{f"finding {one.check}": one.reason for one in sample.findings},
            **{
                medium.role: f"{medium.media_type}, {wording.length(medium.duration) or '?'}, "
                f"{wording.size(medium.size)}, {medium.digest[:19]}…"
                for medium in sample.media
            },
            "uid": sample.uid,
        }
    )


def _title(kind: str) -> str:
    return {"recognizer": "raw output", "corrector": "LLM correction"}.get(kind, kind)
