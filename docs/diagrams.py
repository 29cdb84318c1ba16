"""Mermaid diagrams of the documentation as SVG, so that no page loads a script."""

import hashlib
import json
from typing import Any

from merman import Merman  # type: ignore[import-untyped]


def render(source: str, language: str, css_class: str, options: Any, md: Any, **kwargs: Any) -> str:  # noqa: ARG001 - superfences passes them
    """Return the HTML of a fenced block in the language `mermaid` (a formatter of superfences)."""
    # Styles in the SVG refer to its id, so each diagram of a page needs its own.
    diagram_id = f"diagram-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    svg = Merman().render_svg(source, json.dumps({"svg": {"diagram_id": diagram_id}}))
    return f'<figure class="diagram">{svg}</figure>'
