"""The Dagster instance of this home, which stores runs and events."""

import os
from pathlib import Path

from orchestration.settings import settings

_CONFIGURATION = Path(__file__).with_name("dagster.yaml")


def prepare_dagster_home() -> Path:
    """Return the folder of the Dagster instance.

    It is the folder that DAGSTER_HOME names. Without DAGSTER_HOME, create and configure a folder in
    this home, and set DAGSTER_HOME to it.
    """
    named = os.environ.get("DAGSTER_HOME")
    folder = Path(named) if named else settings().home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if not named:
        (folder / "dagster.yaml").write_text(_CONFIGURATION.read_text(encoding="utf-8"), encoding="utf-8")
        os.environ["DAGSTER_HOME"] = str(folder)
    return folder
