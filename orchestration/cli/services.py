"""`serve`, `up`, `down` and `status`: what runs, and where."""

from dataclasses import asdict

import click

from orchestration.cli.output import listing, remark


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port. Default: the one this home's links name.")
def serve(host: str, port: int | None) -> None:
    """Serves the web pages until Ctrl-C: the links of all reports open here."""
    import uvicorn

    from orchestration.connections import archive_of_request
    from orchestration.local import web_port
    from orchestration.settings import settings
    from orchestration.web.app import create_app

    chosen = port or web_port(settings().home)
    remark(f"serving on http://{host}:{chosen}, Ctrl-C stops it")
    uvicorn.run(create_app(archive_of_request), host=host, port=chosen, log_level="warning", server_header=False)


@click.command()
def up() -> int:
    """Runs everything until Ctrl-C: web pages, Dagster UI, scheduler, and the local services they need."""
    from orchestration.deliveries.everything import run_everything

    return run_everything(tell=click.echo)


@click.command()
def down() -> None:
    """Stops the local services of this home. What they hold stays."""
    from orchestration.local import stop
    from orchestration.settings import settings

    stopped = stop(settings().home)
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> int:
    """Tells of each part where it is, whether it answers, and what it holds. Starts nothing."""
    from orchestration.status import parts

    found = parts()
    rows = [asdict(part) for part in found]
    listing(rows, ["name", "where", "running", "detail"], as_json=as_json, empty="nothing was started yet")
    return 0 if all(part.running for part in found) else 1


COMMANDS = (serve, up, down, status)
