"""The comparison report: whole in itself, escaped, and true to the figures."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from truing.domain.comparison import Comparison
from truing.domain.evaluation import Evaluation, Metric
from truing.loop.compare import compare
from truing.metrics import plots
from truing.metrics.cluster_statistics import ClusterStatistics
from truing.metrics.report import Beside, render
from truing.metrics.words import SENTENCE, WER
from truing.testing.factories import make_evaluated_row, make_evaluation

EVIL = '<script>alert("x")</script> & "q" \'s\' \u202e \ud800'
TRUTHS = {f"s{n:02d}": f"one two three {n}" for n in range(40)}


def judged(said: dict[str, str], model: str, subjects: int) -> Evaluation:
    rows = [
        make_evaluated_row(
            uid,
            prediction=text,
            scores={metric.name: metric.score(TRUTHS[uid], text) for metric in (WER, SENTENCE)},
            cluster=uid,
            subject=f"speaker {place % subjects}" if subjects else None,
        )
        for place, (uid, text) in enumerate(said.items())
    ]
    return make_evaluation(rows, model=model, model_digest=model)


def comparison(
    *, metric: Metric = WER, subjects: int = 3, truths: dict[str, str] | None = None
) -> Comparison:
    before = {uid: truth.replace("two", "too") for uid, truth in TRUTHS.items()}
    after = dict(TRUTHS) | {"s00": "one two", "s01": "", "s02": "one two tree 2 more words still"}
    a, b = judged(before, "speech/1", subjects), judged(after, "speech/2", subjects)
    return compare(a, b, metric, ClusterStatistics(), truths=TRUTHS if truths is None else truths)


class Page(HTMLParser):
    """Elements, attributes and whether every element is closed."""

    VOID = frozenset({"meta", "line", "rect", "circle", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(found: Comparison, **more: object) -> tuple[str, Page]:
    html = render(found, made_at="2026-11-20T12:00:00Z", **more)  # type: ignore[arg-type]
    return html, Page(html)


def test_the_page_needs_nothing_but_itself() -> None:
    html, page = page_of(comparison())
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert not {name for name, _ in page.attributes if name in ("src", "href", "style")}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"https?:|//[a-z]|url\(|@import", html)
    assert "default-src 'none'" in html
    assert "prefers-color-scheme:dark" in html
    assert 'name="viewport"' in html


def test_every_plot_is_well_formed_and_named() -> None:
    html, _ = page_of(comparison())
    drawn = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert len(drawn) == 4
    for one in drawn:
        root = ET.fromstring(one)
        assert root.get("aria-label")
        width = float(str(root.get("viewBox")).split()[2])
        for mark in root.iter():
            for name in ("x", "x1", "x2", "cx"):
                assert 0 <= float(mark.get(name, "0")) <= width


def test_the_figures_are_those_of_the_comparison() -> None:
    found = comparison()
    _, page = page_of(
        found,
        beside=Beside(
            passed=True,
            sentence="better: 25.0 % against `speech/1`",
            baseline=("nearest template", 0.5),
            retention=(0.08, 0.07),
            facts={"Recipe": "whisper"},
        ),
    )
    for expected in (
        plots.percent(found.value_a),
        plots.percent(found.value_b),
        plots.points(found.difference),
        "Passed the gate. Better: 25.0\xa0% against speech/1",
        "baseline: nearest template",
        "50.0\xa0%",
        "8.0\xa0% before, 7.0\xa0% after",
        "Recipe",
        f"{found.wins} better, {found.losses} worse",
        "wer, neutral-1",
        "2026-11-20T12:00:00Z",
    ):
        assert expected in page.text
    assert "`" not in page.text


def test_errors_are_marked_word_by_word() -> None:
    html, page = page_of(comparison())
    assert '<mark title="for: three">tree</mark>' in html
    assert '<ins title="put in">more</ins>' in html
    assert '<del title="left out">three</del>' in html
    assert "3 more errors" in page.text
    assert html.index("Where the candidate is worse") < html.index("Where the candidate is better")
    assert "speaker 0" in page.text


def test_strange_texts_cannot_leave_their_place() -> None:
    found = comparison()
    row = replace(
        found.compared[0], truth=EVIL, prediction_a=EVIL, subject=EVIL, sample_uid=EVIL, gain=-2.0
    )
    odd = replace(
        found,
        compared=(row, *found.compared[1:]),
        model_a=EVIL,
        model_b="b`" + EVIL,
        dataset=EVIL,
        metric=EVIL,
        slices=tuple(replace(one, name=EVIL) for one in found.slices),
    )
    told = Beside(passed=False, sentence=f"`odd {EVIL}", baseline=(EVIL, 0.1), facts={EVIL: EVIL})
    html, page = page_of(odd, beside=told)
    assert "script" not in page.tags
    assert "<script" not in html
    assert "Not promoted." in page.text
    assert "`odd" in page.text
    html.encode("utf-8")


def test_without_truths_the_predictions_are_shown_as_they_are() -> None:
    html, page = page_of(comparison(truths={}))
    assert "<mark title" not in html
    assert "Most frequent errors" not in page.text
    assert "nothing" in page.text


def test_one_speaker_or_none_has_no_panel_of_speakers() -> None:
    assert "Speakers" not in page_of(comparison(subjects=0))[1].text
    assert "Speakers" not in page_of(comparison(subjects=1))[1].text


def test_many_speakers_are_cut_to_those_that_changed_most() -> None:
    _, page = page_of(comparison(subjects=40))
    assert "The 24 that changed most of 40." in page.text


def test_a_model_that_errs_nowhere_leaves_the_lists_empty() -> None:
    same = judged(dict(TRUTHS), "speech/1", 2)
    found = compare(same, replace(same, model="speech/2"), WER, ClusterStatistics(), truths=TRUTHS)
    _, page = page_of(found)
    assert page.text.count("Nowhere.") == 2
    assert page.text.count("No errors.") == 2
    assert "0.0" in page.text
    assert "1.000" in page.text


def test_accuracies_turn_the_words_round() -> None:
    html, page = page_of(comparison(metric=SENTENCE))
    assert "higher is better" in page.text
    assert "Sentence accuracy" in page.text
    assert '<dd class="good">' in html
    assert "worse" in page.text
    back = comparison(metric=SENTENCE)
    worse = replace(
        back,
        difference=-back.difference,
        low=-back.high,
        high=-back.low,  # type: ignore[operator]
    )
    assert '<dd class="bad">' in page_of(worse)[0]


def test_a_difference_that_may_be_none_is_not_coloured() -> None:
    unsure = replace(comparison(), low=-0.02, high=0.01)
    assert '<dd class="even">' in page_of(unsure)[0]


def test_one_cluster_is_shown_without_intervals() -> None:
    found = comparison()
    one = replace(
        found,
        low=None,
        high=None,
        clusters=1,
        compared=tuple(replace(row, cluster="c") for row in found.compared),
    )
    html, page = page_of(one)
    assert 'class="whisker"' not in html
    assert 'class="span"' not in html
    assert "interval −" not in page.text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0.0"), (-0.0004, "0.0"), (-0.032, "−3.2"), (0.1, "+10.0")]
)
def test_points_carry_a_sign_unless_they_are_none(value: float, text: str) -> None:
    assert plots.points(value) == text


def test_close_ends_of_an_interval_keep_their_labels_apart() -> None:
    drawn = plots.difference(-0.05, -0.0501, -0.0499, higher_is_better=False)
    labels = [
        float(text.get("x", "0"))
        for text in ET.fromstring(drawn).iter("text")
        if text.get("class") == "value middle"
    ]
    assert labels[1] - labels[0] >= 40


def test_a_distribution_of_fractions_and_of_nothing() -> None:
    drawn = ET.fromstring(plots.distribution([0.2, -0.4, 9.0, -12.5, 0.0]))
    counts = [text.text for text in drawn.iter("text") if text.get("class") == "value middle"]
    assert counts == ["1", "1", "1", "1"]
    assert list(ET.fromstring(plots.distribution([])).iter("rect"))
