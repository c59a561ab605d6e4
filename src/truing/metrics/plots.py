"""Plots of a comparison as inline SVG text: bars, an interval, speakers, a distribution.

Every plot is drawn 360 units wide with 13-unit text, so that it stays readable at the width of a
phone, and takes its colours from the classes of the page around it. Everything is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

NO_BREAK = "\u00a0"
WIDTH = 360
RIGHT = 62
TAIL = 4
SPEAKERS_AT_MOST = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One figure between 0 and anything, with its interval where known."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    style: str = "a"
    """Class of the bar: `a`, `b` or `base`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two figures of one speaker."""

    label: str
    rows: int
    a: float
    b: float


def percent(value: float) -> str:
    """`0.1234` -> `12.3 %`, the sign tied to its number."""
    return f"{100.0 * value:.1f}{NO_BREAK}%"


def points(value: float) -> str:
    """`-0.032` -> `−3.2`, with a real minus sign."""
    rounded = f"{100.0 * value:+.1f}"
    return "0.0" if float(rounded) == 0 else rounded.replace("-", "−")


def bars(items: Sequence[Bar], title: str) -> str:
    """Horizontal bars from zero with whiskers for the intervals."""
    room = WIDTH - RIGHT
    top = max((max(item.value, item.high or 0.0) for item in items), default=0.0) or 1.0
    parts: list[str] = []
    for place, item in enumerate(items):
        y = place * 46
        reach = room * item.value / top
        parts.append(_text(0, y + 14, item.label, "label"))
        parts.append(_rect(0, y + 21, max(reach, 1.0), 16, f"bar {item.style}"))
        if item.low is not None and item.high is not None:
            low, high = room * max(item.low, 0.0) / top, room * item.high / top
            parts.append(_line(low, y + 29, high, y + 29, "whisker"))
            parts += [_line(x, y + 24, x, y + 34, "whisker") for x in (low, high)]
        parts.append(_text(WIDTH, y + 34, percent(item.value), "value end"))
    return _svg(46 * len(items), parts, title)


def difference(
    value: float, low: float | None, high: float | None, *, higher_is_better: bool
) -> str:
    """The difference on a line around zero; the better side is shaded."""
    ends = [abs(value), abs(low or 0.0), abs(high or 0.0)]
    scale = (WIDTH / 2 - 24) / (max(ends) * 1.12 or 1.0)
    middle = WIDTH / 2

    def x(number: float) -> float:
        return middle + number * scale

    better = (middle, WIDTH / 2) if higher_is_better else (0.0, WIDTH / 2)
    parts = [
        _rect(better[0], 22, better[1], 44, "good-side"),
        _text(0, 14, "worse" if higher_is_better else "better", "note"),
        _text(WIDTH, 14, "better" if higher_is_better else "worse", "note end"),
        _text(middle, 14, "no difference", "note middle"),
        _line(middle, 22, middle, 66, "zero"),
    ]
    if low is not None and high is not None:
        parts.append(_line(x(low), 44, x(high), 44, "span"))
        parts += [_line(x(end), 37, x(end), 51, "span") for end in (low, high)]
        parts += _ends(x(low), x(high), low, high)
    parts.append(f'<circle class="dot b" cx="{x(value):.1f}" cy="44" r="6"/>')
    return _svg(90, parts, f"difference of {points(value)} points")


def _ends(left: float, right: float, low: float, high: float) -> list[str]:
    """Labels under the ends of the interval, pushed apart when they would overlap."""
    gap = 44.0
    if right - left < gap:
        centre = (left + right) / 2
        left, right = centre - gap / 2, centre + gap / 2
    left, right = max(left, 18.0), min(right, WIDTH - 18.0)
    return [
        _text(left, 82, points(low), "value middle"),
        _text(right, 82, points(high), "value middle"),
    ]


def speakers(pairs: Sequence[Pair]) -> list[str]:
    """One line per speaker with a dot for each model, the largest change first.

    Returns:
        One plot, or two to stand side by side, on one scale.
    """
    ranked = sorted(pairs, key=lambda pair: (-abs(pair.b - pair.a), pair.label))
    shown = ranked[:SPEAKERS_AT_MOST]
    top = max((max(pair.a, pair.b) for pair in shown), default=0.0) or 1.0
    half = len(shown) if len(shown) < 4 else (len(shown) + 1) // 2
    return [_speakers(shown[start : start + half], top) for start in range(0, len(shown), half)]


def _speakers(shown: Sequence[Pair], top: float) -> str:
    room = WIDTH - RIGHT - 58
    parts: list[str] = []
    for place, pair in enumerate(shown):
        y = place * 44
        first, second = 8 + room * pair.a / top, 8 + room * pair.b / top
        parts.append(_text(0, y + 14, f"{_short(pair.label)}, {pair.rows} rows", "label"))
        parts.append(_line(8, y + 28, 8 + room, y + 28, "track"))
        parts.append(_line(first, y + 28, second, y + 28, "move"))
        parts.append(f'<circle class="dot a" cx="{first:.1f}" cy="{y + 28}" r="5"/>')
        parts.append(f'<circle class="dot b" cx="{second:.1f}" cy="{y + 28}" r="5"/>')
        change = f"{100 * pair.a:.1f} → {percent(pair.b)}"
        parts.append(_text(WIDTH, y + 32, change, "value end"))
    return _svg(44 * len(shown), parts, "figures per speaker before and after")


def distribution(gains: Sequence[float]) -> str:
    """How many rows got better or worse and by how much; unchanged rows are left out."""
    counts = Counter(_step(gain) for gain in gains if gain)
    places = [step for step in range(-TAIL, TAIL + 1) if step]
    top = max(counts.values(), default=1)
    width = WIDTH / len(places)
    floor = 184
    parts = [_line(0, floor, WIDTH, floor, "zero")]
    for place, step in enumerate(places):
        height = 158 * counts[step] / top
        left = place * width + 4
        style = "bar good" if step > 0 else "bar bad"
        parts.append(_rect(left, floor - height, width - 8, height, style))
        middle = place * width + width / 2
        if counts[step]:
            parts.append(_text(middle, floor - 6 - height, str(counts[step]), "value middle"))
        parts.append(_text(middle, floor + 16, _step_name(step), "note middle"))
    parts.append(_text(0, floor + 34, "← more errors", "note"))
    parts.append(_text(WIDTH, floor + 34, "fewer errors →", "note end"))
    return _svg(floor + 40, parts, "rows by the change in their errors")


def _step(gain: float) -> int:
    """The whole number of a gain, away from zero, no further than the tail."""
    size = min(TAIL, max(1, int(abs(gain) + 0.999999)))
    return size if gain > 0 else -size


def _step_name(step: int) -> str:
    bound = {TAIL: "≥ ", -TAIL: "≤ "}.get(step, "")
    return f"{bound}{'+' if step > 0 else '−'}{abs(step)}"


def _short(label: str) -> str:
    return label if len(label) <= 28 else label[:27] + "…"


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(text)}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" '
        f'class="{style}"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'
