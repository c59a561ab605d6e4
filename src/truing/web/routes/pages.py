"""The pages and their files; this router comes last and answers what no other does."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from truing.domain.errors import NotFoundError
from truing.web.assets import Asset
from truing.web.context import Web, WebDep
from truing.web.foreign_pages import POLICY, ForeignPages

router = APIRouter(include_in_schema=False)

PAGES = (
    "",
    "review",
    "editor",
    "samples",
    "record",
    "train",
    "models",
    "datasets",
    "admin/training-data",
    "admin/storage",
    "settings",
    "login",
    "api/docs",
)
"""Paths at which the app shows a page; a page may have further parts behind its name."""
YIELDED = ("", "editor")
"""Paths that foreign pages take over when they are served; ours are at /review and the others."""


@router.get("/static/{name:path}")
def static_file(name: str, request: Request, web: WebDep) -> Response:
    """A file of the pages."""
    asset = web.assets.file(name)
    if asset is not None:
        return _sent(asset, request)
    foreign = _foreign(f"static/{name}", request, web)
    if foreign is None:
        raise NotFoundError(f"there is no file `{name}`", hint="reload the page")
    return foreign


@router.get("/{path:path}")
def page(path: str, request: Request, web: WebDep) -> Response:
    """The page for a path."""
    known = any(path == name or (name and path.startswith(f"{name}/")) for name in PAGES)
    foreign = _foreign(path, request, web) if path in YIELDED or not known else None
    if foreign is not None:
        return foreign
    if not known:
        raise NotFoundError(f"there is no `/{path}`", hint="the home page is at /")
    return _sent(web.assets.page(), request)


def _foreign(path: str, request: Request, web: Web) -> Response | None:
    """A file of the other app whose pages are served besides; None when it has none there."""
    found = ForeignPages(web.pages).file(path) if web.pages is not None else None
    if found is None:
        return None
    if not found.is_page:
        return Response(found.data, media_type=found.media_type)
    if request.url.hostname in ("127.0.0.1", "::1"):
        # Such pages ask `http://localhost:…/api`: under another name they were strangers there.
        return RedirectResponse(request.url.replace(hostname="localhost"))
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(found.data, media_type=found.media_type, headers=headers)


def _sent(asset: Asset, request: Request) -> Response:
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.data, media_type=asset.media_type, headers=headers)
