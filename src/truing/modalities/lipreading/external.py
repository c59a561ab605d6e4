"""An external recogniser as a model: another program, or a server, that turns a clip into text.

Its folder holds only a `config.json`, one of

    {"model_type": "external", "command": ["python", "infer.py", "data_filename={video}"],
     "folder": "/home/ann/chaplin", "seconds": 60}
    {"model_type": "external", "url": "http://127.0.0.1:8765/read", "seconds": 10}

The command is run for each clip, with the name of a video file in place of `{video}`; a server is
sent the bytes of the video by POST. Either answers with plain text, whose last line counts (with
`hyp:` before it or not), or with JSON: `{"text", "confidence"?, "words"?, "alternatives"?}`.

Scope: a model folder otherwise holds no code. This one names a program of this machine, so it is
taken only from a person who names the folder, never out of a bundle.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from truing.domain.errors import DamagedError, InvalidInputError, NotFoundError, UnavailableError
from truing.domain.prediction import Recognition
from truing.domain.recipe import MediaFile
from truing.modalities.lipreading import external_answer
from truing.modalities.lipreading.container import head_of, sniff

VIDEO = "{video}"
SECONDS = 60.0
ENDINGS = {
    "avi": ".avi",
    "mp4": ".mp4",
    "mov": ".mov",
    "mpeg": ".mpg",
    "mpegvideo": ".mpg",
    "mpegts": ".ts",
    "matroska": ".mkv",
    "webm": ".webm",
}
"""Other programs go by the ending of a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """What `config.json` says: a command or an address."""

    command: tuple[str, ...] = ()
    url: str = ""
    folder: Path
    """Where the command runs."""
    seconds: float = SECONDS
    """Patience for one clip."""
    hosts: tuple[str, ...] = ()
    """Names of other machines that may be sent video; this one always may."""

    @staticmethod
    def read(folder: Path) -> External:
        """Reads the description in a model folder.

        Raises:
            NotFoundError: there is none.
            DamagedError: it is no JSON object.
            InvalidInputError: neither a command nor an address, both, or a part that cannot be.
        """
        file = folder / "config.json"
        try:
            return _understood(dict(json.loads(file.read_text(encoding="utf-8"))), folder)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"there is no `{file}`", hint="write one; see docs/how-to/chaplin.md"
            ) from error
        except InvalidInputError:
            raise
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DamagedError(
                f"`{file}` does not describe an external recogniser: {error}",
                hint="see docs/how-to/chaplin.md",
            ) from error


class ExternalReader:
    """A recogniser that another program is; see the module. Safe from several threads.

    Args:
        folder: with its `config.json`.
        options: `text_only` (only text and confidence are passed on), `seconds` (patience).

    Raises:
        NotFoundError: no description, or no such working folder.
        InvalidInputError: a description or option that cannot be used.
        DamagedError: a description that cannot be read.
        UnavailableError: there is no such program.
    """

    def __init__(self, folder: Path, options: Mapping[str, object]) -> None:
        self._external = External.read(folder)
        self._text_only = False
        for name, value in options.items():
            self._choose(name, value)
        if not self._external.folder.is_dir():
            raise NotFoundError(
                f"there is no folder `{self._external.folder}` to run the recogniser in",
                hint="correct `folder` in its config.json",
            )
        if self._external.command:
            _program(self._external)

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        """The text of one clip.

        Raises:
            NotFoundError: no such file.
            DamagedError: media that cannot be read.
            UnavailableError: the program failed, took too long, or said nothing to be understood.
        """
        if "video" not in media:
            raise InvalidInputError(
                f"lips are read from `video`, and there is only {', '.join(media) or 'nothing'}",
                hint="give the video under the role `video`",
            )
        started = time.perf_counter()
        with _named_file(media["video"]) as file:
            ready = time.perf_counter()
            answer = self._asked(file)
        done = time.perf_counter()
        who = self._external.command[0] if self._external.command else self._external.url
        said = external_answer.understood(answer, who)
        said = replace(said, seconds=said.seconds if said.seconds is not None else done - ready)
        stages = {"decode": ready - started, "model": done - ready}
        if self._text_only:
            return Recognition(
                text=said.text, confidence=said.confidence, seconds=said.seconds, stages=stages
            )
        return replace(said, stages=stages)

    def close(self) -> None:
        """Nothing of it is in memory."""

    def _asked(self, file: Path) -> str:
        told = self._external
        if told.command:
            words = [word.replace(VIDEO, str(file)) for word in told.command]
            return external_answer.run([_program(told), *words[1:]], told.folder, told.seconds)
        return external_answer.post(_address(told), file, told.seconds)

    def _choose(self, name: str, value: object) -> None:
        if name == "text_only":
            self._text_only = str(value).lower() in ("true", "1", "yes")
        elif name == "seconds":
            self._external = replace(self._external, seconds=_positive(value))
        else:
            raise InvalidInputError(
                f"an external recogniser has no option `{name}`",
                hint="it has text_only, seconds; others belong into its command",
            )


def is_external(folder: Path) -> bool:
    """Whether a model folder describes an external recogniser."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("model_type") == "external"


def take_in(folder: Path, target: Path) -> str:
    """Copies a description into another folder, where it means the same; what it asks.

    Args:
        folder: with its `config.json`.
        target: an existing folder.

    Raises:
        InvalidInputError: a description that cannot be used.
        DamagedError: a description that cannot be read.
    """
    external = External.read(folder)
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if external.command:
        told["folder"] = str(external.folder)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    (target / "config.json").write_text(f"{text}\n", encoding="utf-8")
    return " ".join(external.command) or external.url


# --- what it is ----------------------------------------------------------------------------------


def _understood(told: Mapping[str, object], folder: Path) -> External:
    command, url = told.get("command"), told.get("url")
    if (command is None) == (url is None):
        raise InvalidInputError(
            f"`{folder / 'config.json'}` needs either a `command` or a `url`",
            hint='such as "command": ["python", "infer.py", "{video}"]',
        )
    hosts = tuple(str(host) for host in _list(told.get("hosts", []), "hosts"))
    external = External(
        command=tuple(str(word) for word in _list(command or [], "command")),
        url=str(url or ""),
        folder=(folder / Path(str(told.get("folder", "."))).expanduser()).resolve(),
        seconds=_positive(told.get("seconds", SECONDS)),
        hosts=hosts,
    )
    if command is not None and not any(VIDEO in word for word in external.command):
        raise InvalidInputError(
            f"the command `{' '.join(external.command)}` does not say where the video goes",
            hint=f"write {VIDEO} in its place",
        )
    if url is not None:
        _address(external)
    return external


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidInputError(
            f"`{name}` is `{value}`, not a list", hint=f'write it as "{name}": ["…", "…"]'
        )
    return value


def _positive(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InvalidInputError(f"`seconds` cannot be `{value}`", hint="write it as 60")
    return seconds


def _address(external: External) -> SplitResult:
    """The parts of the address, which must be of this machine or of one that is named."""
    try:
        parts = urlsplit(external.url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInputError(
            f"`url` cannot be `{external.url}`", hint="write it as http://127.0.0.1:8765/read"
        )
    if not _is_here(host) and host not in external.hosts:
        raise InvalidInputError(
            f"video would leave this machine for `{host}`",
            hint=f'allow it in config.json: "hosts": ["{host}"]',
        )
    return parts


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _program(external: External) -> str:
    """The program to start: one of this machine, or a file in the working folder."""
    name = external.command[0]
    found = shutil.which(name)
    beside = external.folder / name
    if found is None and not beside.is_file():
        raise UnavailableError(
            f"there is no program `{name}`",
            hint="give its whole path in the `command` of config.json",
        )
    return found or str(beside)


@contextmanager
def _named_file(medium: MediaFile) -> Iterator[Path]:
    """The clip, or its span, under a name with the ending that belongs to it."""
    with tempfile.TemporaryDirectory(prefix="truing-") as place:
        if medium.start is not None or medium.end is not None:
            from truing.modalities.lipreading.conversions import convert

            cut = Path(place) / "clip.mkv"
            cut.write_bytes(convert(medium, "mkv"))
            yield cut
            return
        kind = sniff(head_of(medium.path, str(medium.path)), str(medium.path))
        named = Path(place) / f"clip{ENDINGS.get(kind.name, '')}"
        try:
            named.symlink_to(medium.path.absolute())
        except OSError:  # Windows gives links to administrators only
            shutil.copyfile(medium.path, named)
        yield named
