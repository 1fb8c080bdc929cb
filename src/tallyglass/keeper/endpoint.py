"""Where the keeper of a home listens, and who is at the other end of a connection."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import tempfile
from pathlib import Path

#: `sun_path` holds 108 bytes on Linux, 104 elsewhere.
_LONGEST_PATH = 100


def socket_path(home: Path) -> Path:
    """Where the keeper of this home listens: in the home, or in the runtime folder when that path is too long."""
    inside = home.resolve() / "keeper.sock"
    if len(os.fsencode(inside)) <= _LONGEST_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if not runtime or len(os.fsencode(runtime)) > _LONGEST_PATH - 45:
        runtime = tempfile.gettempdir() if len(tempfile.gettempdir()) < 50 else "/tmp"  # noqa: S108 peer's uid is checked
    return Path(runtime) / f"tallyglass-{os.getuid()}" / f"{digest}.sock"


def peer_uid(connection: socket.socket) -> int:
    """The user id at the other end of a Unix socket, told by the kernel."""
    linux = getattr(socket, "SO_PEERCRED", None)
    if linux is not None:
        return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, linux, struct.calcsize("3i")))[1])
    # LOCAL_PEERCRED of macOS and the BSDs: struct xucred opens with a version and the user id
    return int(struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])[1])
