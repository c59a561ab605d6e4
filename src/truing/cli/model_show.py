"""`truing model show`: everything about one model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, add_modality
from truing.domain.model import short_name

if TYPE_CHECKING:
    import argparse

    from truing.workspace.models import ModelDetails

HELP = "show where a model comes from, what it measured, and for whom it is in use"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument("model", metavar="MODEL", help="such as speech/3, or champion")
    add_modality(parser)
    add_json(
        parser,
        '{"model", "uid", "digest", "state", "created_at", "recipe", "base", "parents", "dataset", '
        '"dataset_digest", "run", "audience", "figures", "licence", "champion": [audience], '
        '"folder", "files": [{"name", "size", "sha256"}], "notes"}',
    )


def run(args: argparse.Namespace) -> int:
    """Shows it; `workspace.models.details` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.workspace.models import details

    with open_workspace(args) as workspace:
        found = details(workspace, args.model, args.modality or workspace.usual_modality)
    if args.json:
        told = found.as_dict()
        output.show_json({**told, "created_at": wording.iso(found.version.created_at)})
    else:
        _tell(found)
    return 0


def _tell(found: ModelDetails) -> None:
    model = found.version
    output.facts(
        {
            "model": model.ref,
            "state": model.state.value,
            "champion of": ", ".join(found.champion),
            "made for": model.audience,
            "made": f"{wording.when(model.created_at)} UTC",
            "recipe": model.recipe,
            "base": model.base and short_name(model.base),
            "descends from": ", ".join(map(short_name, model.parents)),
            "dataset": model.dataset,
            "run": model.run_id,
            "licence": model.licence,
            "folder": found.folder,
            "size": f"{sum(one.size for one in found.files) / 1e6:.1f} MB in "
            f"{len(found.files)} files",
            "digest": model.digest,
            **{name: _figure(value) for name, value in model.figures.items()},
        }
    )
    for note in found.notes:
        output.show(f"note: {output.one_line(note)}")


def _figure(value: object) -> str | None:
    if isinstance(value, Mapping):
        return None
    return f"{value:.4g}" if isinstance(value, float) else str(value)
