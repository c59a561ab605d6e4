"""`truing prefer`: tell which of two models people prefer, and where they choose blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from truing.domain.preference import WinRate
    from truing.loop.prefer import Contest
    from truing.workspace.preferring import Progress

HELP = LINES["prefer"]
EXAMPLE = "truing prefer champion image_edit/2 --dataset mine@1"
SPLITS = ("test", "validation", "train")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("first", metavar="A", help="the model to compare with, such as champion")
    parser.add_argument("second", metavar="B", help="the candidate")
    parser.add_argument(
        "--dataset", metavar="NAME@N", help="the one that B was trained on when left out"
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="test when left out")
    parser.add_argument(
        "--port", type=int, default=8080, metavar="N", help="where truing serve listens (8080)"
    )
    add_json(
        parser,
        '{"a", "b", "dataset", "split", "page", "progress": {"counted", "about", "own", "left", '
        '"equal", "enough"}, "win_rate": {"wins", "losses", "ties", "equal", "rate", "ci", '
        '"level", "p_better", "decided", "votes", "people", "agreement", "clusters", "needed"}}; '
        "win_rate is of B, null while nobody has chosen",
    )


def run(args: argparse.Namespace) -> int:
    """Tells how far it is; `Workspace.preferences` is the library twin."""
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        preferences = workspace.preferences
        dataset = args.dataset or preferences.usual_dataset(args.second)
        contest = preferences.start(args.first, args.second, dataset, args.split)
        rate, progress = preferences.result(contest), preferences.progress(contest)
    page = f"http://127.0.0.1:{args.port}/review/ab?first={contest.a.uid}&second={contest.b.uid}"
    if args.json:
        output.show_json(_told(contest, page, progress, rate))
        return 0
    output.show(
        f"{contest.b.model} against {contest.a.model} on {contest.b.dataset}, {contest.b.split}"
    )
    output.facts(
        {
            "chosen on": f"{progress.counted} of about {progress.about} originals",
            "the very same": f"{wording.several(progress.equal, 'row')}, which count as ties"
            if progress.equal
            else None,
            **(_figures(contest, rate) if rate is not None else {}),
        }
    )
    if progress.left:
        output.hint(f"choose, blind: truing serve, then open {page}")
    return 0


def _told(
    contest: Contest, page: str, progress: Progress, rate: WinRate | None
) -> dict[str, object]:
    return {
        "a": contest.a.model,
        "b": contest.b.model,
        "dataset": contest.b.dataset,
        "split": contest.b.split,
        "page": page,
        "progress": progress.as_dict(),
        "win_rate": rate.as_dict() if rate is not None else None,
    }


def _figures(contest: Contest, rate: WinRate) -> Mapping[str, object]:
    ends = wording.percents((rate.low, rate.high))
    many = f" of {wording.several(rate.people, 'person', 'people')}"
    return {
        f"for {contest.b.model}": f"{wording.percent(rate.rate)} ({ends})",
        "better, worse, no difference": f"{rate.wins}, {rate.losses}, {rate.ties}",
        "choices": f"{rate.votes}{many}",
        "they agree on": wording.percent(rate.agreement),
        "so": _sentence(rate),
    }


def _sentence(rate: WinRate) -> str:
    if rate.low > 0.5:
        return "proven better"
    if rate.high < 0.5:
        return "proven worse"
    if rate.needed is None or rate.needed > rate.clusters:
        return "not provable so far: it may be chance"
    return f"not provable yet: about {max(1, rate.needed - rate.counted)} more originals"
