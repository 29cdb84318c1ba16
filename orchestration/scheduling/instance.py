"""The Dagster instance of this home: where Dagster keeps its runs and events."""

import os
from pathlib import Path

from orchestration.settings import settings

_CONFIGURATION = Path(__file__).with_name("dagster.yaml")


def prepare_dagster_home() -> Path:
    """The folder that DAGSTER_HOME names: the user's own, or one in this home, configured and put into the environment."""
    named = os.environ.get("DAGSTER_HOME")
    folder = Path(named) if named else settings().home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if not named:
        (folder / "dagster.yaml").write_text(_CONFIGURATION.read_text(encoding="utf-8"), encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(folder)
    return folder
