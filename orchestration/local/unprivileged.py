"""Run as a file by root: becomes another user for good, then the command.

    python unprivileged.py USER COMMAND...

Postgres refuses to run as root. On Linux one capability is kept, to pass through folders that are closed to
others, so that neither the home nor the folders above it have to be opened to everybody.
"""

import ctypes
import os
import pwd
import sys

_KEEP_CAPABILITIES, _AMBIENT, _AMBIENT_RAISE = 8, 47, 2  # of prctl(2)
_VERSION_3, _DAC_OVERRIDE = 0x20080522, 1  # of capabilities(7)


def become(user: str) -> None:
    """Gives up root. Where the system denies the capability, the folders' own modes decide."""
    account = pwd.getpwnam(user)
    linux = ctypes.CDLL(None) if sys.platform == "linux" else None
    if linux:
        linux.prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if linux:
        mask = 1 << _DAC_OVERRIDE
        linux.capset((ctypes.c_uint32 * 2)(_VERSION_3, 0), (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
        linux.prctl(_AMBIENT, _AMBIENT_RAISE, _DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    become(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - a program of ours, and no shell is wanted
