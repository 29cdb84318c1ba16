"""Forms as a browser sends them: with the token that their page holds."""

import html
import re
import time


def csrf(page):
    """The token in a page."""
    return re.search(r'<meta name="csrf" content="(\w+)">', page.text)[1]


def send(browser, page, form, **fields):
    """Opens the page, and sends `fields` to the address of its form; no redirect is followed."""
    return browser.post(form, data={"csrf": csrf(browser.get(page)), **fields}, follow_redirects=False)


def problem(page, field):
    """What a page says beside a field; None for nothing."""
    found = re.search(rf'<p class="problem" id="{field}-problem">(.*?)</p>', page.text)
    return found and html.unescape(found[1])


def over(browser, page, patience=30):
    """Waits until the report that `/query/JOB` tells of is over, as the page's script does, and gives its page."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if browser.get(f"{page}/state").json()["over"]:
            return browser.get(page, follow_redirects=False)
        time.sleep(0.05)
    raise AssertionError(f"{page} is not over after {patience} s")
