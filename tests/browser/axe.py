"""Accessibility checks of a page with axe."""

import json
from importlib.resources import files

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


def find_violations(page):
    """Return the accessibility violations on the page, one line for each element."""
    page.evaluate(AXE)
    violations = page.evaluate(f"axe.run({json.dumps(RULES)}).then(result => result.violations)")
    return [
        f"{violation['id']}: {node['html'][:150]} {node['failureSummary']}"
        for violation in violations
        for node in violation["nodes"]
    ]
