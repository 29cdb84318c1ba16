"""Reload of the saved queries in Dagster when their files change."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from orchestration.errors import RequestError
from orchestration.saved_queries.reader import read_saved_queries

CODE_LOCATION = "customer_dynamics"
"""The name of our code location. Dagster stores the state of the schedules under this name."""

_RELOAD_MUTATION = f"""
    mutation {{ reloadRepositoryLocation(repositoryLocationName: "{CODE_LOCATION}") {{
        ... on WorkspaceLocationEntry {{ locationOrLoadError {{ __typename }} }}
    }} }}
"""
_TIMEOUT_SECONDS = 120.0
"""Loading the assets takes several seconds, and longer on a busy machine."""


Fingerprint = dict[str, tuple[int, int]]
"""The time and the size of each file, by name."""


def fingerprint_files(folder: Path) -> Fingerprint:
    """Return the fingerprint of the saved queries' files. A different result means a change."""
    fingerprint = {}
    for path in folder.glob("*.y*ml"):
        with suppress(FileNotFoundError):  # the file was just deleted
            stat = path.stat()
            fingerprint[path.name] = (stat.st_mtime_ns, stat.st_size)
    return fingerprint


def reload_saved_queries(folder: Path, dagster_port: int, show: Callable[[str], None]) -> bool:
    """Reload the code location through Dagster's web server. Show the result.

    Return False if the web server does not answer yet, so that the caller tries again.
    """
    request = Request(
        f"http://127.0.0.1:{dagster_port}/graphql",
        json.dumps({"query": _RELOAD_MUTATION}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310 - the URL is http
            is_loaded = b'"RepositoryLocation"' in response.read()
        saved_queries, problems = read_saved_queries(folder)
    except RequestError as error:
        show(str(error))
    except (URLError, TimeoutError, ConnectionError):
        return False
    else:
        for problem in problems:
            show(f"left out: {problem}")
        show(
            f"saved queries reloaded: {len(saved_queries)} in use"
            if is_loaded
            else "the assets cannot be loaded: see Dagster"
        )
    return True
