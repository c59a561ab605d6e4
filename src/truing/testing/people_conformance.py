"""What every store must do with people: one of each name, always an admin, tokens that end."""

# ruff: noqa: D102 - the names of the tests say what they show

from __future__ import annotations

import pytest

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.person import OWNER, Person, Role, Token, TokenKind
from truing.domain.ports import Store
from truing.testing.factories import START


def make_person(name: str, role: Role = Role.REVIEWER, password: str | None = None) -> Person:
    """Somebody."""
    return Person(name=name, role=role, password=password, added_at=START)


def make_token(
    digest: str,
    person: str = OWNER,
    kind: TokenKind = TokenKind.API,
    expires_at: int | None = None,
) -> Token:
    """A token that was handed out at the start."""
    return Token(
        digest=digest,
        person=person,
        kind=kind,
        label="phone",
        created_at=START,
        expires_at=expires_at,
    )


class PeopleConformance:
    """Tests of `People`; see `store_conformance`."""

    def test_people_are_found_by_name(self, store: Store) -> None:
        assert store.people.all() == []
        ada = make_person("Ada", Role.ADMIN, "$argon2id$…")
        store.people.add(ada)
        store.people.add(make_person("bob"))
        assert store.people.find("Ada") == ada
        assert store.people.find("ada") is None
        assert [one.name for one in store.people.all()] == ["Ada", "bob"]

    def test_two_names_differ_by_more_than_case(self, store: Store) -> None:
        store.people.add(make_person("Ada"))
        with pytest.raises(ConflictError, match="Ada"):
            store.people.add(make_person("ADA"))

    def test_an_admin_is_always_left(self, store: Store) -> None:
        store.people.add(make_person("ada", Role.ADMIN))
        store.people.add(make_person("bob"))
        with pytest.raises(ConflictError, match="only admin"):
            store.people.set_role("ada", Role.REVIEWER)
        with pytest.raises(ConflictError, match="only admin"):
            store.people.remove("ada")
        store.people.set_role("bob", Role.ADMIN)
        store.people.remove("ada")
        assert [(one.name, one.role) for one in store.people.all()] == [("bob", Role.ADMIN)]

    def test_nobody_is_nobody(self, store: Store) -> None:
        for refused in (
            lambda: store.people.set_role("eve", Role.REVIEWER),
            lambda: store.people.set_password("eve", "hash"),
            lambda: store.people.remove("eve"),
            lambda: store.people.add_token(make_token("sha256:1", "eve")),
        ):
            with pytest.raises(NotFoundError, match="eve"):
                refused()

    def test_a_token_tells_whose_it_is(self, store: Store) -> None:
        store.people.add(make_person("ada", Role.ADMIN))
        own = store.people.add_token(make_token("sha256:own"))
        hers = store.people.add_token(make_token("sha256:hers", "ada"))
        assert own.id != hers.id
        assert store.people.holder("sha256:own") == (own, None)
        assert store.people.holder("sha256:hers") == (hers, store.people.find("ada"))
        assert store.people.holder("sha256:none") is None
        assert store.people.tokens("ada") == [hers]

    def test_a_used_token_says_when(self, store: Store) -> None:
        kept = store.people.add_token(make_token("sha256:1"))
        store.people.seen(kept.id, START + 5)
        assert [one.used_at for one in store.people.tokens(OWNER)] == [START + 5]

    def test_what_was_revoked_or_is_over_is_gone(self, store: Store) -> None:
        first = store.people.add_token(make_token("sha256:1"))
        store.people.add_token(make_token("sha256:2", expires_at=START + 10))
        store.people.add_token(make_token("sha256:3", expires_at=START + 11))
        assert store.people.revoke(first.id)
        assert not store.people.revoke(first.id)
        assert store.people.drop_expired(START + 10) == 1
        assert [one.digest for one in store.people.tokens(OWNER)] == ["sha256:3"]

    def test_another_password_ends_sessions_but_not_programs(self, store: Store) -> None:
        store.people.add(make_person("ada", Role.ADMIN))
        for digest, kind in (("sha256:1", TokenKind.SESSION), ("sha256:2", TokenKind.API)):
            store.people.add_token(make_token(digest, "ada", kind))
        store.people.set_password("ada", "other hash")
        found = store.people.find("ada")
        assert found is not None
        assert found.password == "other hash"
        assert [one.digest for one in store.people.tokens("ada")] == ["sha256:2"]

    def test_who_is_removed_takes_the_tokens_along(self, store: Store) -> None:
        store.people.add(make_person("ada", Role.ADMIN))
        store.people.add(make_person("bob"))
        store.people.add_token(make_token("sha256:1", "bob"))
        store.people.remove("bob")
        assert store.people.holder("sha256:1") is None
