"""Databases of their own for tests, on one server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


def create(server_url: str, name: str, template: str) -> str:
    """A new database as a copy of `template`; its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    before, _, query = server_url.partition("?")
    return before.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


@contextmanager
def fresh(server_url: str, template: str) -> Iterator[str]:
    """The URL of a copy of `template` that is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    yield create(server_url, name, template)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
