"""People and their tokens in a database."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from truing.domain.errors import ConflictError, NotFoundError
from truing.domain.person import OWNER, Person, Role, Token, TokenKind
from truing.stores.database.connection import Database
from truing.stores.database.schema import people, tokens


class DatabasePeople:
    """See `truing.domain.person.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, person: Person) -> None:
        """See `People.add`."""
        row = {
            "name": person.name,
            "folded": person.name.casefold(),
            "role": person.role.value,
            "password": person.password,
            "added_at": person.added_at,
        }
        with self._database.writing() as connection:
            there = sa.select(people.c.name).where(people.c.folded == row["folded"])
            taken = connection.scalar(there)
            if taken is not None:
                raise ConflictError(
                    f"there is somebody called `{taken}` already",
                    hint="choose another name, or change that person's role or password",
                )
            connection.execute(sa.insert(people).values(row))

    def find(self, name: str) -> Person | None:
        """See `People.find`."""
        with self._database.reading() as connection:
            query = sa.select(people).where(people.c.name == name)
            row = connection.execute(query).mappings().first()
        return None if row is None else _person(row)

    def all(self) -> list[Person]:
        """See `People.all`."""
        with self._database.reading() as connection:
            query = sa.select(people).order_by(people.c.folded)
            return [_person(row) for row in connection.execute(query).mappings()]

    def set_role(self, name: str, role: Role) -> None:
        """See `People.set_role`."""
        with self._database.writing() as connection:
            if role is not Role.ADMIN:
                _keep_an_admin(connection, name)
            change = sa.update(people).where(people.c.name == name).values(role=role.value)
            _must_change(connection.execute(change).rowcount, name)

    def set_password(self, name: str, password: str) -> None:
        """See `People.set_password`."""
        with self._database.writing() as connection:
            change = sa.update(people).where(people.c.name == name).values(password=password)
            _must_change(connection.execute(change).rowcount, name)
            sessions = (tokens.c.person == name, tokens.c.kind == TokenKind.SESSION.value)
            connection.execute(sa.delete(tokens).where(*sessions))

    def remove(self, name: str) -> None:
        """See `People.remove`."""
        with self._database.writing() as connection:
            _keep_an_admin(connection, name)
            gone = connection.execute(sa.delete(people).where(people.c.name == name))
            _must_change(gone.rowcount, name)
            connection.execute(sa.delete(tokens).where(tokens.c.person == name))

    def add_token(self, token: Token) -> Token:
        """See `People.add_token`."""
        row = {
            "digest": token.digest,
            "person": token.person,
            "kind": token.kind.value,
            "label": token.label,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "used_at": token.used_at,
        }
        with self._database.writing() as connection:
            if token.person != OWNER:
                there = sa.select(sa.func.count()).where(people.c.name == token.person)
                _must_change(connection.scalar(there) or 0, token.person)
            number = connection.scalar(sa.insert(tokens).values(row).returning(tokens.c.id))
        return replace(token, id=number or 0)

    def holder(self, digest: str) -> tuple[Token, Person | None] | None:
        """See `People.holder`."""
        query = (
            sa.select(tokens, people.c.name, people.c.role, people.c.password, people.c.added_at)
            .outerjoin_from(tokens, people, people.c.name == tokens.c.person)
            .where(tokens.c.digest == digest)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return _token(row), None if row["name"] is None else _person(row)

    def tokens(self, person: str) -> list[Token]:
        """See `People.tokens`."""
        query = sa.select(tokens).where(tokens.c.person == person).order_by(tokens.c.id.desc())
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(query).mappings()]

    def seen(self, id: int, at: int) -> None:
        """See `People.seen`."""
        with self._database.writing() as connection:
            connection.execute(sa.update(tokens).where(tokens.c.id == id).values(used_at=at))

    def revoke(self, id: int) -> bool:
        """See `People.revoke`."""
        with self._database.writing() as connection:
            gone = connection.execute(sa.delete(tokens).where(tokens.c.id == id))
        return bool(gone.rowcount)

    def drop_expired(self, now: int) -> int:
        """See `People.drop_expired`."""
        with self._database.writing() as connection:
            gone = connection.execute(sa.delete(tokens).where(tokens.c.expires_at <= now))
        return int(gone.rowcount)


def _keep_an_admin(connection: sa.Connection, name: str) -> None:
    """Refuses what would leave a server that nobody can look after."""
    admins = sa.select(people.c.name).where(people.c.role == Role.ADMIN.value)
    if list(connection.scalars(admins.with_for_update())) == [name]:
        raise ConflictError(f"`{name}` is the only admin", hint="make somebody else an admin first")


def _must_change(rows: int, name: str) -> None:
    if not rows:
        raise NotFoundError(
            f"there is nobody called `{name}`", hint="`truing people list` shows who is"
        )


def _person(row: sa.RowMapping) -> Person:
    return Person(
        name=row["name"],
        role=Role(row["role"]),
        password=row["password"],
        added_at=row["added_at"],
    )


def _token(row: sa.RowMapping) -> Token:
    return Token(
        id=row["id"],
        digest=row["digest"],
        person=row["person"],
        kind=TokenKind(row["kind"]),
        label=row["label"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        used_at=row["used_at"],
    )
