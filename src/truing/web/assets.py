"""Assets: the pages' files, the import map, and the panels that modalities bring."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

STATIC = Path(__file__).parent / "static"
VENDORED = {
    "preact": "preact.js",
    "preact/hooks": "preact-hooks.js",
    "@preact/signals": "preact-signals.js",
    "@preact/signals-core": "preact-signals-core.js",
    "htm": "htm.js",
    "uplot": "uplot.js",
    "diff": "diff/array.js",
}
"""Bare names in our modules -> files in `static/vendor`."""
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
STYLES = ("tokens", "elements", "components", "shell")
"""Style sheets that come first, in order; those of pages and vendored ones follow."""
LATER = ("pages/",)
"""Modules that are loaded when they are needed: no page waits for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is sent."""

    data: bytes
    media_type: str
    tag: str
    """A strong ETag of the content."""


class Assets:
    """Reads the files below `static/`; nothing else can be named."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder

    def file(self, name: str) -> Asset | None:
        """A file by its path below `static/`; None when there is none of a known kind."""
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()) or path.suffix not in MEDIA_TYPES:
            return None
        if name.startswith("index.") or not path.is_file():
            return None
        return _asset(path.read_bytes(), MEDIA_TYPES[path.suffix])

    @cached_property
    def import_map(self) -> str:
        """What the bare names of modules mean, as the page carries it."""
        imports = {name: f"/static/vendor/{file}" for name, file in VENDORED.items()}
        return json.dumps({"imports": {**imports, "#/": "/static/"}}, separators=(",", ":"))

    @property
    def import_map_hash(self) -> str:
        """How the content security policy names the import map: `sha256-…`."""
        digest = hashlib.sha256(self.import_map.encode()).digest()
        return "sha256-" + base64.b64encode(digest).decode()

    def page(self) -> Asset:
        """The one HTML page in which all others are shown."""
        text = (self._folder / "index.html").read_text(encoding="utf-8")
        preloads = "\n".join(
            f'    <link rel="modulepreload" href="/static/{html.escape(name)}">'
            for name in self._modules()
        )
        text = text.replace("<!-- modules -->", preloads.strip())
        text = text.replace("<!-- styles -->", self._styles().strip())
        text = text.replace("<!-- import map -->", self.import_map)
        return _asset(text.encode(), MEDIA_TYPES[".html"])

    def _styles(self) -> str:
        own = sorted(path.stem for path in (self._folder / "styles").glob("*.css"))
        names = [f"styles/{name}.css" for name in dict.fromkeys((*STYLES, *own))]
        return "\n".join(
            f'    <link rel="stylesheet" href="/static/{html.escape(name)}">'
            for name in ("vendor/uplot.css", *names)
        )

    def _modules(self) -> list[str]:
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*.js"))
        names = [name for name in found if not name.startswith(LATER)]
        return sorted(name for name in names if not name.endswith(("_worklet.js", "theme.js")))


def _asset(data: bytes, media_type: str) -> Asset:
    tag = '"' + hashlib.sha256(data).hexdigest()[:24] + '"'
    return Asset(data=data, media_type=media_type, tag=tag)
