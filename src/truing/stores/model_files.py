"""Model folders: written beside, sealed with a description and a digest, moved into place at once.

A model's digest covers the names, sizes and SHA-256 of its files, `model.json` excepted, which is
written last and names them all. Nothing a model folder holds may run code when it is loaded:
weights are safetensors, pickles are refused whatever they are called.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from truing.domain.clock import MICROSECONDS, Clock, SystemClock
from truing.domain.digest import canonical_json, digest_bytes, digest_file
from truing.domain.errors import ConflictError, InvalidInputError, NotFoundError
from truing.domain.model import ModelRef
from truing.platform.files import make_folder, replace, storage_error, sync_folder, sync_tree

DESCRIPTION = "model.json"
"""The one file of a model folder that its digest does not cover."""

_DRAFT = ".draft-"
_PICKLE_NAMES = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}
_PICKLE_STARTS = tuple(bytes((0x80, version)) for version in range(2, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model folder."""

    name: str
    """Relative to the folder, with `/` on every system."""
    size: int
    digest: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form in `model.json`, and what the model's digest is made of."""
        return {"name": self.name, "size": self.size, "sha256": self.digest}


def model_manifest(folder: Path) -> list[ModelFile]:
    """The files of a model folder by name; hidden files and `model.json` left out.

    Raises:
        NotFoundError: no such folder.
        InvalidInputError: there is no file in it.
    """
    if not folder.is_dir():
        raise NotFoundError(f"no model folder `{folder}`", hint="`truing models` lists them")
    found = [
        ModelFile(
            name=file.relative_to(folder).as_posix(),
            size=file.stat().st_size,
            digest=digest_file(file),
        )
        for file in _files(folder)
    ]
    if not found:
        raise InvalidInputError(
            f"`{folder}` holds no model", hint="give a folder with safetensors and a config.json"
        )
    return sorted(found, key=lambda one: one.name)


def folder_digest(folder: Path) -> str:
    """The digest of a model folder, inside or outside a workspace; see `model_manifest`."""
    return _digest(model_manifest(folder))


def _digest(files: Sequence[ModelFile]) -> str:
    return digest_bytes(canonical_json([one.as_dict() for one in files]))


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        name = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if file.is_file() and not hidden and name.as_posix() != DESCRIPTION:
            yield file


class LocalModelFiles:
    """See `truing.domain.model.ModelFiles`: `<folder>/<modality>/<number>/`.

    Args:
        folder: made with the first draft.
        clock: tells how old a draft is.
    """

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        self._folder = Path(folder)
        self._clock = clock or SystemClock()

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """See `ModelFiles.draft`.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        place = self._folder / f"{_DRAFT}{secrets.token_hex(6)}"
        try:
            make_folder(place)
        except OSError as error:
            raise storage_error(error, place) from error
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def install(self, draft: Path, ref: ModelRef, description: Mapping[str, object]) -> str:
        """See `ModelFiles.install`.

        `model.json` holds the description, the digest and the list of files.

        Raises:
            InvalidInputError: a pickle, a link, or no file at all in the draft.
            ConflictError: there is a model of that number.
            UnavailableError: the folder cannot be written; the draft stays as it is.
        """
        target = self._target(ref)
        if target.exists():
            raise _taken(ref)
        refuse_pickles(draft)
        files = model_manifest(draft)
        digest = _digest(files)
        sealed = {**description, "digest": digest, "files": [one.as_dict() for one in files]}
        try:
            text = json.dumps(sealed, ensure_ascii=False, indent=2, allow_nan=False)
            (draft / DESCRIPTION).write_text(text + "\n", encoding="utf-8", newline="\n")
            sync_tree(draft)
            make_folder(target.parent)
            replace(draft, target)
            sync_folder(target.parent)
            sync_folder(self._folder)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"the description of `{ref}` is no JSON: {error}",
                hint="use texts, finite numbers, true/false, lists and mappings",
            ) from error
        except OSError as error:
            if target.exists():
                raise _taken(ref) from error
            raise storage_error(error, target) from error
        return digest

    def path(self, ref: ModelRef) -> Path:
        """See `ModelFiles.path`."""
        target = self._target(ref)
        if not (target / DESCRIPTION).is_file():
            raise NotFoundError(
                f"the files of model `{ref}` are gone from `{target}`",
                hint="restore the folder from a backup, or train the model again",
            )
        return target

    def stale_drafts(self, *, older_than: float) -> list[Path]:
        """See `ModelFiles.stale_drafts`."""
        before = self._clock.now() / MICROSECONDS - older_than
        return [
            place
            for place in sorted(self._folder.glob(f"{_DRAFT}*"))
            if _last_touched(place) < before
        ]

    def described(self, modality: str) -> Iterator[Mapping[str, object]]:
        """See `ModelFiles.described`; one that cannot be read is passed over."""
        for file in sorted((self._folder / modality).glob(f"*/{DESCRIPTION}")):
            with contextlib.suppress(OSError, ValueError):
                told = json.loads(file.read_text(encoding="utf-8"))
                if isinstance(told, dict):
                    yield told

    def collect_drafts(self, *, older_than: float) -> int:
        """See `ModelFiles.collect_drafts`.

        Raises:
            UnavailableError: a folder cannot be removed.
        """
        stale = self.stale_drafts(older_than=older_than)
        for place in stale:
            try:
                shutil.rmtree(place)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise storage_error(error, place) from error
        return len(stale)

    def _target(self, ref: ModelRef) -> Path:
        if not ref.modality.isidentifier():
            raise InvalidInputError(
                f"`{ref.modality}` cannot name a folder",
                hint="a modality's name has letters, digits and `_` only",
            )
        return self._folder / ref.modality / str(ref.number)


def refuse_pickles(folder: Path) -> None:
    """Makes sure that nothing in a model folder is a pickle, by name and by content.

    Raises:
        InvalidInputError: names the file; also for a link, which could lead anywhere.
    """
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_symlink():
            raise InvalidInputError(
                f"`{name}` is a link, a model holds files only", hint="copy what it points to"
            )
        if file.is_file() and _is_pickle(file):
            raise InvalidInputError(
                f"`{name}` may hold a pickle, which runs code when it is loaded",
                hint="save weights as safetensors (`save_pretrained(…, safe_serialization=True)`) "
                "and leave the optimizer's state out",
            )


def _is_pickle(file: Path) -> bool:
    if file.suffix.lower() in _PICKLE_NAMES:
        return True
    with file.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(_PICKLE_STARTS):
        return True
    if not start.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith(".pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _last_touched(place: Path) -> float:
    """Seconds since 1970; infinite when it vanishes meanwhile."""
    try:
        return max(one.stat().st_mtime for one in (place, *place.rglob("*")))
    except FileNotFoundError:
        return float("inf")


def _taken(ref: ModelRef) -> ConflictError:
    return ConflictError(f"the model `{ref}` is there already", hint="take the next number")
