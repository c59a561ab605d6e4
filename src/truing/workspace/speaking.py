"""Speaking: a model that says what is in media, loaded when it is first asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from truing.domain.errors import DamagedError, InvalidInputError
from truing.domain.modality import CanRecognize, LoadedRecognizer

if TYPE_CHECKING:
    from truing.domain.modality import Modality
    from truing.domain.prediction import Recognition
    from truing.domain.recipe import MediaFile
    from truing.workspace.models import NamedModel

log = logging.getLogger(__name__)


class _Speaker:
    """A model that is loaded when it is first asked, so that remembered answers cost nothing."""

    def __init__(
        self,
        modality: Modality,
        model: NamedModel,
        *,
        text_only: bool,
        spare: NamedModel | None,
        options: Mapping[str, object],
    ) -> None:
        if not isinstance(modality, CanRecognize):
            raise InvalidInputError(
                f"`{modality.name}` cannot recognise anything",
                hint="install a package that brings a recognizer for it",
            )
        self._modality = modality
        self._model = model
        self._spare = spare
        self._options = {**options, **({"text_only": True} if text_only else {})}
        self._loaded: LoadedRecognizer | None = None

    @property
    def name(self) -> str:
        """The model that answers."""
        return self._model.name

    def recognize(self, media: Mapping[str, MediaFile]) -> Recognition:
        if self._loaded is None:
            try:
                self._loaded = self._modality.open_recognizer(self._model.location, self._options)
            except Exception as error:  # noqa: BLE001 - whatever a broken model raises
                return self._instead(error).recognize(media)
        try:
            return self._loaded.recognize(media)
        except (DamagedError, InvalidInputError):
            raise  # errors of what was said, not of the model
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            return self._instead(error).recognize(media)

    def _instead(self, error: Exception) -> _Speaker:
        """Itself with the spare model; raises the error when there is none."""
        if self._spare is None:
            raise error
        log.warning("model %s could not answer: %s", self.name, type(error).__name__)
        self.close()
        self._model, self._spare = self._spare, None
        return self

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None


@contextmanager
def speaking(
    modality: Modality,
    model: NamedModel,
    *,
    text_only: bool = False,
    spare: NamedModel | None = None,
    options: Mapping[str, object] | None = None,
) -> Iterator[_Speaker]:
    """A model for as long as it is needed.

    Args:
        modality: whose model.
        model: the model.
        text_only: spend no time on more than the text.
        spare: answers from when the model cannot be loaded, or fails on sound that is sound.
        options: of the recognizer, such as `quantize_4bit`.
    """
    speaker = _Speaker(modality, model, text_only=text_only, spare=spare, options=options or {})
    try:
        yield speaker
    finally:
        speaker.close()
