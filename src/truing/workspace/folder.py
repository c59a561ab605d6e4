"""The workspace's folder: where things lie in it, how it is found, made and configured.

truing.toml   settings            models/<modality>/<n>/   model versions
truing.db     everything said     runs/<id>/               logs and checkpoints
blobs/        media by SHA-256    exports/  reports/       derived, removed by forgetting
truing.log    no transcripts      backups/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truing.domain.errors import ConflictError, NotFoundError, NoWorkspaceError, SettingError
from truing.domain.settings import (
    SETTINGS,
    Setting,
    Settings,
    Value,
    checked,
    read_toml,
    resolve,
    unknown_setting,
)

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
    layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.settings.write_text(HEADER, encoding="utf-8")
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
    values = {**_file_values(layout), key: value}
    write_durably(layout.settings, _as_toml(values).encode("utf-8"))
    return value


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
