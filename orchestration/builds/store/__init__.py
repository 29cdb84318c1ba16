"""The report store: columnar files of a build, which all reports read."""

from orchestration.builds.store.publish import clean, publish
from orchestration.builds.store.reader import Build, current_build

__all__ = ["Build", "clean", "current_build", "publish"]
