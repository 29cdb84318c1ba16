"""`python -m orchestration.cli` is `dynamics`."""

from orchestration.cli import main

main()
