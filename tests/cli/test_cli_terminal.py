"""What a terminal gets and what a pipe gets, in a process of its own."""

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
from desk import GOLDEN_QUERY

PROGRAM = str(Path(sys.executable).with_name("dynamics"))


def on_terminal(*words, columns):
    """What `dynamics WORDS` writes to a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = os.environ | {"TERM": "xterm"}
    child = subprocess.Popen([PROGRAM, *words], stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append(chunk)
    except OSError:  # Linux tells of the end like this
        pass
    assert child.wait(10) == 0, child.stderr.read()
    child.stderr.close()
    os.close(ours)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_a_narrow_terminal_shows_the_last_columns_and_says_so(desk):
    shown = on_terminal("query", *GOLDEN_QUERY, columns=80)
    *table, empty, told, link = shown.splitlines()
    assert max(map(len, table)) <= 80
    assert "01/2018" not in table[0]
    assert table[0].endswith("12/2018")
    assert empty == ""
    assert told.startswith("the last 6 of 12 columns")
    assert "/view?id=" in link


def test_a_wide_terminal_and_a_pipe_get_the_whole_table(desk):
    wide = on_terminal("query", *GOLDEN_QUERY, columns=200).splitlines()
    assert "01/2018" in wide[0]
    assert wide[:-1] == desk("query", *GOLDEN_QUERY).out.splitlines()[:-1]


def test_a_reader_that_has_seen_enough_is_no_failure(desk):
    command = f"set -o pipefail; {shlex.quote(PROGRAM)} query --saved monthly | head -1"
    done = subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert len(desk.objects()) == 7


def test_serving_is_quiet_about_links_and_ends_with_ctrl_c(desk):
    link = desk("query", *GOLDEN_QUERY).link
    child = subprocess.Popen([PROGRAM, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stderr.readline().startswith("serving on http://127.0.0.1:")
        with urllib.request.urlopen(link, timeout=20) as page:
            assert b"Clients - Active" in page.read()
        port = link.split(":")[2].split("/")[0]
        taken = desk("serve", "--port", port)
        assert taken.code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in taken.line()
    finally:
        child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (child.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("host", ["nowhere.invalid", "300.1.1.1"])
def test_serving_at_no_address_is_a_wrong_request(host, desk):
    said = desk("serve", "--host", host)
    assert said.code == 2
    assert f"--host {host}" in said.line()
