"""The app: routes, guards and pages put together over one workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.routing import APIRoute

import truing
from truing.web import errors
from truing.web.description import DescribedApp
from truing.web.guard import Guard

if TYPE_CHECKING:
    from truing.web.context import Web

ROUTES = (
    "review",
    "samples",
    "media",
    "access",
    "home",
    "training_data",
    "batch",
    "forget",
    "changes",
    "live",
    "transcriptions",
    "runs",
    "run_pictures",
    "train",
    "models",
    "errands",
    "evaluations",
    "preferences",
    "datasets",
    "settings",
    "retention",
    "storage",
    "s2s",
    "store_image",
    "pages",
)
"""Modules of `truing.web.routes`, each with `router`. What is asked most comes first: routes are
tried in this order. The last answers what no other does.
"""

ABOUT = (
    "Everything the pages do, and what apps in any language need to hand in samples. "
    'Errors are `{"error": {"code", "message", "hint"}}`; lists page by the cursor `next`.'
)


def create_app(web: Web) -> FastAPI:
    """The ASGI app of one workspace; it closes nothing that it was given."""
    app = DescribedApp(
        title="Truing",
        version=truing.__version__,
        description=ABOUT,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=_operation,
    )
    app.state.web = web
    errors.install(app)
    app.add_middleware(Guard, web=web)
    for name in ROUTES:
        module = import_module(f"truing.web.routes.{name}")
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    del app
    yield


def _operation(route: APIRoute) -> str:
    """A name for each operation that is told apart where one function answers at two paths."""
    place = route.path_format.strip("/").replace("/", "_").replace("{", "").replace("}", "")
    method = next(iter(sorted(route.methods or {"GET"}))).lower()
    return f"{method}_{place}" if place else method
