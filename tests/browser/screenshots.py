"""`make screenshots`: every page, light and dark, at a desk and on a phone, over the sample data of `make demo`.

All pictures go to build/screenshots/; those that the README shows also to docs/images/pages/.
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
from served import launch, served

ALL, BEST = Path("build/screenshots"), Path("docs/images/pages")
CHOSEN = {
    "form-light-desk": "form",
    "report-light-desk": "report",
    "chart-dark-desk": "chart",
    "comparison-light-desk": "comparison",
    "archive-dark-desk": "archive",
    "report-light-phone": "phone",
}
ASKED = (
    "interval=last+12+months&timezone=Europe%2FKyiv&client_type=client&client_tags=retail&owners=Northline+Telecom"
    "&group_by=month&currency=USD&active_duration=3"
)
SCHEMES = ("light", "dark")
WINDOWS = {"desk": {"width": 1360, "height": 850}, "phone": {"width": 390, "height": 844}}
RERATED = """
    update billing.transactions set amount = round(amount * 0.9, 2), updated_at = now()
    where kind = 'package_renewal' and occurred_at > now() - interval '200 days' and client_id ~ '[37]$'
"""


def dynamics(environment: dict[str, str], *arguments: str, **options) -> str:
    """What a command of ours says."""
    command = [sys.executable, "-m", "orchestration.cli", *arguments]
    done = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE, **options)
    return done.stdout


def rerate(environment: dict[str, str]) -> None:
    """Corrects renewals of the last months, so that a comparison has something to tell."""
    correct = f"from orchestration.connections import database\nwith database() as c: c.execute({RERATED!r})"
    subprocess.run([sys.executable, "-c", correct], env=environment, check=True)
    dynamics(environment, "build")


def addresses(page: Page, environment: dict[str, str]) -> dict[str, str]:
    """The pages by name. Asks for a report, corrects the data, and compares the report with one that is made again."""
    listed = json.loads(dynamics(environment, "snapshots", "list", "--json"))
    made = {each["saved_query"]: each["snapshot_id"] for each in listed}
    month = made["monthly_finance"]
    rerate(environment)
    page.goto(f"/archive/{month}")
    page.get_by_role("button", name="Compute again now and compare").click()
    page.wait_for_url("**/archive/compare?*")
    return {
        "form": f"/?{ASKED}",
        "form-wrong": f"/?{ASKED}&owners=Nobody&packages=None",
        "report": f"/view?id={month}",
        "report-packages": f"/view?id={made['vip_packages']}",
        "report-daily": f"/view?id={made['daily_operations']}",
        "chart": f"/chart?id={month}&row=Balance+Refill:+Total&row=Clients+-+Active:+Balance&mark=line",
        "chart-preset": f"/chart?id={month}&chart=balance_refill_total",
        "chart-blank": f"/chart?id={month}",
        "saving": f"/saved/new?{ASKED}",
        "saved": "/saved",
        "archive": "/archive",
        "entry": f"/archive/{month}",
        "comparison": page.url,
        "clients": f"/drill?id={month}&row=Clients - Active/Balance&column=8&block=0",
        "nothing": "/view?id=none",
    }


def picture(context: BrowserContext, address: str, path: Path) -> None:
    """One page as it is when it has come to rest."""
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if page.locator("#drawing").count():
        page.locator("#drawing svg").wait_for()
    page.screenshot(path=path, animations="disabled")
    page.close()


def main() -> None:
    """Makes the sample data, walks through the pages, and leaves nothing behind but pictures."""
    shutil.rmtree(ALL, ignore_errors=True)
    for folder in (ALL, BEST):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        environment = {**os.environ, "DYNAMICS_HOME": home}
        try:
            subprocess.run([sys.executable, "-m", "orchestration.demo"], env=environment, check=True)
            with served(environment) as address:
                browser = launch(playwright)
                pages = addresses(browser.new_page(base_url=address), environment)
                shoot(browser, address, pages)
                dynamics(
                    environment, "users", "add", "olena", "--role", "admin", input="a password of twenty\n"
                )
                shoot(browser, address, {"sign-in": "/sign-in"})
                browser.close()
        finally:
            dynamics(environment, "down")
    for name, best in CHOSEN.items():
        shutil.copy(ALL / f"{name}.png", BEST / f"{best}.png")
    size = sum(path.stat().st_size for path in BEST.iterdir())
    click.echo(f"{len(list(ALL.iterdir()))} pictures in {ALL}, the best in {BEST} ({size / 1e6:.1f} MB)")


def shoot(browser, address: str, pages: dict[str, str]) -> None:
    """A picture of each page in each scheme and window."""
    for scheme in SCHEMES:
        for window, viewport in WINDOWS.items():
            context = browser.new_context(
                base_url=address, locale="en-GB", color_scheme=scheme, viewport=viewport
            )
            for name, path in pages.items():
                picture(context, path, ALL / f"{name}-{scheme}-{window}.png")
            context.close()


if __name__ == "__main__":
    main()
