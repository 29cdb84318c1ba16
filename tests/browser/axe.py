"""What axe finds wrong with a page for people who see, hear or point otherwise."""

import json
from importlib.resources import files

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


def problems(page):
    """What axe finds on the page, a line for each element."""
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run({json.dumps(RULES)}).then(found => found.violations)")
    return [
        f"{each['id']}: {node['html'][:150]} {node['failureSummary']}"
        for each in found
        for node in each["nodes"]
    ]
