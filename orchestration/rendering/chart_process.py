"""Draws charts in a separate process.

vl-convert holds the interpreter lock while it draws. A server that drew in its own process could
not answer other requests meanwhile.
"""

import json
import subprocess
import sys
from threading import BoundedSemaphore
from typing import Any

from orchestration.errors import Unavailable

_concurrent_processes = BoundedSemaphore(2)
_TIMEOUT_SECONDS = 60


def draw_chart(spec: dict[str, Any], fmt: str) -> bytes:
    """Return the chart of a Vega-Lite spec as `svg` or `png`. No network is used.

    Raise Unavailable if the drawing takes longer than a minute.
    """
    return _run_process(fmt, spec)


def build_vega_script() -> bytes:
    """Return Vega, Vega-Lite and Vega-Embed as a JavaScript module that sets `window.vegaEmbed`."""
    return _run_process("script", None)


def _run_process(output: str, spec: dict[str, Any] | None) -> bytes:
    with _concurrent_processes:
        try:
            process = subprocess.run(  # noqa: S603 - this file, by this Python
                [sys.executable, "-P", __file__, output],
                input=json.dumps(spec).encode(),
                stdout=subprocess.PIPE,
                timeout=_TIMEOUT_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"the chart was not drawn within {_TIMEOUT_SECONDS} s: choose fewer rows or periods"
            ) from error
    return process.stdout


def _render(output: str, spec: Any) -> bytes:
    import vl_convert

    match output:
        case "png":
            return vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[])
        case "svg":
            return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode()
        case _:
            return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode()


if __name__ == "__main__":
    sys.stdout.buffer.write(_render(sys.argv[1], json.load(sys.stdin)))
