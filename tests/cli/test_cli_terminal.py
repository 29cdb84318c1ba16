"""The output on a terminal and in a pipe, in a separate process."""

import fcntl
import os
import pty
import shlex
import signal
import struct
import subprocess
import sys
import termios
import urllib.request
from pathlib import Path

import pytest
from cli_harness import GOLDEN_QUERY

PROGRAM = str(Path(sys.executable).with_name("dynamics"))


def run_on_terminal(*words, columns):
    """Return what `dynamics WORDS` writes to a terminal of that width."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm"}
    child = subprocess.Popen([PROGRAM, *words], stdout=terminal, stderr=subprocess.PIPE, env=environment)
    os.close(terminal)
    chunks = []
    try:
        while chunk := os.read(reader, 65536):
            chunks.append(chunk)
    except OSError:  # the end of the output on Linux
        pass
    assert child.wait(10) == 0, child.stderr.read()
    child.stderr.close()
    os.close(reader)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_a_narrow_terminal_shows_the_last_columns(cli):
    output = run_on_terminal("query", *GOLDEN_QUERY, columns=80)
    *table, empty, note, link = output.splitlines()
    assert max(map(len, table)) <= 80
    assert "01/2018" not in table[0]
    assert table[0].endswith("12/2018")
    assert empty == ""
    assert note.startswith("the last 6 of 12 columns")
    assert "/view?id=" in link


def test_a_wide_terminal_and_a_pipe_get_the_whole_table(cli):
    wide = run_on_terminal("query", *GOLDEN_QUERY, columns=200).splitlines()
    assert "01/2018" in wide[0]
    assert wide[:-1] == cli("query", *GOLDEN_QUERY).out.splitlines()[:-1]


def test_a_closed_pipe_is_not_an_error(cli):
    command = f"set -o pipefail; {shlex.quote(PROGRAM)} query --saved monthly | head -1"
    process = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
    assert len(process.stdout.splitlines()) == 1
    assert len(cli.objects()) == 7


def test_serve_logs_no_links_and_ends_with_ctrl_c(cli):
    link = cli("query", *GOLDEN_QUERY).link
    child = subprocess.Popen([PROGRAM, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr.readline().startswith("serving on http://127.0.0.1:")
        with urllib.request.urlopen(link, timeout=20) as page:
            assert b"Clients - Active" in page.read()
        port = link.split(":")[2].split("/")[0]
        taken = cli("serve", "--port", port)
        assert taken.code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in taken.line()
    finally:
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("host", ["nowhere.invalid", "300.1.1.1"])
def test_serve_refuses_an_invalid_host(host, cli):
    result = cli("serve", "--host", host)
    assert result.code == 2
    assert f"--host {host}" in result.line()
