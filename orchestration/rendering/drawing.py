"""Pictures from a Vega-Lite spec, drawn in a process of their own.

vl-convert holds the interpreter while it draws, a second for a large chart: a server that draws in its own process
answers nobody meanwhile.
"""

import json
import subprocess
import sys
from threading import BoundedSemaphore
from typing import Any

from orchestration.errors import Unavailable

_AT_ONCE = BoundedSemaphore(2)
_PATIENCE = 60
"""Seconds; the largest chart, ten series over three years of days, takes three."""


def draw(spec: dict[str, Any], fmt: str) -> bytes:
    """The chart of a spec as `svg` or `png`. Nothing is fetched. Raises Unavailable when it takes a minute."""
    return _ask(fmt, spec)


def vega_script() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one JavaScript module that sets `window.vegaEmbed`."""
    return _ask("script", None)


def _ask(what: str, spec: dict[str, Any] | None) -> bytes:
    asked = json.dumps(spec).encode()
    with _AT_ONCE:
        try:
            done = subprocess.run(  # noqa: S603 - this file, by this Python
                [sys.executable, "-P", __file__, what],
                input=asked,
                stdout=subprocess.PIPE,
                timeout=_PATIENCE,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"the chart was not drawn in {_PATIENCE} s: choose fewer rows or periods"
            ) from error
    return done.stdout


def _answer(what: str, spec: Any) -> bytes:
    import vl_convert

    match what:
        case "png":
            return vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
        case "svg":
            return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
        case _:
            return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(sys.argv[1], json.load(sys.stdin)))
