"""An extract to break, and a database that holds the golden extract."""

from pathlib import Path

import databases
import pytest

from orchestration import source
from orchestration.db.database import connect

GOLDEN = Path(__file__).parent.parent / "golden" / "source"


@pytest.fixture
def write_extract(tmp_path: Path):
    """Return a function that writes `{file name: text or bytes}` into a folder and returns it."""

    def write(files: dict[str, str | bytes], folder: str = "extract") -> Path:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, content in files.items():
            (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="module")
def golden_database(server_url: str, migrated_template: str):
    """Yield a connection to the golden extract, for tests that do not change it."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        source.load(connection, GOLDEN, as_of=None, base_currency="USD")
        yield connection
