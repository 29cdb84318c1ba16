"""Forms as a browser sends them, with the token of their page."""

import html
import re

from waiting import wait_until


def read_csrf(page):
    """Return the token in a page."""
    (token,) = re.findall(r'<meta name="csrf" content="(\w+)">', page.text)
    return token


def read_hidden_field(page, name):
    """Return the value of a hidden field with a word as its value."""
    (value,) = re.findall(rf'name="{name}" value="(\w+)"', page.text)
    return value


def submit(browser, page, target, **fields):
    """Open the page, and send its form with `fields` to `target`. Follow no redirect."""
    data = {"csrf": read_csrf(browser.get(page)), **fields}
    return browser.post(target, data=data, follow_redirects=False)


def read_problem(page, field):
    """Return the problem that a page shows beside a field, or None."""
    match = re.search(rf'<p class="problem" id="{field}-problem">(.*?)</p>', page.text)
    return match and html.unescape(match[1])


def wait_for_job(browser, page, timeout=30):
    """Wait until the job of the page `/query/{job}` is over. Return the page."""
    wait_until(lambda: browser.get(f"{page}/state").json()["over"], f"{page} is over", timeout=timeout)
    return browser.get(page, follow_redirects=False)
