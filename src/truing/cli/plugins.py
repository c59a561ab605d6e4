"""`truing plugins`: list modalities, formats and recipes, built in and installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from truing.cli import output
from truing.cli.arguments import add_json
from truing.cli.table import LINES

if TYPE_CHECKING:
    import argparse

    from truing.domain.registry import Registry

HELP = LINES["plugins"]
EXAMPLE = "truing plugins"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments."""
    add_json(parser, '{"plugins": [{"kind", "name", "target", "built_in", "ok", "says"}]}')


def run(args: argparse.Namespace) -> int:
    """Loads each one; a broken one is named and does not hide the others."""
    rows = list(_all())
    if args.json:
        output.show_json({"plugins": rows})
        return 0
    output.table(
        ("kind", "name", "from", "what it is"),
        [
            (
                row["kind"],
                row["name"],
                "Truing" if row["built_in"] else row["target"],
                row["says"] if row["ok"] else f"BROKEN: {row['says']}",
            )
            for row in rows
        ],
    )
    if not all(row["built_in"] for row in rows):
        return 0
    output.hint("packages can add more under the entry points truing.modalities, truing.formats")
    return 0


def _all() -> Iterator[dict[str, object]]:
    from truing.domain.errors import TruingError
    from truing.domain.modality import CanTrain
    from truing.domain.registry import Registry
    from truing.formats import FORMATS
    from truing.modalities import MODALITIES
    from truing.workspace import formats, modalities

    yield from _each("modality", modalities, MODALITIES)
    yield from _each("format", formats, FORMATS)
    for name in modalities.names():
        try:
            modality = modalities.load(name)()
        except TruingError:
            continue  # named as broken above
        if isinstance(modality, CanTrain):
            kind = f"{name} recipe"
            own = modality.recipes
            yield from _each(kind, Registry(kind, own, f"truing.recipes.{name}"), own)


def _each(kind: str, registry: Registry, built_in: object) -> Iterator[dict[str, object]]:
    known = built_in if isinstance(built_in, dict) else {}
    for name in registry.names():
        ok, says = _look(registry, name)
        yield {
            "kind": kind,
            "name": name,
            "target": registry.target(name),
            "built_in": name in known,
            "ok": ok,
            "says": says,
        }


def _look(registry: Registry, name: str) -> tuple[bool, str]:
    try:
        return True, str(getattr(registry.load(name)(), "summary", ""))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; its name is told
        return False, f"{type(error).__name__}: {error}"
