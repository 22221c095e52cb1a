"""Where the configuration says that secrets, files and databases are."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from gateway.databases import Place, Server


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def beside_the_config(path: Path, info: ValidationInfo) -> Path:
    directory: Path = (info.context or {}).get("directory", Path())
    return directory / path


def postgresql(text: str) -> str:
    """Never quoted where it is wrong: there may be a password in it."""
    try:
        url = urlsplit(text)
        told = url.port is None or url.port > 0
    except ValueError:
        told = False
    if not told or url.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be a path, or a URL of PostgreSQL's: postgresql://user@host:5432/database")
    if url.password is not None or {"password", "sslpassword"} & set(dict(parse_qsl(url.query))):
        raise ValueError("must hold no password: say in 'password' where it is")
    return text


def location(value: Any, info: ValidationInfo) -> Place:
    if not isinstance(value, str | Path):
        raise ValueError("must be a path, or a URL of PostgreSQL's")  # noqa: TRY004 -- pydantic tells of these only
    text = str(value)
    return Server(postgresql(text)) if "://" in text else beside_the_config(Path(text), info)


LocalPath = Annotated[Path, AfterValidator(beside_the_config)]
Location = Annotated[Path | Server, PlainValidator(location)]


class CredentialSource(Section):
    """Where a secret comes from. It is read once, when the settings are."""

    env: str | None = None
    file: LocalPath | None = None
    _value: str = PrivateAttr(default="")
    _kind: ClassVar[str] = "credentials"

    @property
    def name(self) -> str:
        return self.env or str(self.file)

    def reveal(self) -> str:
        return self._value

    @model_validator(mode="after")
    def read(self, info: ValidationInfo) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("needs exactly one of 'env' and 'file'")
        if not (info.context or {}).get(self._kind, True):
            return self
        value = (self._from_env() if self.file is None else self._from_file(self.file)).strip()
        if not value:
            raise ValueError(f"{self.name} is empty")
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"{self.name} holds characters that cannot stand in a header")
        self._value = value
        return self

    def _from_env(self) -> str:
        value = os.environ.get(self.name)
        if value is None:
            raise ValueError(f"environment variable {self.name} is not set")
        return value

    @staticmethod
    def _from_file(path: Path) -> str:
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from None


class Password(CredentialSource):
    _kind: ClassVar[str] = "passwords"


class Stored(Section):
    """Has a `database`: a file of SQLite, or a URL of PostgreSQL's, to which there may be a password."""

    database: Location | None = None
    password: Password | None = None

    @model_validator(mode="after")
    def has_a_password_where_it_counts(self) -> Self:
        if self.password is not None and not isinstance(self.database, Server):
            raise ValueError("'password' belongs to a database of PostgreSQL")
        return self

    @property
    def place(self) -> Place:
        """Only where there is a database."""
        assert self.database is not None
        if isinstance(self.database, Server) and self.password is not None:
            return replace(self.database, password=self.password.reveal())
        return self.database
