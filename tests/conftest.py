"""What every test may count on."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Ctrl-C works in the programs that tests start, even when a shell began us in the background
    (`make test &`) and so told us, and them after us, to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
