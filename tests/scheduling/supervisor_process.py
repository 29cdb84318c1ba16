"""`dynamics up` as a real process, for tests that watch it from outside."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from urllib.error import URLError
from urllib.request import Request, urlopen

from waiting import TIMEOUT_SECONDS, wait_until

from orchestration import local
from orchestration.resources import PROJECT_ROOT
from orchestration.scheduling.reload import CODE_LOCATION


def write_saved_query(folder, name, cron):
    (folder / f"{name}.yaml").write_text(
        "title: Yesterday\nquery: {interval: yesterday}\n"
        f'delivery: {{schedule: "{cron}", send_to: [a@example.com]}}\n'
    )


def list_processes():
    """Return the parent and the command of each process that is not a zombie, by process id."""
    output = subprocess.run(
        ["ps", "-ww", "-A", "-o", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=3) for line in output.stdout.splitlines()]
    return {int(row[0]): (int(row[1]), row[-1]) for row in rows if not row[2].startswith("Z")}


class SupervisorProcess:
    """A running `dynamics up` in a home of its own."""

    def __init__(self, home, templates):
        self.home = home
        self._log = home.parent / "up.log"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DYNAMICS_", "DAGSTER_"))
        }
        environment |= {"DYNAMICS_HOME": str(home), "DYNAMICS_TEMPLATES": str(templates)}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "orchestration.cli", "up"],
                cwd=PROJECT_ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.interrupt()
            self.wait()

    @property
    def output(self):
        """The text that the process has printed."""
        return self._log.read_text()

    def interrupt(self):
        """Send the signal of Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def wait(self):
        """Wait for the end of the process, and return its exit code."""
        return self._process.wait(TIMEOUT_SECONDS)

    def wait_for_output(self, text):
        wait_until(lambda: text in self.output or self._process.poll() is not None, text)
        assert text in self.output, self.output

    def find_child(self, program):
        """Return the process id of the child whose command contains `program`."""
        children = {
            pid: command for pid, (parent, command) in list_processes().items() if parent == self._process.pid
        }
        pids = [pid for pid, command in children.items() if program in command]
        assert len(pids) == 1, children
        return pids[0]

    def list_descendants(self):
        """Return the process ids of the children and of their children."""
        processes, family = list_processes(), {self._process.pid}
        while added := {pid for pid, (parent, _) in processes.items() if parent in family} - family:
            family |= added
        return family - {self._process.pid}

    def is_web_alive(self):
        """Return True if the web pages answer at /healthz."""
        with suppress(URLError, ConnectionError, TimeoutError):
            return urlopen(f"http://127.0.0.1:{local.web_port(self.home)}/healthz", timeout=10).status == 200
        return False

    def query_dagster(self, query):
        """Return the data of a GraphQL query to Dagster's web server, or None without an answer."""
        request = Request(
            f"http://127.0.0.1:{local.dagster_port(self.home)}/graphql",
            json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json"},
        )
        with suppress(URLError, ConnectionError, TimeoutError):
            return json.load(urlopen(request, timeout=60))["data"]
        return None

    def is_daemon_healthy(self):
        """Return True if all required daemons of Dagster report that they are healthy."""
        data = self.query_dagster("{ instance { daemonHealth { allDaemonStatuses { required healthy } } } }")
        if data is None:
            return False
        statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(status["healthy"] for status in statuses if status["required"])

    def list_schedules(self):
        """Return the names of the schedules that Dagster has loaded, or None."""
        selector = f'{{repositoryName: "__repository__", repositoryLocationName: "{CODE_LOCATION}"}}'
        data = self.query_dagster(
            f"{{ schedulesOrError(repositorySelector: {selector}) {{ ... on Schedules {{ results {{ name }} }} }} }}"
        )
        schedules = data and data["schedulesOrError"].get("results")
        return schedules and sorted(schedule["name"] for schedule in schedules)
