"""The comparison report: one HTML page that needs nothing but itself.

No script, no request to anywhere (the page's own content policy forbids both), light and dark by
the reader's system, readable at the width of a phone and on paper. Texts are other people's:
every one is escaped and set in its own direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from truing.domain.comparison import ComparedRow, Comparison
from truing.metrics import plots
from truing.metrics.normalise import NEUTRAL, Normaliser
from truing.metrics.page import STYLE
from truing.metrics.significance import bootstrap_interval, cluster_sums
from truing.metrics.slices import ErrorTypes, error_types
from truing.metrics.words import Alignment, Confusion, align, confusions

SHOWN = 12
"""Rows in each list, and lines in each table of confusions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What may stand beside the comparison."""

    passed: bool | None = None
    """The gate's verdict; None when there was none."""
    sentence: str | None = None
    """The gate's sentence."""
    baseline: tuple[str, float] | None = None
    """Name and figure of the trivial baseline."""
    retention: tuple[float, float] | None = None
    """The figure on the general set, before and after."""
    facts: Mapping[str, str] | None = None
    """Further lines for the foot of the page, such as the model's recipe."""


def render(
    comparison: Comparison,
    *,
    made_at: str,
    beside: Beside | None = None,
    by: Normaliser = NEUTRAL,
    seed: int = 0,
) -> str:
    """The whole page.

    Args:
        comparison: the two models on the same rows.
        made_at: when, for the foot of the page.
        beside: the gate's verdict, baseline and retention.
        by: the normaliser for word alignments; the one of the metric.
        seed: for the intervals of the two figures.
    """
    told = beside or Beside()
    body = [
        _head(comparison, told),
        _plots(comparison, told, seed),
        _words(comparison, by),
        _rows("Where the candidate is worse", _ranked(comparison, worst=True), comparison, by),
        _rows("Where the candidate is better", _ranked(comparison, worst=False), comparison, by),
        _foot(comparison, told, made_at),
    ]
    title = f"{comparison.model_b} against {comparison.model_a}"
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )
    # A lone surrogate in a prediction must not keep the page from being written as UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def _head(one: Comparison, told: Beside) -> str:
    tone, spread = "even", ""
    if one.low is not None and one.high is not None:
        # Coloured only where the interval leaves no difference out.
        if one.low > 0 or one.high < 0:
            tone = "good" if (one.difference > 0) == one.higher_is_better else "bad"
        spread = f"{one.level:.0%} interval {plots.points(one.low)} to {plots.points(one.high)}"
    verdict = ""
    if told.passed is not None:
        style, word = ("pass", "Passed the gate") if told.passed else ("hold", "Not promoted")
        why = _sentence(told.sentence or "")
        verdict = f'<p class="verdict {style}"><strong>{word}.</strong> {why}</p>'
    return (
        f"<header><p class=kicker>Comparison on {escape(one.dataset)}, {escape(one.split)}</p>"
        f"<h1>{escape(one.model_b)} <span>against</span> {escape(one.model_a)}</h1>{verdict}"
        f'<dl class="figures"><div><dt>{_name(one)}, {escape(one.model_a)}</dt>'
        f"<dd>{plots.percent(one.value_a)}</dd></div>"
        f"<div><dt>{_name(one)}, {escape(one.model_b)}</dt>"
        f"<dd>{plots.percent(one.value_b)}</dd></div>"
        f'<div><dt>Difference in points</dt><dd class="{tone}">{plots.points(one.difference)}</dd>'
        f"<p>{spread}</p></div>"
        f"<div><dt>p-value, two-sided</dt><dd>{_chance(one.p_value)}</dd>"
        f"<p>{one.rows} rows in {one.clusters} clusters</p></div></dl></header>"
    )


def _sentence(text: str) -> str:
    """Escaped, as a sentence of its own, with what stands in backticks as code."""
    safe = escape(text[:1].upper() + text[1:]).replace(" %", f"{plots.NO_BREAK}%")
    parts = safe.split("`")
    if len(parts) % 2 == 0:
        return safe
    return "".join(f"<code>{x}</code>" if n % 2 else x for n, x in enumerate(parts))


def _chance(p_value: float) -> str:
    return "&lt; 0.001" if p_value < 0.001 else f"{p_value:.3f}"


NAMES = {
    "wer": "Word error rate",
    "cer": "Character error rate",
    "sentence_accuracy": "Sentence accuracy",
}


def _name(one: Comparison) -> str:
    return escape(NAMES.get(one.metric, one.metric))


def _plots(one: Comparison, told: Beside, seed: int) -> str:
    direction = "higher is better" if one.higher_is_better else "lower is better"
    figures = plots.bars(_bars(one, told, seed), f"{one.metric} of both models")
    gap = plots.difference(one.difference, one.low, one.high, higher_is_better=one.higher_is_better)
    changed = plots.distribution([row.gain for row in one.compared])
    same = one.rows - one.wins - one.losses
    return (
        f'<section class="plots"><figure><h2>{_name(one)}, {direction}</h2>{figures}'
        f"<figcaption>Whiskers: {one.level:.0%} intervals.</figcaption>"
        f"<h2>Difference in points</h2>{gap}<figcaption>{escape(one.model_b)} minus "
        f"{escape(one.model_a)}, on the same rows.</figcaption></figure>"
        f"<figure><h2>Rows that changed</h2>{changed}<figcaption>{one.wins} better, "
        f"{one.losses} worse, {same} of {one.rows} as good as before.</figcaption></figure>"
        f"{_speakers(one)}</section>"
    )


def _speakers(one: Comparison) -> str:
    if len(one.slices) < 2:
        return ""
    pairs = [
        plots.Pair(label=part.name, rows=part.rows, a=part.value_a, b=part.value_b)
        for part in one.slices
    ]
    columns = "".join(plots.speakers(pairs))
    more = f"The {plots.SPEAKERS_AT_MOST} that changed most of {len(pairs)}. "
    caption = more if len(pairs) > plots.SPEAKERS_AT_MOST else ""
    return (
        f'<figure class="wide"><h2>Speakers</h2><div class="columns">{columns}</div><figcaption>'
        f"{caption}{_key('a', one.model_a)} {_key('b', one.model_b)}</figcaption></figure>"
    )


def _key(style: str, name: str) -> str:
    return f'<span class="key {style}">{escape(name)}</span>'


def _bars(one: Comparison, told: Beside, seed: int) -> list[plots.Bar]:
    clusters = [row.cluster for row in one.compared]
    found = []
    for label, value, style, scores in (
        (one.model_a, one.value_a, "a", [row.score_a for row in one.compared]),
        (one.model_b, one.value_b, "b", [row.score_b for row in one.compared]),
    ):
        ends = bootstrap_interval(cluster_sums(clusters, scores), seed=seed, level=one.level)
        low, high = (ends.low, ends.high) if ends is not None else (None, None)
        found.append(plots.Bar(label=label, value=value, low=low, high=high, style=style))
    if told.baseline is not None:
        name, value = told.baseline
        found.append(plots.Bar(label=f"baseline: {name}", value=value, style="base"))
    return found


def _words(one: Comparison, by: Normaliser) -> str:
    known = [(row.truth, row) for row in one.compared if row.truth is not None]
    if not known:
        return ""
    sides = {
        one.model_a: [(truth, row.prediction_a) for truth, row in known],
        one.model_b: [(truth, row.prediction_b) for truth, row in known],
    }
    types = "".join(_types(name, error_types(pairs, by)) for name, pairs in sides.items())
    tables = "".join(
        f"<div><h3>{escape(name)}</h3>{_confusions(confusions(pairs, by, limit=SHOWN))}</div>"
        for name, pairs in sides.items()
    )
    return (
        "<section><h2>Errors by kind</h2><div class=scroll><table><thead><tr><th>Model</th>"
        "<th>Right</th><th>Taken for another</th><th>Left out</th><th>Put in</th></tr></thead>"
        f"<tbody>{types}</tbody></table></div><h2>Most frequent errors</h2>"
        f'<div class="pair">{tables}</div></section>'
    )


def _types(name: str, kinds: ErrorTypes) -> str:
    cells = (kinds.hits, kinds.substitutions, kinds.deletions, kinds.insertions)
    numbers = "".join(f'<td class="number">{count}</td>' for count in cells)
    return f"<tr><th>{escape(name)}</th>{numbers}</tr>"


def _confusions(found: Sequence[Confusion]) -> str:
    if not found:
        return "<p class=note>No errors.</p>"
    lines = "".join(
        f"<tr><td>{_word(one.truth)}</td><td>{_word(one.said)}</td>"
        f'<td class="number">{one.count}</td></tr>'
        for one in found
    )
    return (
        "<div class=scroll><table><thead><tr><th>Said</th><th>Read as</th><th>Times</th></tr>"
        f"</thead><tbody>{lines}</tbody></table></div>"
    )


def _word(text: str | None) -> str:
    return '<i class="none">nothing</i>' if text is None else f"<bdi>{escape(text)}</bdi>"


def _ranked(one: Comparison, *, worst: bool) -> list[ComparedRow]:
    sign = 1.0 if worst else -1.0
    ranked = sorted(one.compared, key=lambda row: (sign * row.gain, row.sample_uid))
    return [row for row in ranked[:SHOWN] if sign * row.gain < 0]


def _rows(title: str, rows: Sequence[ComparedRow], one: Comparison, by: Normaliser) -> str:
    if not rows:
        return f"<section><h2>{title}</h2><p class=note>Nowhere.</p></section>"
    cards = "".join(_card(row, one, by) for row in rows)
    return f'<section><h2>{title}</h2><ol class="rows">{cards}</ol></section>'


def _card(row: ComparedRow, one: Comparison, by: Normaliser) -> str:
    who = f"<bdi>{escape(row.subject)}</bdi>, " if row.subject is not None else ""
    truth = f'<dt>said</dt><dd dir="auto">{escape(row.truth)}</dd>' if row.truth is not None else ""
    lines = "".join(
        f'<dt>{_key(style, name)}</dt><dd dir="auto">{_read(row.truth, text, by)}</dd>'
        for style, name, text in (
            ("a", one.model_a, row.prediction_a),
            ("b", one.model_b, row.prediction_b),
        )
    )
    change = f"{abs(row.gain):g} {'fewer' if row.gain > 0 else 'more'} errors"
    if one.higher_is_better:
        change = "better" if row.gain > 0 else "worse"
    return (
        f'<li><p class="about">{who}<code>{escape(row.sample_uid)}</code> <b>{change}</b></p>'
        f"<dl>{truth}{lines}</dl></li>"
    )


def _read(truth: str | None, text: str, by: Normaliser) -> str:
    """A prediction with its errors marked; word for word in normalised form."""
    if truth is None:
        return escape(text) or '<i class="none">nothing</i>'
    return _marked(align(truth, text, by)) or '<i class="none">nothing</i>'


def _marked(alignment: Alignment) -> str:
    parts = []
    for step in alignment.steps:
        said, truth = escape(step.said or ""), escape(step.truth or "")
        if step.kind == "hit":
            parts.append(said)
        elif step.kind == "substitution":
            parts.append(f'<mark title="for: {truth}">{said}</mark>')
        elif step.kind == "insertion":
            parts.append(f'<ins title="put in">{said}</ins>')
        else:
            parts.append(f'<del title="left out">{truth}</del>')
    return " ".join(parts)


def _foot(one: Comparison, told: Beside, made_at: str) -> str:
    facts = {
        "Metric": f"{one.metric}, {one.metric_version}",
        "Interval": f"{one.level:.0%}, by resampling {one.clusters} clusters",
        "Test": "paired permutation of the two models within clusters",
    }
    if told.retention is not None:
        before, after = told.retention
        facts["General set"] = f"{plots.percent(before)} before, {plots.percent(after)} after"
    facts |= dict(told.facts or {}) | {"Made": made_at}
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    return (
        "<footer><p><mark>word</mark> taken for another, <ins>word</ins> put in, "
        f"<del>word</del> left out.</p><dl>{lines}</dl></footer>"
    )
