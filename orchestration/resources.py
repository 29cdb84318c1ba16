"""The folders that the product reads at run time: the dbt project and the report templates.

A wheel contains them inside the package. A checkout has them beside the package.
"""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The checkout. In an installed package it is the folder of the installed packages."""


def resource_folder(name: str) -> Path:
    """Return the folder `dbt_project` or `report_templates`."""
    installed = Path(__file__).resolve().parent / name
    return installed if installed.is_dir() else PROJECT_ROOT / name
