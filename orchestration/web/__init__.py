"""Web pages over the archive: whoever has a link sees what was kept, and nothing else."""

from orchestration.web.app import create_app

__all__ = ["create_app"]
