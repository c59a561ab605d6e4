"""Bringing models in: what was trained elsewhere with its lineage, or any folder from outside.

A model that was trained from a bundle belongs to the dataset version it was packed from. Where
that version is, by its digest, the model becomes what a run here would have made: the run that
waited is done, the samples are marked, and what was forgotten since the packing taints it. Where it
is not, the model is one from outside; the samples that are here too are noted in its description,
so that it is never judged by what it learned from.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.model import GENERAL, ModelState, ModelVersion
from truing.domain.sample import SampleFilter
from truing.stores.bundle_file import opened
from truing.stores.model_files import DESCRIPTION, folder_digest, refuse_pickles
from truing.workspace.bundle_runs import LEARNED, LOG, METRICS
from truing.workspace.bundle_scratch import MODEL
from truing.workspace.bundles import SUBJECT, TRAINED, request_of
from truing.workspace.model_arrival import (
    Arrival,
    ImportedModel,
    description_in,
    known_model,
    next_ref,
    registered,
    text_of,
)
from truing.workspace.model_home import home_of, welcome
from truing.workspace.models import LEARNED_HERE
from truing.workspace.quota import check_room, take_note

if TYPE_CHECKING:
    from truing.workspace import Workspace

Progress = Callable[[int, int], None]
_LICENCE = re.compile(r"^license:\s*(\S.*)$", re.MULTILINE)
_KEPT = {".json", ".safetensors", ".txt", ".md", ".model", ".tiktoken", ".jinja"}
"""What is taken of a folder from outside: a model, its tokenizer and what is said of them."""


def import_model(
    workspace: Workspace,
    source: Path,
    *,
    modality: str = "speech",
    speaker: str | None = None,
    licence: str | None = None,
    on_progress: Progress = lambda _, __: None,
) -> ImportedModel:
    """Brings in what `truing job run` wrote, or a model folder from outside.

    Args:
        workspace: where it goes.
        source: the trained bundle, or a folder.
        modality: of a folder; a bundle tells its own.
        speaker: whose own model it is, where the workspace cannot tell.
        licence: of a folder that does not tell its own.
        on_progress: called with (bytes read, bytes in all).

    Raises:
        NotFoundError: no such file or folder.
        DamagedError: a bundle that was cut or altered.
        InvalidInputError: a newer format, another kind of bundle, no model, or a pickle.
        ConflictError: somebody else brought a model in at the same moment: try again.
        FullError: no room on the disk, or less than the quota leaves.
    """
    if source.is_dir():
        found = _from_folder(workspace, source, modality, speaker, licence)
    else:
        found = _from_bundle(workspace, source, speaker, on_progress)
    take_note(workspace)
    return found


def _from_bundle(
    workspace: Workspace, source: Path, speaker: str | None, on_progress: Progress
) -> ImportedModel:
    with (
        opened(source, TRAINED) as bundle,
        workspace.model_files.draft() as draft,
        tempfile.TemporaryDirectory(prefix="truing-") as beside,
    ):
        told = description_in(bundle.read(f"{MODEL}/{DESCRIPTION}"))
        known = known_model(workspace, lambda one: one.uid == told["uid"])
        if known is not None:
            return ImportedModel(model=known, new=False)
        check_room(workspace, bundle.size, "the model")

        def place(name: str) -> Path | None:
            head, _, rest = name.partition("/")
            if head == MODEL and rest:
                return draft / rest
            return Path(beside) / name if name in (METRICS, LEARNED, LOG) else None

        bundle.extract(place, on_progress)
        if folder_digest(draft) != told["digest"]:
            raise InvalidInputError(
                f"the model in `{source}` is not the one its description speaks of",
                hint="copy the file again from where it was made",
            )
        _refuse_external(draft, source)
        arrival = Arrival(
            told=told, files=Path(beside), draft=draft, request=request_of(told), speaker=speaker
        )
        version = home_of(workspace, told)
        if version is not None:
            return welcome(workspace, arrival, version)
        return _take_in(workspace, arrival)


# --- from outside -------------------------------------------------------------------------------


def _take_in(workspace: Workspace, arrival: Arrival) -> ImportedModel:
    """Registers a model whose dataset is not here."""
    told, request = arrival.told, arrival.request
    learned = _learned_here(workspace, arrival)
    name = (arrival.lineage.get("dataset") or {}).get("version")
    notes = [
        *arrival.notes,
        f"its dataset `{text_of(name)}` is not here: it counts as a model from outside",
    ]
    if learned:
        notes.append(f"it learned from {len(learned)} samples that are here too: none judges it")
    if request.audience != GENERAL:
        notes.append(arrival.for_whom)
    model = registered(
        workspace,
        arrival.draft,
        ModelVersion(
            ref=next_ref(workspace, request.modality),
            uid=told["uid"],
            digest="",
            state=ModelState.READY,
            created_at=workspace.clock.now(),
            recipe=None,
            base=None,
            parents=(),
            dataset=None,
            dataset_digest=None,
            run_id=None,
            audience=arrival.audience,
            figures=arrival.figures,
            licence=arrival.licence,
        ),
        {**arrival.origin, "request": request.as_dict(), "notes": notes, LEARNED_HERE: learned},
    )
    workspace.store.samples.mark_trained(learned)
    return ImportedModel(model=model, new=True, notes=tuple(notes))


def _learned_here(workspace: Workspace, arrival: Arrival) -> list[str]:
    """The samples here whose very media it learned from."""
    media: set[str] = set()
    for line in arrival.lines(LEARNED):
        media.update(map(str, line.get("media") or []))
    where = SampleFilter(modality=arrival.request.modality)
    samples = workspace.store.samples.iterate(where) if media else iter(())
    return [sample.uid for sample in samples if any(one.digest in media for one in sample.media)]


def _from_folder(
    workspace: Workspace,
    folder: Path,
    modality: str,
    speaker: str | None,
    licence: str | None,
) -> ImportedModel:
    """Copies a model folder in; a folder that is here already is not taken twice."""
    from truing.modalities.lipreading.external import is_external, take_in
    from truing.modalities.lipreading.recognize import kind_of
    from truing.modalities.speech.model_folder import find_model

    workspace.modality(modality)
    if modality == "speech":
        find_model(str(folder))
    if modality == "lipreading":
        kind_of(folder)
    external = is_external(folder)
    if not external and not any(folder.rglob("*.safetensors")):
        raise InvalidInputError(
            f"`{folder}` holds no safetensors",
            hint="save the model as safetensors (`save_pretrained(…, safe_serialization=True)`)",
        )
    check_room(workspace, sum(one.stat().st_size for one in _wanted(folder)), "the model")
    with workspace.model_files.draft() as draft:
        notes = [f"it asks, on this machine: {take_in(folder, draft)}"] if external else []
        if not external:
            _copy(folder, draft)
        refuse_pickles(draft)
        digest = folder_digest(draft)
        known = known_model(workspace, lambda one: one.digest == digest)
        if known is not None:
            return ImportedModel(model=known, new=False)
        terms = licence or _licence_in(folder)
        if not terms and not external:
            notes.append("its licence is not known: look before you pass it on")
        model = registered(
            workspace,
            draft,
            ModelVersion(
                ref=next_ref(workspace, modality),
                uid=workspace.ids.new(),
                digest="",
                state=ModelState.READY,
                created_at=workspace.clock.now(),
                recipe=None,
                base=None,
                parents=(),
                dataset=None,
                dataset_digest=None,
                run_id=None,
                audience=GENERAL if speaker is None else f"{SUBJECT}{speaker}",
                licence=terms,
            ),
            {"notes": list(notes), "from": folder.name},
        )
    return ImportedModel(model=model, new=True, notes=tuple(notes))


def _copy(folder: Path, draft: Path) -> None:
    for file in _wanted(folder):
        target = draft / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _wanted(folder: Path) -> Iterator[Path]:
    """The files that are taken of a folder from outside."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        plain = file.is_file() and not any(part.startswith(".") for part in name.parts)
        if plain and file.suffix.lower() in _KEPT and name.as_posix() != DESCRIPTION:
            yield file


def _refuse_external(draft: Path, source: Path) -> None:
    """A model names programs of a machine only where a person names the model's folder."""
    from truing.modalities.lipreading.external import is_external

    if is_external(draft):
        raise InvalidInputError(
            f"the model in `{source}` would run a program of this machine",
            hint="write its config.json yourself: docs/how-to/chaplin.md",
        )


def _licence_in(folder: Path) -> str | None:
    """The licence that a folder tells: in `model.json`, else at the head of its README."""
    description, readme = folder / DESCRIPTION, folder / "README.md"
    try:
        if description.is_file():
            told = json.loads(description.read_text(encoding="utf-8"))
            return text_of(told.get("licence")) if isinstance(told, dict) else None
        if readme.is_file():
            found = _LICENCE.search(readme.read_text(encoding="utf-8", errors="replace"))
            return text_of(found[1].strip()) if found is not None else None
    except (OSError, ValueError):
        return None
    return None
