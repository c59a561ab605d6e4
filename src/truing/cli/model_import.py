"""`truing model import`: bring in what was trained elsewhere, or a model folder from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json, add_modality

if TYPE_CHECKING:
    import argparse

    from truing.workspace.model_arrival import ImportedModel

HELP = "bring in what truing job run wrote, or a Whisper folder from outside"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    parser.add_argument(
        "source", metavar="PATH", help="FILE.trained, or a folder with safetensors and config.json"
    )
    add_modality(parser)
    parser.add_argument(
        "--speaker", metavar="NAME", help="whose own model it is, where nothing here tells"
    )
    parser.add_argument("--licence", metavar="TEXT", help="of a folder that does not tell its own")
    add_json(
        parser,
        '{"model", "new", "notes", "state", "dataset", "run", "audience", "licence", "digest"}',
    )


def run(args: argparse.Namespace) -> int:
    """Brings it in; `workspace.model_import.import_model` is the library twin."""
    from pathlib import Path

    from truing.cli.opening import open_workspace
    from truing.workspace.model_import import import_model

    with (
        open_workspace(args) as workspace,
        output.progress("importing", quiet=args.json) as advance,
    ):
        found = import_model(
            workspace,
            Path(args.source),
            modality=args.modality or workspace.usual_modality,
            speaker=args.speaker,
            licence=args.licence,
            on_progress=advance,
        )
        versions = workspace.store.datasets.all()
    same = [one for one in versions if one.modality == found.model.ref.modality]
    newest = str(max(same, key=lambda one: one.created_at).ref) if same else None
    if args.json:
        output.show_json(_as_dict(found))
    else:
        _tell(found, dataset=found.model.dataset or newest)
    return 0


def _as_dict(found: ImportedModel) -> dict[str, object]:
    told = found.model.as_dict()
    keys = ("model", "state", "dataset", "run", "audience", "licence", "digest")
    return {**{key: told[key] for key in keys}, "new": found.new, "notes": list(found.notes)}


def _tell(found: ImportedModel, dataset: str | None) -> None:
    model = found.model
    if not found.new:
        output.show(f"it is here already, as {model.ref}")
        return
    output.facts(
        {
            "model": model.ref,
            "state": model.state.value,
            "dataset": model.dataset,
            "run": model.run_id,
            "audience": model.audience,
            "licence": model.licence,
        }
    )
    for note in found.notes:
        output.show(f"note: {output.one_line(note)}")
    if dataset is None:
        output.hint(
            f'next: truing promote {model.ref} --force --reason "first model here" '
            "(no dataset can judge it yet)"
        )
        return
    output.hint(f"next: truing evaluate {model.ref} --dataset {dataset}")
    output.hint(
        f"      truing promote {model.ref}" + ("" if model.dataset else f" --dataset {dataset}")
    )
