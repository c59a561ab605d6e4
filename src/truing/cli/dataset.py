"""`truing dataset`: freeze, list, show, compare, verify or export dataset versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, names, share, subcommand, subcommands, whole
from truing.cli.filters import add_filters, sample_filter
from truing.cli.standardising import add_standard, standard_of
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.dataset import DatasetVersion

HELP = LINES["dataset"]
EXAMPLE = (
    "truing dataset freeze mine\n"
    "truing dataset freeze team --split unseen-speaker --test-speakers ann,ben\n"
    "truing dataset diff mine@1 mine@2\n"
    "truing dataset export mine@1 --format audiofolder for-a-friend/"
)
SPLITS = ("personal", "unseen-speaker")
KEYS = '"version", "digest", "train", "validation", "test", "excluded": {reason: samples}'


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    deeds = subcommands(parser)
    freeze = subcommand(deeds, "freeze", "make the next version of a dataset from what is reviewed")
    freeze.add_argument("name", metavar="NAME", help="the dataset's name; versions are NAME@1, …")
    freeze.add_argument(
        "--split",
        choices=SPLITS,
        default="personal",
        help="what is kept apart: sittings and copies (personal), or speakers as well",
    )
    freeze.add_argument(
        "--test-speakers", type=names, default=(), metavar="A,B", help="who makes up the test set"
    )
    freeze.add_argument(
        "--test-share", type=share, metavar="X", help="of the samples (setting split.test_share)"
    )
    freeze.add_argument(
        "--validation-share", type=share, metavar="X", help="setting split.validation_share"
    )
    freeze.add_argument("--seed", type=whole, default=0, metavar="N", help="of the assignment (0)")
    add_filters(freeze, states=False)
    add_standard(freeze)
    add_json(freeze, f'{{{KEYS}, "forgotten", "split", "parameters", "modality", "created_at"}}')
    every = subcommand(deeds, "list", "list versions, newest first")
    add_json(every, f'{{"versions": [{{{KEYS}, …}}]}}')
    show = subcommand(deeds, "show", "show a version")
    show.add_argument("version", metavar="NAME@N", help="such as mine@1")
    add_json(show, f'{{{KEYS}, "forgotten", "split", "parameters", "modality", "created_at"}}')
    diff = subcommand(deeds, "diff", "tell two versions apart")
    diff.add_argument("first", metavar="A", help="such as mine@1")
    diff.add_argument("second", metavar="B", help="such as mine@2")
    add_json(diff, '{"first", "second", "added": [uid], "removed", "forgotten", "moved", "retold"}')
    verify = subcommand(deeds, "verify", "check that a version is as it was frozen")
    verify.add_argument("version", metavar="NAME@N", help="such as mine@1")
    add_json(verify, '{"ok", "problems": [{"what", "why"}]}')
    export = subcommand(deeds, "export", "write a version for another program")
    export.add_argument("version", metavar="NAME@N", help="such as mine@1")
    export.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        help="the new file or folder, or s3://bucket/prefix; left out, in the workspace's "
        "exports/, where `truing forget` finds it",
    )
    export.add_argument("--format", required=True, metavar="NAME", help="see truing formats")
    add_standard(export)
    add_json(export, '{"path"}')


def run(args: argparse.Namespace) -> int:
    """Does the deed; the twins are `Workspace.freeze`, `workspace.datasets`, `Workspace.export`."""
    deeds = {
        "freeze": _freeze,
        "list": _list,
        "show": _show,
        "diff": _diff,
        "verify": _verify,
        "export": _export,
    }
    return deeds[args.deed](args)


_STAGES = {"split": "reading samples", "digest": "naming the version", "store": "storing rows"}


def _freeze(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace

    where = sample_filter(args)
    with (
        open_workspace(args) as workspace,
        output.progress("reading samples", quiet=args.json) as advance,
    ):
        version = workspace.freeze(
            args.name,
            modality=args.modality or workspace.usual_modality,
            split=args.split,
            test_speakers=args.test_speakers,
            test_share=args.test_share,
            validation_share=args.validation_share,
            seed=args.seed,
            where=where,
            standard=standard_of(args),
            on_progress=lambda done: advance(done.done, done.total, title=_STAGES[done.stage]),
        )
    if args.json:
        output.show_json(_as_dict(version))
        return 0
    _tell(version)
    if not version.counts.get("test", 0):
        output.hint(
            "nothing to test on: only samples taken by chance (sampling audit) or imported whole "
            "may be tested on; truing review --queue audit shows those that wait"
        )
    output.hint(f"next: truing train --dataset {version.ref} --base MODEL --wait")
    return 0


def _as_dict(version: DatasetVersion) -> dict[str, object]:
    return {**version.as_dict(), "created_at": wording.iso(version.created_at)}


def _tell(version: DatasetVersion) -> None:
    counts = version.counts
    output.facts(
        {
            "version": version.ref,
            "made": f"{wording.when(version.created_at)} UTC",
            "split": version.split_kind.value,
            "pictures": _pictures(version),
            **{part: counts.get(part, 0) for part in ("train", "validation", "test")},
            **{f"left out, {why}": count for why, count in version.excluded.items()},
            "forgotten since": version.forgotten or None,
            "digest": version.digest,
        }
    )


def _pictures(version: DatasetVersion) -> str | None:
    """How its pictures are exported, when it was frozen with a standard."""
    said = version.parameters.get("standard")
    if not isinstance(said, dict):
        return None
    sides = f"{said['width']} x {said['height']} ({said['fit']}), " if said.get("width") else ""
    colours = "sRGB" if said.get("srgb") else "their own colour profile"
    return f"{sides}{colours}, {said['kind']}"


def _list(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        versions = workspace.store.datasets.all()
    if args.json:
        output.show_json({"versions": [_as_dict(one) for one in versions]})
    elif versions:
        parts = ("train", "validation", "test")
        output.table(
            ("version", "made (UTC)", "split", *parts, "forgotten", "digest"),
            [
                (
                    one.ref,
                    wording.when(one.created_at),
                    one.split_kind.value,
                    *(one.counts.get(part, 0) for part in parts),
                    one.forgotten,
                    f"{one.digest[7:19]}…",
                )
                for one in versions
            ],
            right=(*parts, "forgotten"),
            whole=("version", "made (UTC)", "split", "digest"),
        )
    else:
        output.hint("no datasets yet: review some samples, then truing dataset freeze NAME")
    return 0


def _show(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.domain.dataset import DatasetRef

    with open_workspace(args) as workspace:
        version = workspace.store.datasets.get(DatasetRef.parse(args.version))
    if args.json:
        output.show_json(_as_dict(version))
    else:
        _tell(version)
    return 0


def _diff(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.workspace.datasets import diff

    with open_workspace(args) as workspace:
        found = diff(workspace, args.first, args.second)
    if args.json:
        output.show_json(found.as_dict())
        return 0
    output.facts(
        {
            "added": len(found.added),
            "removed": len(found.removed),
            "forgotten": found.forgotten,
            "in another part": len(found.moved),
            "told otherwise": len(found.retold),
        }
    )
    return 0


def _verify(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace
    from truing.cli.verify import report
    from truing.domain.dataset import DatasetRef
    from truing.workspace.keeping import verify_dataset

    with open_workspace(args) as workspace:
        problems = verify_dataset(workspace, DatasetRef.parse(args.version))
    return report(problems, f"{args.version} is as it was frozen", as_json=args.json)


def _export(args: argparse.Namespace) -> int:
    from truing.cli.opening import open_workspace

    with open_workspace(args) as workspace:
        place = workspace.export(
            args.format, args.path, dataset=args.version, standard=standard_of(args)
        )
    if args.json:
        output.show_json({"path": str(place)})
    else:
        output.show(f"wrote {place}")
    return 0
