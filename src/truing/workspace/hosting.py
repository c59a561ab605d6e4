"""Hosting: models in processes of their own and the live corrector, as the settings have them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from truing.domain.errors import NothingToDoError
from truing.domain.prediction import Prediction, PredictionKind, Recognition
from truing.live.corrector import INSTRUCTION, INSTRUCTIONS, KEY, Correction, Corrector
from truing.live.hosted import HostedModel, HostProgram

if TYPE_CHECKING:
    from truing.domain.settings import Settings
    from truing.workspace import Workspace

MINUTE = 60


def hosted_model(workspace: Workspace, modality: str, place: str) -> HostedModel:
    """A model in a process of its own, loaded and warm.

    Args:
        workspace: whose settings and log.
        modality: such as `speech`.
        place: the model's folder, or a hub id.

    Raises:
        UnavailableError: the process cannot be started, dies, or takes too long.
        MissingDependencyError: its interpreter lacks the extra that brings the runtime.
        NotFoundError: no such model.
    """
    from truing.workspace import modalities

    settings = workspace.settings
    return HostedModel(
        HostProgram(
            modality=modalities.target(modality),
            model=place,
            log=workspace.layout.log,
            python=settings.text("live.python"),
            idle=settings.number("live.idle_minutes") * MINUTE,
            seconds=settings.number("live.seconds"),
            log_level=settings.text("log.level"),
        )
    )


def corrector_of(settings: Settings, modality: str = "speech") -> Corrector | None:
    """The live corrector that the settings name; None when they name none.

    Args:
        settings: of the workspace.
        modality: whose text it is to correct.

    Raises:
        SettingError: an address that cannot be used, or no model.
    """
    url = settings.text("corrector.url")
    if not url:
        return None
    return Corrector(
        url,
        settings.text("corrector.model"),
        seconds=settings.number("corrector.seconds"),
        key=os.environ.get(KEY) or None,
        instruction=INSTRUCTIONS.get(modality, INSTRUCTION),
    )


def correct(workspace: Workspace, text: str, *, sample: int | None = None) -> Correction:
    """Asks the corrector of the settings; what it says is kept with the sample it belongs to.

    Args:
        workspace: whose settings and samples.
        text: what the recognizer said.
        sample: where the correction is kept; None keeps it nowhere.

    Raises:
        NothingToDoError: there is no corrector.
        SettingError: the settings of the corrector do not fit together.
        NotFoundError: no such sample.
    """
    modality = workspace.sample(sample).modality if sample is not None else "speech"
    corrector = corrector_of(workspace.settings, modality)
    if corrector is None:
        raise NothingToDoError(
            "there is no corrector", hint="truing config set corrector.url names a chat server"
        )
    correction = corrector.correct(text)
    if sample is not None and correction.text is not None:
        said = Recognition(text=correction.text, seconds=correction.seconds)
        workspace.store.samples.add_prediction(
            sample,
            Prediction(
                kind=PredictionKind.CORRECTOR,
                recognition=said,
                model=correction.model,
                created_at=workspace.clock.now(),
            ),
        )
    return correction
