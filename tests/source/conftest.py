"""An extract to break, and a database that holds the golden one."""

import secrets
from pathlib import Path

import psycopg
import pytest

from orchestration import database as database_room
from orchestration import source

GOLDEN = Path(__file__).parent.parent / "golden" / "source"


@pytest.fixture
def write_extract(tmp_path: Path):
    """Writes `{file name: text or bytes}` into a folder of the test, and gives the folder."""

    def write(files: dict[str, str | bytes], folder: str = "extract") -> Path:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, content in files.items():
            (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="module")
def golden_database(server_url: str, migrated_template: str):
    """A connection to a database with the golden extract in it, for tests that leave it as it is."""
    name = f"golden_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"create database {name} template {migrated_template}")
        before, _, query = server_url.partition("?")
        with database_room.connect(f"{before.rsplit('/', 1)[0]}/{name}?{query}") as connection:
            source.load(connection, GOLDEN, as_of=None, base_currency="USD")
            yield connection
        server.execute(f"drop database {name} with (force)")
