"""Saved queries that change while the scheduler runs: it reads them anew."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from orchestration.errors import RequestError
from orchestration.saved_queries.saved_query_file import report_templates

LOCATION = "customer_dynamics"
"""What Dagster calls our assets: it keeps under this name which schedules are on and when they last fired."""

_RELOAD = f"""
    mutation {{ reloadRepositoryLocation(repositoryLocationName: "{LOCATION}") {{
        ... on WorkspaceLocationEntry {{ locationOrLoadError {{ __typename }} }}
    }} }}
"""
_PATIENCE = 120.0
"""Seconds; the assets load in seven on an idle machine."""


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """The files of the saved queries with their times and sizes: another answer means that one changed."""
    found = {path: path.stat() for path in folder.glob("*.y*ml")}
    return {path.name: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def reload_saved_queries(folder: Path, dagster_port: int, tell: Callable[[str], None]) -> bool:
    """Whether Dagster, its UI on that port of this machine, has read the saved queries anew; tells what it left out."""
    request = Request(
        f"http://127.0.0.1:{dagster_port}/graphql",
        json.dumps({"query": _RELOAD}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - http, as it says above
            read = b'"RepositoryLocation"' in answer.read()
        saved_queries, problems = report_templates(folder)
    except RequestError as error:
        tell(str(error))
    except (URLError, TimeoutError, ConnectionError):
        return False  # it is still starting
    else:
        for problem in problems:
            tell(f"left out: {problem}")
        tell(
            f"saved queries read anew: {len(saved_queries)} in use"
            if read
            else "the assets cannot be loaded: see Dagster"
        )
    return True
