"""A registry: names to `module:attribute`, nothing imported to list them.

Built-in things use the same table as plugins. Entry points of installed packages are read only
when a name is not in the table, or when all names are asked for.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from truing.domain.errors import DamagedError, NotFoundError


class Registry:
    """One kind of thing by name, such as modalities.

    Args:
        kind: what a person calls one of them, for messages.
        table: the built-in ones.
        entry_points: the entry-point group that plugins use.
    """

    __slots__ = ("_group", "_kind", "_plugins", "_table")

    def __init__(self, kind: str, table: Mapping[str, str], entry_points: str) -> None:
        self._kind = kind
        self._table = dict(table)
        self._group = entry_points
        self._plugins: dict[str, str] | None = None

    def names(self) -> list[str]:
        """All names, built-in and installed, sorted."""
        return sorted({*self._table, *self._installed()})

    def target(self, name: str) -> str:
        """The `module:attribute` behind a name.

        Raises:
            NotFoundError: no such name; the hint names the nearest.
        """
        found = self._table.get(name) or self._installed().get(name)
        if found is None:
            names = self.names()
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names)}"
            raise NotFoundError(f"there is no {self._kind} `{name}`", hint=hint)
        return found

    def load(self, name: str) -> Any:  # noqa: ANN401 - whatever the table names
        """Imports what is behind a name.

        Raises:
            NotFoundError: no such name.
            DamagedError: its module or attribute does not exist.
        """
        target = self.target(name)
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise DamagedError(
                f"the {self._kind} `{name}` could not be loaded from `{target}`: {error}",
                hint="reinstall the package that provides it",
            ) from error

    def _installed(self) -> Mapping[str, str]:
        if self._plugins is None:
            from importlib.metadata import entry_points

            self._plugins = {one.name: one.value for one in entry_points(group=self._group)}
        return self._plugins
