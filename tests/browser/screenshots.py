"""The command behind `make screenshots`: pictures of all pages with the data of `make demo`.

It takes each picture in light and in dark mode, in the window of a desktop and of a phone. All
pictures go to build/screenshots/. Those that the README shows also go to docs/images/pages/.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from playwright.sync_api import BrowserContext, Page, sync_playwright
from server import launch_chromium, run_server

ALL_FOLDER, README_FOLDER = Path("build/screenshots"), Path("docs/images/pages")
README_PICTURES = {
    "form-light-desktop": "form",
    "report-light-desktop": "report",
    "chart-dark-desktop": "chart",
    "comparison-light-desktop": "comparison",
    "archive-dark-desktop": "archive",
    "report-light-phone": "phone",
}
QUERY = (
    "interval=last+12+months&timezone=Europe%2FKyiv&client_type=client&client_tags=retail&owners=Northline+Telecom"
    "&group_by=month&currency=USD&active_duration=3"
)
SCHEMES = ("light", "dark")
WINDOWS = {"desktop": {"width": 1360, "height": 850}, "phone": {"width": 390, "height": 844}}
CORRECTION = """
    update billing.transactions set amount = round(amount * 0.9, 2), updated_at = now()
    where kind = 'package_renewal' and occurred_at > now() - interval '200 days' and client_id ~ '[37]$'
"""


def dynamics(environment: dict[str, str], *arguments: str, **options) -> str:
    """Run a `dynamics` command and return its output."""
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    done = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE, **options)
    return done.stdout


def correct_renewals(environment: dict[str, str]) -> None:
    """Correct renewals of the last months, so that a comparison shows differences."""
    script = (
        f"from orchestration.connections import database\nwith database() as c: c.execute({CORRECTION!r})"
    )
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    dynamics(environment, "build")


def list_addresses(page: Page, environment: dict[str, str]) -> dict[str, str]:
    """Correct the data, compute a report again, and return the address of each page by its name."""
    snapshots = json.loads(dynamics(environment, "snapshots", "list", "--json"))
    ids = {snapshot["saved_query"]: snapshot["snapshot_id"] for snapshot in snapshots}
    month = ids["monthly_finance"]
    correct_renewals(environment)
    page.goto(f"/archive/{month}")
    page.get_by_role("button", name="Compute again and compare").click()
    page.wait_for_url("**/archive/compare?*")
    return {
        "form": f"/?{QUERY}",
        "form-wrong": f"/?{QUERY}&owners=Nobody&packages=None",
        "report": f"/view?id={month}",
        "report-packages": f"/view?id={ids['vip_packages']}",
        "report-daily": f"/view?id={ids['daily_operations']}",
        "chart": f"/chart?id={month}&row=Balance+Refill:+Total&row=Clients+-+Active:+Balance&mark=line",
        "chart-preset": f"/chart?id={month}&chart=balance_refill_total",
        "chart-blank": f"/chart?id={month}",
        "saving": f"/saved/new?{QUERY}",
        "saved": "/saved",
        "archive": "/archive",
        "entry": f"/archive/{month}",
        "comparison": page.url,
        "clients": f"/drill?id={month}&row=Clients - Active/Balance&column=8&block=0",
        "nothing": "/view?id=none",
    }


def take_picture(context: BrowserContext, address: str, path: Path) -> None:
    """Take a picture of one page after it is complete."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if page.locator("#drawing").count():
        page.locator("#drawing svg").wait_for()
    page.screenshot(path=path, animations="disabled")
    page.close()


def main() -> None:
    """Make the sample data and take the pictures. Remove everything but the pictures."""
    shutil.rmtree(ALL_FOLDER, ignore_errors=True)
    for folder in (ALL_FOLDER, README_FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        environment = {**os.environ, "DYNAMICS_HOME": home}
        try:
            subprocess.run([sys.executable, "-m", "orchestration.cli", "demo"], env=environment, check=True)
            with run_server(environment) as address:
                browser = launch_chromium(playwright)
                pages = list_addresses(browser.new_page(base_url=address), environment)
                take_pictures(browser, address, pages)
                dynamics(
                    environment, "users", "add", "olena", "--role", "admin", input="a password of twenty\n"
                )
                take_pictures(browser, address, {"sign-in": "/sign-in"})
                browser.close()
        finally:
            dynamics(environment, "down")
    for name, readme_name in README_PICTURES.items():
        shutil.copy(ALL_FOLDER / f"{name}.png", README_FOLDER / f"{readme_name}.png")
    size = sum(path.stat().st_size for path in README_FOLDER.iterdir())
    click.echo(
        f"{len(list(ALL_FOLDER.iterdir()))} pictures in {ALL_FOLDER}, those of the README in {README_FOLDER} ({size / 1e6:.1f} MB)"
    )


def take_pictures(browser, address: str, pages: dict[str, str]) -> None:
    """Take a picture of each page in each colour scheme and window."""
    for scheme in SCHEMES:
        for window, viewport in WINDOWS.items():
            context = browser.new_context(
                base_url=address, locale="en-GB", color_scheme=scheme, viewport=viewport
            )
            for name, path in pages.items():
                take_picture(context, path, ALL_FOLDER / f"{name}-{scheme}-{window}.png")
            context.close()


if __name__ == "__main__":
    main()
