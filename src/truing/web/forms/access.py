"""Forms of signing in, people, tokens and settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from truing.domain.person import Role

Name = Annotated[str, Field(min_length=1, max_length=64, description="of a person")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]


class LoginForm(BaseModel):
    """Name and password, or a token; which one the server asks for is told by GET."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    password: Secret | None = None
    token: Secret | None = Field(None, description="the one-time token, or an API token")


class PasswordForm(BaseModel):
    """Another password for oneself."""

    model_config = ConfigDict(extra="forbid")

    old: Secret
    new: Secret


class PersonForm(BaseModel):
    """Somebody new."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Role
    password: Secret | None = None


class PersonChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    password: Secret | None = None


class TokenForm(BaseModel):
    """A token for a program."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field("", max_length=80, description="what it is for")
    days: float | None = Field(None, gt=0, le=36_500, description="how long it lets in")


class SettingForm(BaseModel):
    """A value for one setting; null takes it out of the file, so that the default counts."""

    model_config = ConfigDict(extra="forbid")

    value: (
        bool
        | Annotated[int, Field(ge=-(2**53), le=2**53)]
        | float
        | Annotated[str, Field(max_length=1000)]
        | None
    )
