"""Editing: what a model makes of the pictures of a dataset version, kept as blobs and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from truing.domain.errors import InvalidInputError
from truing.domain.modality import CanEdit
from truing.loop.evaluate import Baseline, Yardstick
from truing.loop.train import example_of
from truing.workspace.datasets import whole_media

if TYPE_CHECKING:
    from truing.domain.dataset import DatasetRow
    from truing.domain.evaluation import RowScore
    from truing.domain.modality import CanJudge, LoadedEditor, LoadedJudge, Modality
    from truing.domain.prediction import Edited
    from truing.domain.recipe import Example
    from truing.workspace import Workspace
    from truing.workspace.models import NamedModel


class _Editor:
    """A model that is loaded when it is first asked: what it made before costs nothing."""

    def __init__(
        self, modality: Modality, model: NamedModel, options: Mapping[str, object]
    ) -> None:
        if not isinstance(modality, CanEdit):
            raise InvalidInputError(
                f"`{modality.name}` cannot make pictures",
                hint="install a package that brings an editor for it",
            )
        self._modality: CanEdit = modality
        self._role = modality.roles[0]
        self._model, self._options = model, options
        self._loaded: LoadedEditor | None = None

    def edit(self, example: Example) -> Edited:
        """The picture that the model makes of an example."""
        if self._loaded is None:
            self._loaded = self._modality.open_editor(self._model.location, self._options)
        return self._loaded.edit(example.media[self._role], example.truth)

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None


@contextmanager
def editing(
    modality: Modality, model: NamedModel, options: Mapping[str, object] | None = None
) -> Iterator[_Editor]:
    """An editor for as long as it is needed.

    Args:
        modality: whose model.
        model: the model.
        options: of the editor, such as `seed`.

    Raises:
        InvalidInputError: the modality makes no pictures.
    """
    editor = _Editor(modality, model, options or {})
    try:
        yield editor
    finally:
        editor.close()


class _Judge:
    """A judge that is made ready when the first picture comes."""

    def __init__(self, workspace: Workspace, modality: CanJudge) -> None:
        self._workspace, self._modality = workspace, modality
        self._loaded: LoadedJudge | None = None

    def score(self, example: Example, picture: bytes) -> Mapping[str, RowScore]:
        """The scores of a picture."""
        if self._loaded is None:
            self._loaded = self._modality.open_judge(self._workspace.settings)
        return self._loaded.score(example, picture)

    def close(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
            self._loaded = None


@contextmanager
def judging(workspace: Workspace, modality: CanJudge) -> Iterator[_Judge]:
    """A judge for as long as it is needed."""
    judge = _Judge(workspace, modality)
    try:
        yield judge
    finally:
        judge.close()


def by_picture(workspace: Workspace, modality: CanJudge, judge: _Judge) -> Yardstick:
    """Scores pictures by their digests.

    Raises:
        NotFoundError: a setting names a model that is not there.
    """
    path = whole_media(workspace.blobs)

    def score(row: DatasetRow, digest: str) -> Mapping[str, RowScore]:
        return judge.score(example_of(row, path), workspace.blobs.read(digest))

    return Yardstick(measures=modality.measures(workspace.settings), score=score)


def unchanged(modality: CanJudge, role: str) -> Baseline:
    """The trivial model: it gives back the picture of a role as it is."""

    def predict(rows: Sequence[DatasetRow]) -> list[str]:
        return [str(row.content["media"][role]["digest"]) for row in rows]

    return Baseline(name=modality.baseline_name, predict=predict)
