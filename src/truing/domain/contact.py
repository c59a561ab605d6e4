"""Contacts: by what address the person behind a sample can ask for its deletion.

A contact serves that alone. It is kept apart from the sample, and is part of no list, export,
journal or log.
"""

from __future__ import annotations

import re
from typing import Protocol

from truing.domain.errors import InvalidInputError

LONGEST = 320
"""Characters: 64 before the `@` and 255 behind it (RFC 5321, 4.5.3.1)."""
NOBODY = frozenset({"", "anonymous"})
"""What apps send for somebody who gave no address."""
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")


def contact_of(given: str | None) -> str | None:
    """The one form in which a contact is kept and looked for; None where there is none.

    An e-mail address is the same in capitals and small letters; any other text counts as given.

    Raises:
        InvalidInputError: longer than `LONGEST`, or with signs in it that nobody can type. The
            message does not hold the contact itself.
    """
    if given is None:
        return None
    # Not at the top: most samples come without a contact, and the loop stays light.
    import unicodedata

    text = unicodedata.normalize("NFC", given.strip())
    if _MAIL.fullmatch(text):
        text = unicodedata.normalize("NFC", text.casefold())
    if text.casefold() in NOBODY:
        return None
    if len(text) > LONGEST or any(unicodedata.category(one) in _UNTYPED for one in text):
        raise InvalidInputError(
            f"a contact of {len(text)} characters is too long or holds control characters",
            hint=f"send an e-mail address, or another text of at most {LONGEST} characters",
        )
    return text


_UNTYPED = ("Cc", "Cs")


class Contacts(Protocol):
    """The port of contacts; one is stored with its sample, and erased with it."""

    def of(self, sample_id: int) -> str | None:
        """The contact of a sample, None when there is none."""
        ...

    def samples(self, contact: str) -> list[int]:
        """Numbers of the samples of a contact, ascending, those in the trash as well.

        Args:
            contact: as `contact_of` gives it.
        """
        ...
