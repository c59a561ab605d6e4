"""Signing in and out, people, and the tokens of programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from truing.domain.clock import to_iso
from truing.domain.errors import ConflictError, InvalidInputError
from truing.domain.person import OWNER, Person, Role, Token, TokenKind
from truing.web.access.gate import VisitorDep, needs
from truing.web.access.limits import LOGINS_OF_ONE
from truing.web.access.rights import Right, Visitor
from truing.web.answers import json_answer, shown
from truing.web.context import Web, WebDep
from truing.web.errors import NotAllowedError, NotSignedInError
from truing.web.forms.access import LoginForm, PasswordForm, PersonChange, PersonForm, TokenForm
from truing.web.forms.filters import LARGEST
from truing.workspace import people

router = APIRouter(prefix="/api", tags=["access"])

TOKEN = {
    "id": 3,
    "label": "phone",
    "kind": "api",
    "created_at": "2026-11-21T10:20:30Z",
    "expires_at": None,
    "used_at": None,
    "this": False,
}
PERSON = {
    "name": "ann",
    "role": "reviewer",
    "added_at": "2026-11-21T10:20:30Z",
    "has_password": True,
    "sessions": 1,
    "tokens": 0,
}
ME = {
    "name": "ann",
    "role": "admin",
    "rights": ["contribute", "operate", "read", "review"],
    "auth": "users",
    "token": 3,
}

PersonName = Annotated[str, Path(min_length=1, max_length=64)]


@router.get("/login", responses=shown({"auth": "users", "signed_in": False}))
def login_form(web: WebDep, request: Request) -> dict[str, object]:
    """What has to be given to sign in: `off` nothing, `token` a token, `users` a password."""
    return {"auth": web.gate.auth, "signed_in": request.state.visitor is not None}


@router.post("/login", responses=shown(ME))
def login(form: LoginForm, web: WebDep, request: Request) -> Response:
    """Exchanges a one-time token, an API token or a password for a cookie."""
    if web.gate.open:
        raise ConflictError("nobody has to sign in here", hint="go to /")
    person = _person(web, form)
    label = request.headers.get("user-agent", "")[: people.LABEL_LENGTH]
    days = web.workspace.settings.number("serve.session_days")
    secret, _ = people.hand_out(
        web.workspace,
        person,
        kind=TokenKind.SESSION,
        label="".join(letter for letter in label if letter.isprintable()),
        days=days,
    )
    visitor = web.gate.holder(secret)
    if visitor is None:
        raise _refused()
    answer = json_answer(_me(web, visitor))
    answer.set_cookie(
        web.gate.cookie,
        secret,
        max_age=int(days * 86_400),
        httponly=True,
        samesite="strict",
        secure=request.headers.get("origin", "").startswith("https:"),
    )
    return answer


def _person(web: Web, form: LoginForm) -> str:
    """Whose session it will be.

    Raises:
        NotSignedInError: what was given lets nobody in.
        TooManyError: too many tries under this name.
    """
    if form.token is not None:
        if web.gate.auth == "token" and web.gate.redeem(form.token):
            return OWNER
        holder = web.gate.holder(form.token)
        if holder is None or holder.person is None:
            raise _refused()
        return holder.person
    if web.gate.auth != "users" or form.name is None or form.password is None:
        raise InvalidInputError(
            "there is nothing to sign in with", hint="give name and password, or a token"
        )
    web.gate.limits.take(LOGINS_OF_ONE, form.name)
    if not people.knows(web.workspace, form.name, form.password):
        raise _refused()
    return form.name


def _refused() -> NotSignedInError:
    return NotSignedInError(
        "that lets nobody in",
        hint="look at the name and the password; a one-time address works once, "
        "and `truing serve` prints a new one at each start",
    )


@router.post(
    "/logout", dependencies=[needs(Right.CONTRIBUTE)], responses=shown({"signed_out": True})
)
def logout(web: WebDep, visitor: VisitorDep) -> Response:
    """Ends this session; a program's token stays."""
    if visitor.token is not None and visitor.person is not None:
        mine = people.tokens(web.workspace, visitor.person)
        if any(one.id == visitor.token and one.kind is TokenKind.SESSION for one in mine):
            people.revoke(web.workspace, visitor.token)
    answer = json_answer({"signed_out": True})
    answer.delete_cookie(web.gate.cookie, httponly=True, samesite="strict")
    return answer


@router.get("/me", dependencies=[needs(Right.CONTRIBUTE)], responses=shown(ME))
def me(web: WebDep, visitor: VisitorDep) -> dict[str, object]:
    """Who asks, and what they may do."""
    return _me(web, visitor)


def _me(web: Web, visitor: Visitor) -> dict[str, object]:
    return {
        "name": visitor.name,
        "role": visitor.role.value,
        "rights": sorted(right.value for right in Right if visitor.may(right)),
        "auth": web.gate.auth,
        "token": visitor.token,
    }


@router.put(
    "/me/password", dependencies=[needs(Right.CONTRIBUTE)], responses=shown({"changed": True})
)
def change_password(form: PasswordForm, web: WebDep, visitor: VisitorDep) -> dict[str, object]:
    """Gives oneself another password; all of one's sessions end."""
    _only_with_people(web)
    web.gate.limits.take(LOGINS_OF_ONE, visitor.name)
    if not people.knows(web.workspace, visitor.name, form.old):
        raise NotAllowedError("the old password is another one", hint="type it again")
    people.set_password(web.workspace, visitor.name, form.new)
    return {"changed": True}


# --- people --------------------------------------------------------------------------------------


@router.get("/people", dependencies=[needs(Right.OPERATE)], responses=shown({"items": [PERSON]}))
def listed(web: WebDep) -> dict[str, object]:
    """Everybody who may sign in."""
    found = web.workspace.store.people.all()
    return {"items": [_as_dict(web, one) for one in found], "next": None}


@router.post("/people", dependencies=[needs(Right.OPERATE)], responses=shown(PERSON))
def add(form: PersonForm, web: WebDep) -> dict[str, object]:
    """Adds somebody."""
    _only_with_people(web)
    return _as_dict(web, people.add(web.workspace, form.name, form.role, form.password))


@router.patch("/people/{name}", dependencies=[needs(Right.OPERATE)], responses=shown(PERSON))
def change(name: PersonName, form: PersonChange, web: WebDep) -> dict[str, object]:
    """Gives somebody another role or password; with a password, their sessions end."""
    _only_with_people(web)
    if form.role is not None:
        people.set_role(web.workspace, name, form.role)
    if form.password is not None:
        people.set_password(web.workspace, name, form.password)
    return _as_dict(web, people.get(web.workspace, name))


@router.delete(
    "/people/{name}", dependencies=[needs(Right.OPERATE)], responses=shown({"removed": "ann"})
)
def remove(name: PersonName, web: WebDep) -> dict[str, object]:
    """Removes somebody and their tokens; what they decided stays."""
    _only_with_people(web)
    people.remove(web.workspace, name)
    return {"removed": name}


def _only_with_people(web: Web) -> None:
    if web.gate.auth != "users":
        raise ConflictError(
            f"this server knows no people: serve.auth is `{web.gate.auth}`",
            hint="truing people add NAME --role admin, then truing serve --auth users",
        )


def _as_dict(web: Web, person: Person) -> dict[str, object]:
    kinds = [one.kind for one in people.tokens(web.workspace, person.name)]
    return {
        "name": person.name,
        "role": person.role.value,
        "added_at": to_iso(person.added_at),
        "has_password": person.password is not None,
        "sessions": kinds.count(TokenKind.SESSION),
        "tokens": kinds.count(TokenKind.API),
    }


# --- tokens --------------------------------------------------------------------------------------


@router.get("/tokens", dependencies=[needs(Right.CONTRIBUTE)], responses=shown({"items": [TOKEN]}))
def own_tokens(web: WebDep, visitor: VisitorDep) -> dict[str, object]:
    """One's own tokens and the browsers in which one is signed in."""
    if visitor.person is None:
        return {"items": [], "next": None}
    found = people.tokens(web.workspace, visitor.person)
    return {"items": [_token(one, visitor) for one in found], "next": None}


@router.post(
    "/tokens",
    dependencies=[needs(Right.CONTRIBUTE)],
    responses=shown({"secret": "truing_…", "token": TOKEN}),
)
def hand_out(form: TokenForm, web: WebDep, visitor: VisitorDep) -> Mapping[str, object]:
    """Makes a token for a program; its secret is told this once."""
    if visitor.person is None:
        raise ConflictError(
            "this server asks nobody for a token", hint="any key does; leave it as it is"
        )
    secret, token = people.hand_out(web.workspace, visitor.person, label=form.label, days=form.days)
    return {"secret": secret, "token": _token(token, visitor)}


@router.delete(
    "/tokens/{id}", dependencies=[needs(Right.CONTRIBUTE)], responses=shown({"revoked": 3})
)
def revoke(
    id: Annotated[int, Path(ge=1, le=LARGEST)], web: WebDep, visitor: VisitorDep
) -> dict[str, object]:
    """Makes one of one's own tokens worthless; an admin may do so with any."""
    own = None if visitor.role is Role.ADMIN else visitor.person
    people.revoke(web.workspace, id, of=own)
    return {"revoked": id}


def _token(token: Token, visitor: Visitor) -> dict[str, object]:
    return {
        "id": token.id,
        "label": token.label,
        "kind": token.kind.value,
        "created_at": to_iso(token.created_at),
        "expires_at": None if token.expires_at is None else to_iso(token.expires_at),
        "used_at": None if token.used_at is None else to_iso(token.used_at),
        "this": token.id == visitor.token,
    }
