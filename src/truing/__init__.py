"""Truing keeps a model true to the person who uses it.

`Workspace` is the door: `Workspace.open(folder)`, then one method per verb of the loop. It is
imported on first use, so that `import truing` stays light.
"""

from __future__ import annotations

# Not imported from `typing`: that would load two dozen modules, and type checkers know the name.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from truing.workspace import Workspace

__all__ = ["Workspace", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Workspace":
        from truing.workspace import Workspace

        return Workspace
    raise AttributeError(f"module `truing` has no attribute `{name}`")
