"""`init`: a new folder with example saved queries and a `.env` file."""

from collections.abc import Iterator
from pathlib import Path

import click

from orchestration.errors import DynamicsError, RequestError

_ENV_HEADER = """\
# Settings of Customer Dynamics. `dynamics` reads this file in the folder in which you start it.
# A line without the # sets a value. A setting without a value keeps its default.
# Without a database, a bucket or a mail server, `dynamics` starts a local one.
# This file can hold passwords. Do not put it under version control.
"""


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write example saved queries and a commented .env into DIR.

    Start `dynamics` in that folder afterwards. Existing files are never overwritten.
    """
    files = {folder / name: content for name, content in _example_files()}
    existing = [path for path in files if path.exists()]
    if existing:
        raise RequestError(f"{existing[0]} exists: name a new folder, or move the file away")
    try:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            click.echo(f"written: {path}")
    except OSError as error:
        raise DynamicsError(f"{error.filename} cannot be written: {error.strerror}") from error


def _example_files() -> Iterator[tuple[str, bytes]]:
    """Yield the path within the new folder and the content of each file."""
    from orchestration.resources import resource_folder

    yield ".env", _commented_env().encode()
    for path in sorted(resource_folder("report_templates").iterdir()):
        if path.suffix in (".yaml", ".json"):
            yield f"report_templates/{path.name}", path.read_bytes()


def _commented_env() -> str:
    """Return a `.env` file that names every setting in a comment, with its default."""
    from orchestration.settings import Settings

    lines = [_ENV_HEADER]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None or "secret" in name else field.default
        value = "{}" if default == {} else str(default)
        lines.append(f"# {field.description}\n# DYNAMICS_{name.upper()}={value}\n")
    return "\n".join(lines)


COMMANDS = (init,)
