"""Foreign pages: those of another app, served as they are so that they find our API beside them.

*Scope*: a folder of plain files; and Flask's way of laying them out, `templates/` beside `static/`,
as far as a template asks for nothing but the addresses of static files.
"""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

ENDINGS = re.compile(r"\.(css|gif|html|ico|jpe?g|m?js|json|mp3|png|svg|ttf|txt|wav|webp|woff2?)")
"""Of what a page is made of; nothing else is served."""
TEMPLATES = "templates"
POLICY = (
    "default-src 'self'; script-src 'self'; script-src-attr 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob: data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Pages of that kind write `onclick` and `style` into their HTML; scripts still come from files."""
_STATIC = re.compile(
    r"\{\{\s*url_for\(\s*['\"]static['\"]\s*,\s*filename\s*=\s*['\"]([^'\"]*)['\"]\s*\)\s*\}\}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """One file as it is sent."""

    data: bytes
    media_type: str

    @property
    def is_page(self) -> bool:
        """Whether it is a page, not something that a page is made of."""
        return self.media_type.startswith("text/html")


class ForeignPages:
    """The files of one folder; nothing outside of it can be named.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def file(self, path: str) -> ForeignFile | None:
        """What belongs to a path: `` is `index.html`, `editor` also `editor.html`.

        Args:
            path: of the address, without its first slash.
        """
        names = (path, f"{path}.html") if path else ("index.html",)
        for name in names:
            for folder in (self._folder, self._folder / TEMPLATES):
                found = self._inside(folder / name)
                if found is not None:
                    return _read(found)
        return None

    def _inside(self, place: Path) -> Path | None:
        try:
            found = place.resolve()
            hidden = any(part.startswith(".") for part in found.relative_to(self._folder).parts)
            known = ENDINGS.fullmatch(found.suffix.lower()) and found.is_file()
        except (OSError, ValueError):
            return None
        return found if known and not hidden else None


def _read(place: Path) -> ForeignFile:
    data = place.read_bytes()
    kind = mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    if kind == "text/html":
        text = data.decode("utf-8", "replace")
        data = _STATIC.sub(lambda found: f"/static/{found[1]}", text).encode()
    if kind.startswith("text/"):
        kind = f"{kind}; charset=utf-8"
    return ForeignFile(data=data, media_type=kind)
