"""A wide report in Chromium: the time of its first paint, and how smoothly it scrolls."""

import shutil
from typing import Any

_FRAMES = """
    () => new Promise((done) => {
      const frame = document.querySelector(".scroll"), began = performance.now(), steps = 300;
      let count = 0, before = began, longest = 0;
      function step(now) {
        if (count) longest = Math.max(longest, now - before);
        before = now;
        frame.scrollLeft += 60;
        if (++count < steps) requestAnimationFrame(step);
        else done({ frames: 1000 * count / (performance.now() - began), longest });
      }
      requestAnimationFrame(step);
    })
"""
"""Scroll 60 pixels a frame: half a column, 3,600 pixels a second."""
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure_visits(address: str, times: int) -> list[dict[str, float]]:
    """Return the figures of each visit with an empty cache.

    They are `first_paint` in ms, `frames` a second, and the `longest` frame in ms.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        visits = [_visit(browser, address) for _ in range(times)]
        browser.close()
    return visits


def _visit(browser: Any, address: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="de-DE")
    page = context.new_page()
    page.goto(address)
    page.wait_for_timeout(500)
    first_paint = page.evaluate(_FIRST_PAINT)
    scrolled = page.evaluate(_FRAMES)
    context.close()
    return {"first_paint": first_paint, **scrolled}
