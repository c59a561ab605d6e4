"""Figures of models that make pictures, as `evaluate` and `compare` print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from truing.cli import output, wording

SHOWN = 5


def show_evaluation(report: Mapping[str, Any]) -> None:
    """Prints the measures of one model beside the unchanged input; see `reports.of_evaluation`."""
    measures, trivial = report["measures"], report["baseline"] or {}
    primary, interval = measures[0], wording.percents(report.get("ci"))
    took = report.get("seconds_per_picture")
    output.facts(
        {
            "model": report["model"],
            "on": f"{report['dataset']}, {report['split']}, "
            f"{wording.several(report['rows'], 'picture')}",
            primary["title"]: f"{figure(primary['value'], primary['unit'])}"
            + (f" (95 % interval {interval})" if interval else " (too few pictures to say more)"),
            f"against {trivial['name']}": _difference(trivial) if trivial else None,
            "time per picture": f"{took:.2f} s" if isinstance(took, float) else None,
            "left out, learned from": report.get("excluded") or None,
            "left out, forgotten": report.get("forgotten") or None,
            "left out, unreadable": report.get("unreadable") or None,
            "left out, for a quick look": report.get("passed_over") or None,
        }
    )
    output.show()
    heads = ("", "the model", trivial.get("name", "baseline"), "better is")
    rows = [
        (
            one["title"],
            figure(one["value"], one["unit"]),
            figure(one["baseline"], one["unit"]),
            _direction(one),
        )
        for one in measures
    ]
    output.table(heads, rows, right=heads[1:3])
    if not primary["proves"]:
        output.hint(NO_PROOF)


NO_PROOF = (
    "how near a picture comes to one target does not tell which pictures people prefer: let them "
    "choose blind (truing prefer A B), or judge by a local CLIP (image_edit.clip_model)"
)


def show_comparison(report: Mapping[str, Any]) -> None:
    """Prints all measures of two models and of the unchanged input; see `of_comparison`."""
    a, b, trivial = report["a"], report["b"], report["baseline"] or {}
    primary = report["measures"][0]
    output.show(
        f"{report['dataset']}, {report['split']}, {wording.several(report['rows'], 'picture')}"
    )
    heads = ("", a["model"], b["model"], trivial.get("name", "baseline"), "better is")
    rows = [
        (
            one["title"],
            *(figure(one[side], one["unit"]) for side in ("a", "b", "baseline")),
            _direction(one),
        )
        for one in report["measures"]
    ]
    output.table(heads, rows, right=heads[1:4])
    output.show()
    people, ends = report["people"], report["ci"]
    output.facts(
        {
            f"difference in {primary['title']}": wording.points(report["difference"])
            + (f" ({_points(ends)}), p {wording.p_value(report['p_value'])}" if ends else ""),
            "nearer to the target": f"{wording.several(report['wins'], 'picture')}, "
            f"{report['losses']} farther from it",
            "people preferred it": _preferred(people) if people is not None else None,
        }
    )
    if people is None:
        output.hint(
            f"which of the two people prefer: truing prefer {a['model']} {b['model']} "
            f"--dataset {report['dataset']}"
        )


def figure(value: object, unit: str) -> str | None:
    """`0.8123` as `81.2 %`, others with two places and their unit."""
    if not isinstance(value, (int, float)):
        return None
    return wording.percent(value) if unit == "%" else f"{value:.2f} {unit}".rstrip()


def _direction(measure: Mapping[str, Any]) -> str:
    return "higher" if measure["higher_is_better"] else "lower"


def _difference(trivial: Mapping[str, Any]) -> str:
    ends = trivial["ci"]
    return wording.points(trivial["difference"]) + (f" ({_points(ends)})" if ends else "")


def _points(ends: Sequence[float]) -> str:
    return f"95 % interval {100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}"


def _preferred(people: Mapping[str, Any]) -> str:
    ends = wording.percents(people["ci"])
    counted = people["wins"] + people["losses"] + people["ties"]
    return f"{wording.percent(people['rate'])} ({ends}), {wording.several(counted, 'choice')}"
