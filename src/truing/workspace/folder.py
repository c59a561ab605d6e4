"""The workspace's folder: where things lie in it, how it is found, made and configured.

truing.toml   settings            models/<modality>/<n>/   model versions
truing.db     everything said     runs/<id>/               logs and checkpoints
blobs/        media by SHA-256    exports/  reports/       derived, removed by forgetting
truing.log    no transcripts      backups/             see `truing.workspace.backups`
forgotten.jsonl                   what was forgotten, as keyed digests
archives/                         samples that left, see `truing.workspace.archiving`
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from truing.domain.errors import ConflictError, NotFoundError, NoWorkspaceError, SettingError
from truing.domain.settings import (
    Setting,
    Settings,
    Value,
    checked,
    read_toml,
    resolve,
    unknown_setting,
)
from truing.domain.settings_table import SETTINGS

if TYPE_CHECKING:
    from truing.domain.clock import Clock
    from truing.domain.ports import Blobs

VARIABLE = "TRUING_WORKSPACE"
SETTINGS_FILE = "truing.toml"
DATABASE_FILE = "truing.db"
LOG_BYTES = 2_000_000
HEADER = """\
# Settings of this Truing workspace. `truing config show` lists every setting and where its value
# comes from; `truing config set KEY VALUE` changes one.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Paths of one workspace."""

    root: Path

    @property
    def settings(self) -> Path:
        """The settings file; its presence makes a folder a workspace."""
        return self.root / SETTINGS_FILE

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.root / DATABASE_FILE

    @property
    def blobs(self) -> Path:
        """Media by digest."""
        return self.root / "blobs"

    @property
    def blob_cache(self) -> Path:
        """Copies of media that an object store keeps."""
        return self.root / "cache" / "blobs"

    @property
    def models(self) -> Path:
        """Model folders."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """One folder per run: log and checkpoints."""
        return self.root / "runs"

    @property
    def exports(self) -> Path:
        """Exports made without a target of their own."""
        return self.root / "exports"

    @property
    def reports(self) -> Path:
        """HTML reports."""
        return self.root / "reports"

    @property
    def backups(self) -> Path:
        """Backups of the database, one folder each."""
        return self.root / "backups"

    @property
    def archives(self) -> Path:
        """Archives of samples that left, one file each."""
        return self.root / "archives"

    @property
    def forgotten(self) -> Path:
        """What was forgotten, as keyed digests, so that a restored backup forgets it again."""
        return self.root / "forgotten.jsonl"

    @property
    def log(self) -> Path:
        """The rotating log."""
        return self.root / "truing.log"


def create(folder: Path) -> Layout:
    """Makes a workspace in a folder that is empty or does not exist.

    Raises:
        ConflictError: it is a workspace already, or holds other files.
    """
    layout = Layout(root=folder.resolve())
    if layout.settings.exists():
        raise ConflictError(
            f"`{layout.root}` is a workspace already",
            hint=f"use it: truing --workspace '{layout.root}' stats",
        )
    if layout.root.exists() and not layout.root.is_dir():
        raise ConflictError(f"`{layout.root}` is a file", hint="name a folder")
    if layout.root.exists() and any(layout.root.iterdir()):
        raise ConflictError(
            f"`{layout.root}` is not empty", hint="name a new folder: truing init my-voice"
        )
    # Recordings of somebody's voice: for nobody else on this machine to read.
    from truing.platform.files import make_folder, storage_error, write_new_durably

    try:
        make_folder(layout.root, mode=0o700)
        write_new_durably(layout.settings, HEADER.encode("utf-8"))
    except FileExistsError as error:
        raise ConflictError(
            f"somebody else has just made `{layout.root}` a workspace",
            hint=f"use it: truing --workspace '{layout.root}' stats",
        ) from error
    except OSError as error:
        raise storage_error(error, layout.root) from error
    return layout


def find(given: Path | None, environ: Mapping[str, str], start: Path) -> Layout:
    """The workspace meant: the flag, then TRUING_WORKSPACE, then the nearest folder upwards.

    Raises:
        NoWorkspaceError: none of these leads to one.
    """
    named = given or (Path(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    if named is not None:
        if not (named / SETTINGS_FILE).is_file():
            raise NoWorkspaceError(
                f"`{named}` is not a workspace", hint=f"make one: truing init '{named}'"
            )
        return Layout(root=named.resolve())
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / SETTINGS_FILE).is_file():
            return Layout(root=folder)
    raise NoWorkspaceError(
        f"there is no workspace in `{start}` or above it",
        hint="make one: truing init my-voice, then cd my-voice (or set TRUING_WORKSPACE)",
    )


def settings_of(
    layout: Layout,
    *,
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    extra: tuple[Setting, ...],
) -> Settings:
    """All settings of the workspace with their origins.

    Raises:
        SettingError: an unknown key, a malformed file or a value out of range.
        NotFoundError: the settings file cannot be read.
    """
    return resolve(
        (*SETTINGS, *extra),
        flags=flags,
        environ=environ,
        file_values=_file_values(layout),
        file_origin=SETTINGS_FILE,
    )


def _file_values(layout: Layout) -> dict[str, Value]:
    try:
        text = layout.settings.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingError(
            f"`{layout.settings}` is not UTF-8: {error}", hint="save it as UTF-8"
        ) from error
    except OSError as error:
        raise NotFoundError(
            f"`{layout.settings}` cannot be read: {error.strerror}",
            hint="give the file back its permissions",
        ) from error
    return read_toml(text, SETTINGS_FILE)


CHANGING = threading.RLock()
"""Held from reading the settings file to writing it: a page changes two settings at once."""


def set_value(layout: Layout, table: tuple[Setting, ...], key: str, text: str) -> Value:
    """Writes one setting to the file, in one step; returns the value as understood.

    Raises:
        SettingError: no such key, or a value that does not fit.
    """
    from truing.platform.files import write_durably

    known = {setting.key: setting for setting in table}
    if key not in known:
        raise unknown_setting(key, known)
    value = checked(known[key], text, "flag")
    with CHANGING:
        values = {**_file_values(layout), key: value}
        write_durably(layout.settings, _as_toml(values).encode("utf-8"))
    return value


def unset_value(layout: Layout, key: str) -> None:
    """Takes one setting out of the file, so that its default counts; it need not stand there."""
    from truing.platform.files import write_durably

    with CHANGING:
        values = _file_values(layout)
        if values.pop(key, None) is not None:
            write_durably(layout.settings, _as_toml(values).encode("utf-8"))


def put_settings_back(layout: Layout, held: bytes, *, keep: str = "storage.") -> None:
    """Writes the settings of a backup, but for those that say where things lie now.

    Raises:
        SettingError: they are no valid TOML.
    """
    from truing.platform.files import write_durably

    now = _file_values(layout) if layout.settings.exists() else {}
    then = read_toml(held.decode("utf-8", "replace"), SETTINGS_FILE)
    values = {key: value for key, value in then.items() if not key.startswith(keep)}
    values |= {key: value for key, value in now.items() if key.startswith(keep)}
    write_durably(layout.settings, _as_toml(values).encode("utf-8"))


def _as_toml(values: Mapping[str, Value]) -> str:
    sections: dict[str, list[str]] = {}
    for key, value in sorted(values.items()):
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_toml_value(value)}")
    parts = [HEADER]
    for section, lines in sections.items():
        parts.append("\n".join([f"[{section}]", *lines]) + "\n")
    return "\n".join(parts)


def _toml_value(value: Value) -> str:
    import json

    # TOML's basic strings and numbers are JSON's, but for true/false, which are the same too.
    return json.dumps(value, ensure_ascii=False)


def database_of(layout: Layout, settings: Settings) -> Path | str:
    """Where everything said is kept, as the setting `storage.database` says: a file or a URL."""
    return settings.text("storage.database") or layout.database


def open_blobs(layout: Layout, settings: Settings, clock: Clock, where: str | None = None) -> Blobs:
    """Where media are kept, as the setting `storage.blobs` says, or `where` in its place.

    Raises:
        SettingError: it is neither empty nor an address of an object store.
        InvalidInputError: an address that cannot be used.
        MissingDependencyError: the package for object stores is not installed.
        UnavailableError: the environment holds no credentials.
    """
    from truing.stores.blobs_local import LocalBlobs

    where = settings.text("storage.blobs") if where is None else where
    local = LocalBlobs(layout.blobs, clock=clock)
    if not where:
        return local
    if not where.startswith("s3://"):
        raise SettingError(
            f"`storage.blobs` cannot be `{where}`",
            hint="write s3://BUCKET/PREFIX, or leave it empty for the folder blobs/",
        )
    from truing.stores.blobs_s3 import S3Blobs

    limit = int(settings.number("storage.cache_gb") * 1e9)
    return S3Blobs(where, layout.blob_cache, cache_bytes=limit, left=local, clock=clock)


def open_log(layout: Layout, level: str) -> None:
    """Sends Truing's log to the workspace's rotating file. Transcripts are never logged."""
    import logging
    from logging.handlers import RotatingFileHandler

    logger = logging.getLogger("truing")
    logger.setLevel(level.upper())
    path = str(layout.log)
    for handler in list(logger.handlers):
        if getattr(handler, "baseFilename", None) == path:
            return
        logger.removeHandler(handler)
        handler.close()
    handler = RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False
