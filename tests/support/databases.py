"""Test databases on one server, and the URLs of databases."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


def change_name(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    location, separator, query = url.partition("?")
    return f"{location.rsplit('/', 1)[0]}/{name}{separator}{query}"


def create(server_url: str, name: str, template: str = "template1") -> str:
    """Create a database as a copy of `template`, and return its URL."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    return change_name(server_url, name)


@contextmanager
def fresh(server_url: str, template: str = "template1") -> Iterator[str]:
    """Yield the URL of a new copy of `template`, and drop the database after the block."""
    name = f"test_{secrets.token_hex(6)}"
    yield create(server_url, name, template)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")
