"""What the report reads of a comparison, said so that it need not know the verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from truing.domain.evaluation import RowScore


class Row(Protocol):
    """One row as both models read it."""

    @property
    def sample_uid(self) -> str:
        """The sample."""

    @property
    def cluster(self) -> str:
        """Its cluster."""

    @property
    def subject(self) -> str | None:
        """Its speaker."""

    @property
    def truth(self) -> str | None:
        """What was said; None when it is not to be shown."""

    @property
    def prediction_a(self) -> str:
        """What a read."""

    @property
    def prediction_b(self) -> str:
        """What b read."""

    @property
    def score_a(self) -> RowScore:
        """The score of a."""

    @property
    def score_b(self) -> RowScore:
        """The score of b."""

    @property
    def gain(self) -> float:
        """Errors that b has fewer."""


class Slice(Protocol):
    """A speaker's figures."""

    @property
    def name(self) -> str:
        """The speaker."""

    @property
    def rows(self) -> int:
        """How many rows."""

    @property
    def value_a(self) -> float:
        """The figure of a."""

    @property
    def value_b(self) -> float:
        """The figure of b."""


class Compared(Protocol):
    """What the report needs of a comparison; `truing.loop.compare.Comparison` has it."""

    @property
    def model_a(self) -> str:
        """The model in use."""

    @property
    def model_b(self) -> str:
        """The candidate."""

    @property
    def dataset(self) -> str:
        """`name@number`."""

    @property
    def split(self) -> str:
        """`test`."""

    @property
    def metric(self) -> str:
        """`wer`."""

    @property
    def metric_version(self) -> str:
        """Its normaliser."""

    @property
    def higher_is_better(self) -> bool:
        """The metric's direction."""

    @property
    def value_a(self) -> float:
        """The figure of a."""

    @property
    def value_b(self) -> float:
        """The figure of b."""

    @property
    def difference(self) -> float:
        """B minus a."""

    @property
    def low(self) -> float | None:
        """Lower end of the difference's interval."""

    @property
    def high(self) -> float | None:
        """Upper end."""

    @property
    def level(self) -> float:
        """Of the interval."""

    @property
    def p_value(self) -> float:
        """Two-sided."""

    @property
    def rows(self) -> int:
        """Rows compared."""

    @property
    def clusters(self) -> int:
        """Clusters compared."""

    @property
    def wins(self) -> int:
        """Rows on which b is better."""

    @property
    def losses(self) -> int:
        """Rows on which b is worse."""

    @property
    def slices(self) -> Sequence[Slice]:
        """By speaker."""

    @property
    def compared(self) -> Sequence[Row]:
        """All rows."""
