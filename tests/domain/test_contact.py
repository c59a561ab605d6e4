"""Contacts: one form for one address, and nothing that is none."""

import pytest

from truing.domain.contact import LONGEST, contact_of
from truing.domain.errors import InvalidInputError


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ann@Example.ORG\n", "ann@example.org"),
        ("STRASSE@x.de", "strasse@x.de"),
        ("Zoe\u0308@x.de", "zoë@x.de"),
        ("+43 1 2345", "+43 1 2345"),
        ("User-Ab12", "User-Ab12"),
        ("a@" + "b" * (LONGEST - 2), "a@" + "b" * (LONGEST - 2)),
        ("anonymous", None),
        (" Anonymous ", None),
        ("  ", None),
        (None, None),
    ],
)
def test_an_address_has_one_form(given: str | None, kept: str | None) -> None:
    assert contact_of(given) == kept
    assert contact_of(kept) == kept


@pytest.mark.parametrize("given", ["x" * (LONGEST + 1), "a\0b@x.de", "a\nb", "half \ud83d"])
def test_what_nobody_can_type_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        contact_of(given)
    assert given not in f"{raised.value.message} {raised.value.hint}"
