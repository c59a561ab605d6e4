"""`truing models`: list models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output, wording
from truing.cli.arguments import add_json, add_modality
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.model import ModelVersion
    from truing.workspace import Workspace

HELP = LINES["models"]
EXAMPLE = "truing models"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_modality(parser)
    add_json(
        parser,
        '{"champion": model or null, "champions": {audience: model}, "models": [{"model", '
        '"champion": [audience], "state", "recipe", "base", "parents", "dataset", "run", '
        '"figures", "created_at", "digest", '
        '"audience", "licence", "folder"}]}',
    )


def run(args: argparse.Namespace) -> int:
    """Lists models, newest first; `Workspace.store.models` is the library twin."""
    from truing.cli.opening import open_workspace
    from truing.domain.model import GENERAL, short_name

    with open_workspace(args) as workspace:
        modality = args.modality or workspace.usual_modality
        models = workspace.store.models
        every = models.all(modality)
        champions = {who: ref for (_, who), ref in models.champions(modality).items()}
        folders = {str(one.ref): _folder(workspace, one) for one in every}
    if args.json:
        rows = [
            {
                **one.as_dict(),
                "created_at": wording.iso(one.created_at),
                "champion": [who for who, ref in champions.items() if ref == str(one.ref)],
                "folder": folders[str(one.ref)],
            }
            for one in every
        ]
        output.show_json(
            {"champion": champions.get(GENERAL), "champions": champions, "models": rows}
        )
        return 0
    if not every:
        output.hint("no models yet: truing train --dataset NAME@N --base MODEL")
        return 0
    output.table(
        ("model", "champion of", "state", "recipe", "base", "dataset", "made (UTC)"),
        [
            (
                one.ref,
                ", ".join(who for who, ref in champions.items() if ref == str(one.ref)),
                one.state.value,
                one.recipe,
                one.base and short_name(one.base),
                one.dataset,
                wording.when(one.created_at),
            )
            for one in every
        ],
        whole=("model", "state", "recipe", "dataset", "made (UTC)"),
    )
    if GENERAL not in champions:
        output.hint(f"no champion yet: truing promote {every[0].ref}")
    return 0


def _folder(workspace: Workspace, model: ModelVersion) -> str | None:
    from truing.domain.errors import NotFoundError

    try:
        return str(workspace.model_files.path(model.ref))
    except NotFoundError:
        return None
