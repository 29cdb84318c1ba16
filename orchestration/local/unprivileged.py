"""Run a command as another user. Root runs this file as a program.

    python unprivileged.py USER FOLDER COMMAND...

FOLDER is the data folder of the command, and USER owns it. Postgres refuses to run as root, but
the home, the project and the folders above them may be closed to other users. On Linux the
process therefore keeps one capability, CAP_DAC_OVERRIDE. It lets the process use closed files and
folders, so that no folder has to be opened.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

# Options of prctl(2)
_PR_SET_KEEPCAPS, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 28, 47, 2
# Constants of capset(2) and capabilities(7)
_CAPABILITY_VERSION_3, _CAP_DAC_OVERRIDE = 0x20080522, 1
_SECBIT_NO_SETUID_FIXUP, _SECBIT_KEEP_CAPS = 1 << 2, 1 << 4

REMEDY = "run this command as an ordinary user, or set DYNAMICS_DATABASE_URL to a database of your own"


def become(user: str) -> None:
    """Give up root for ever, and keep CAP_DAC_OVERRIDE if the system allows it.

    Raise KeyError if the user does not exist, OSError if the system denies the change.
    """
    account = pwd.getpwnam(user)
    linux = ctypes.CDLL(None) if sys.platform == "linux" else None
    if linux:
        linux.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # initdb looks for its programs with access(2). For a user other than root, access(2)
        # ignores
        # capabilities unless NO_SETUID_FIXUP is set.
        linux.prctl(_PR_SET_SECUREBITS, _SECBIT_KEEP_CAPS | _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if linux:
        has_capability = _limit_capabilities(linux, 1 << _CAP_DAC_OVERRIDE)
        # Only an ambient capability reaches the programs that this process runs.
        if (
            not has_capability
            or linux.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0) != 0
        ):
            _limit_capabilities(linux, 0)


def _limit_capabilities(linux: ctypes.CDLL, mask: int) -> bool:
    """Set the effective, permitted and inheritable capabilities. Return True if that worked."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    return bool(linux.capset(header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)) == 0)


def _is_program(path: str) -> bool:
    return os.access(path, os.R_OK | os.X_OK)


def _is_readable(folder: str) -> bool:
    try:
        next(Path(folder).iterdir(), None)
    except OSError:
        return False
    return True


def main(user: str, folder: str, *command: str) -> None:
    """Become the user and run the command. Exit with a message if that is impossible."""
    try:
        become(user)
    except (KeyError, OSError) as error:
        sys.exit(f"Postgres does not run as root, and root cannot become {user} here ({error}): {REMEDY}")
    # Postgres asks access(2) about its programs, and opens its data without asking.
    for path, usable in ((command[0], _is_program(command[0])), (folder, _is_readable(folder))):
        if not usable:
            sys.exit(f"Postgres does not run as root, and the user {user} cannot use {path}: {REMEDY}")
    os.execv(command[0], command)  # noqa: S606 - our own program, and no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
