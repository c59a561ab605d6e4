"""`truing evaluate`: measure a model on samples it has never learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, number
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

HELP = LINES["evaluate"]
EXAMPLE = "truing evaluate speech/2 --dataset mine@1"
SPLITS = ("test", "validation", "train")
SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("model", metavar="MODEL", help="champion, speech/3, a folder or a hub id")
    parser.add_argument("--dataset", required=True, metavar="NAME@N", help="such as mine@1")
    parser.add_argument("--split", choices=SPLITS, default="test", help="test when left out")
    parser.add_argument(
        "--fresh", action="store_true", help="measure again although it was done before"
    )
    parser.add_argument(
        "--max-samples",
        type=number,
        metavar="N",
        help="measure on a sample of N recordings: a quick look, which is not kept",
    )
    parser.add_argument(
        "--quantize-4bit",
        action="store_true",
        help="run a vision-language model in 4 bits; the figures are not kept",
    )
    add_json(
        parser,
        '{"model", "dataset", "split", "metric", "metric_version", "wer", "cer", '
        '"sentence_accuracy", "ci": [low, high], "level", "rows", "clusters", "cluster_by", '
        '"excluded", "forgotten", "unreadable", "passed_over", "baseline": {"name", "wer", '
        '"difference", "ci", "p_better"}, "real_time_factor", "speakers": [{"name", "rows", '
        '"clusters", "value", "ci"}], "by_familiarity", "by_position", '
        '"grammar_chance", "by_duration", "by_confidence", "errors": {"hits", "substitutions", '
        '"deletions", "insertions", "length"}, "confusions": [{"truth", "said", "count"}]}; of '
        'pictures "ssim" and further figures in the place of "wer", "measures": [{"name", "title", '
        '"unit", "higher_is_better", "proves", "value", "baseline"}] and "seconds_per_picture"',
    )


def run(args: argparse.Namespace) -> int:
    """Evaluates and reports; `Workspace.evaluate` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.reports import of_evaluation

    with open_workspace(args) as workspace:
        with output.progress(f"evaluating {args.model}", quiet=args.json) as advance:
            found = workspace.evaluate(
                args.model,
                args.dataset,
                args.split,
                fresh=args.fresh,
                most=args.max_samples,
                options={"quantize_4bit": True} if args.quantize_4bit else None,
                on_progress=advance,
            )
        report = of_evaluation(workspace, found)
    if args.json:
        output.show_json(report)
    elif "measures" in report:
        from truing.cli.picture_figures import show_evaluation

        show_evaluation(report)
    else:
        _show(report)
    return 0


def _show(report: Mapping[str, object]) -> None:
    metric = str(report["metric"])
    baseline, errors = report.get("baseline"), report["errors"]
    factor, chance = report.get("real_time_factor"), report.get("grammar_chance")
    interval = wording.percents(report.get("ci"))
    output.facts(
        {
            "model": report["model"],
            "on": f"{report['dataset']}, {report['split']}, "
            f"{wording.several(int(str(report['rows'])), 'recording')}",
            metric.upper(): f"{wording.percent(report[metric])}"
            + (f" (95 % interval {interval})" if interval else " (too few recordings to say more)"),
            "CER": wording.percent(report.get("cer")),
            "whole sentences right": wording.percent(report.get("sentence_accuracy")),
            "trivial baseline": f"{wording.percent(baseline[metric])} ({baseline['name']})"
            if isinstance(baseline, Mapping)
            else None,
            "words right by guessing": wording.percent(chance) if chance else None,
            "word errors": _errors(errors) if isinstance(errors, Mapping) else None,
            "time per second of sound": f"{factor:.2f} s" if isinstance(factor, float) else None,
            "left out, learned from": report.get("excluded") or None,
            "left out, forgotten": report.get("forgotten") or None,
            "left out, unreadable": report.get("unreadable") or None,
            "left out, for a quick look": report.get("passed_over") or None,
        }
    )
    _show_slices(report, metric)


def _errors(errors: Mapping[str, object]) -> str:
    return (
        f"{errors['substitutions']} wrong, {errors['deletions']} missing, "
        f"{errors['insertions']} too many, of {errors['length']}"
    )


def _show_slices(report: Mapping[str, object], metric: str) -> None:
    tables = (
        ("speaker", "speakers", metric.upper()),
        ("speaker", "by_familiarity", metric.upper()),
        ("word", "by_position", "right"),
        ("length", "by_duration", metric.upper()),
    )
    for title, name, figure in tables:
        rows = report[name]
        if isinstance(rows, list) and len(rows) > 1:
            output.show()
            output.table(
                (title, "recordings", figure, "95 % interval"),
                [
                    (
                        one["name"],
                        one["rows"],
                        wording.percent(one["value"]),
                        wording.percents(one["ci"]),
                    )
                    for one in rows
                ],
                right=("recordings", figure),
            )
    confused = report["confusions"]
    if isinstance(confused, list) and confused:
        output.show()
        output.table(
            ("said", "heard as", "times"),
            [
                (one["truth"] or "(nothing)", one["said"] or "(nothing)", one["count"])
                for one in confused[:SHOWN]
            ],
            right=("times",),
        )
