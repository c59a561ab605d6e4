"""Canonical JSON has one form per value; digests notice every change."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truing.domain.digest import canonical_json, chain_digest, digest_bytes, row_digest

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)
SALT = "00112233445566778899aabbccddeeff"


@given(values)
def test_it_reads_back_equal(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text(alphabet=st.characters(codec="utf-8")), st.integers(), max_size=6))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert canonical_json(value) == canonical_json(backwards)


@given(values, values)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (row_digest(one, SALT) == row_digest(other, SALT)) is same


def test_the_salt_changes_the_digest() -> None:
    assert row_digest({"a": 1}, SALT) != row_digest({"a": 1}, SALT[::-1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1: "a"}, {"a": {None: 1}}, b"x"])
def test_what_has_no_form_is_an_error(bad: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(bad)


def test_a_lone_surrogate_is_an_error() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json("\ud800")


def test_known_forms() -> None:
    assert (
        canonical_json({"b": [1, 1.5, None], "a": "é😀"}) == '{"a":"é😀","b":[1,1.5,null]}'.encode()
    )
    assert digest_bytes(b"") == (
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )


def test_the_chain_depends_on_order() -> None:
    one, two = digest_bytes(b"1"), digest_bytes(b"2")
    assert chain_digest([one, two]) != chain_digest([two, one])
