"""Reports: `engine.py` computes one, and docs/explanation/report.md explains its steps."""
