"""The report store: the columnar files of a build, which all reports read."""

from orchestration.builds.store.publish import publish, remove_old_files
from orchestration.builds.store.reader import Build, current_build

__all__ = ["Build", "current_build", "publish", "remove_old_files"]
