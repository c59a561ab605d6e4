"""The terminal and who sits at it: keys one by one, the login name, and lines kept off it."""

from __future__ import annotations

import getpass
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def login_name() -> str:
    """Who is at the machine; `unknown` where the system has no name for the user."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


_QUIET = threading.Lock()


@contextmanager
def without_noise(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Keeps known chatter of C++ code, which knows no log level, off the terminal.

    What else was written to standard error meanwhile, by any thread, comes out afterwards.
    """
    with _QUIET, tempfile.TemporaryFile() as kept:
        try:
            sys.stderr.flush()
            saved = os.dup(2)
        except (OSError, AttributeError, ValueError):  # no standard error to keep clean
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            kept.seek(0)
            for line in kept:
                if not noise.search(line):
                    os.write(saved, line)
            os.close(saved)


ESCAPE = "\x1b"
"""What `read_key` gives for keys that are no sign."""

if sys.platform == "win32":

    def read_key() -> str:
        """Waits for one key of the terminal, without Enter; ESCAPE for keys that are no sign."""
        import msvcrt

        sign = msvcrt.getwch()
        if sign in ("\x00", "\xe0"):
            msvcrt.getwch()
            return ESCAPE
        if sign == "\x03":
            raise KeyboardInterrupt
        return sign

else:

    def read_key() -> str:
        """Waits for one key of the terminal, without Enter; ESCAPE for keys that are no sign."""
        import termios
        import tty

        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
        try:
            # What was typed ahead counts: nothing is flushed.
            tty.setcbreak(number, termios.TCSADRAIN)
            return _read_sign(number)
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def _read_sign(number: int) -> str:
        """One sign in UTF-8, or ESCAPE for a whole sequence that begins with it."""
        data = os.read(number, 1)
        if data == ESCAPE.encode():
            _skip_sequence(number)
            return ESCAPE
        following = {0b110: 1, 0b1110: 2, 0b11110: 3}
        for bits, count in following.items():
            if data and data[0] >> (7 - count - 1) == bits:
                data += os.read(number, count)
        return data.decode("utf-8", "replace")

    def _skip_sequence(number: int) -> None:
        """Reads the rest of what an arrow or function key sends, and nothing beyond it."""
        first = _at_once(number)
        if first in (b"[", b"O"):
            # ECMA-48: parameters, then one final byte from @ to ~.
            while (sign := _at_once(number)) and not 0x40 <= sign[0] <= 0x7E:
                pass

    def _at_once(number: int) -> bytes:
        import select

        ready = select.select([number], [], [], 0.02)[0]
        return os.read(number, 1) if ready else b""
