"""Customs: how a server trains when nobody says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truing.formats.s2s_training import training_beside
from truing.workspace.retraining import Usual, usual

if TYPE_CHECKING:
    from truing.web.context import Web


def usual_of(web: Web) -> Usual:
    """What the settings say; where they say nothing, the app whose pages are served besides.

    Raises:
        NotFoundError, InvalidInputError: see `usual`.
    """
    config = training_beside(web.pages) if web.pages is not None else None
    return usual(web.workspace.settings, config)
