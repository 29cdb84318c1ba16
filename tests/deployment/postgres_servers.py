"""Postgres servers of the versions that the product supports, other than the local one."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from waiting import wait_until

from orchestration.local import unprivileged

USER = "nobody"
"""The user of the server if the tests run as root, which Postgres refuses."""


def find_postgres_16():
    """Return the folder of Postgres 16 in the package pgserver, or None."""
    package = find_spec("pgserver")
    return package and Path(package.origin).with_name("pginstall")


def find_postgres_17():
    """Return the folder of Postgres 17 in the setting of the tests, or None."""
    folder = os.environ.get("DYNAMICS_TEST_POSTGRES_17")
    return folder and Path(folder)


@contextmanager
def run_server(folder):
    """Run a server with the programs of this folder. Yield the URL of the superuser."""
    data = Path(tempfile.mkdtemp(prefix="dynamics-postgres-"))
    prefix = []
    if os.geteuid() == 0:
        shutil.chown(data, USER)
        prefix = [sys.executable, "-I", unprivileged.__file__, USER, str(data)]
    initdb = [folder / "bin/initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
    subprocess.run([*prefix, *map(str, initdb), "--locale=C"], check=True, capture_output=True, cwd="/")
    postgres = [folder / "bin/postgres", "-D", data, "-c", "listen_addresses=", "-k", data, "-c", "fsync=off"]
    server = subprocess.Popen([*prefix, *map(str, postgres)], stderr=subprocess.DEVNULL, cwd="/")
    url = f"postgresql://postgres@/postgres?host={data}"
    try:
        wait_until(lambda: answers(url), "the server answers")
        yield url
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(data)


def answers(url):
    """Return True if the server accepts connections."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
