"""Where a server listens: this machine alone, unless its owner says otherwise."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat

from herdbook.kernel.errors import ConflictError, DeniedError, InvalidError


def is_loopback(host: str) -> bool:
    """Say whether a name or address is this machine's own, and nobody else reaches it there.

    Raises:
        InvalidError: when it is no address of anything.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidError(
            f"{host!r} is no address of this machine", code="bad-address", hint="Give --host an address, 127.0.0.1."
        ) from error
    return all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback for each in found)


def tcp(host: str, port: int, backlog: int) -> socket.socket:
    """Listen at an address.

    Raises:
        ConflictError: ``address-in-use``.
        DeniedError: when this account may not listen there.
        InvalidError: when it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except (OSError, OverflowError) as error:
        raise _refused(error, f"{host}:{port}") from error


def unix(path: str, backlog: int) -> socket.socket:
    """Listen at a socket of the file system, for this account and its group; one that nobody listens at is replaced.

    Raises:
        ConflictError: ``address-in-use``, when a server, or another file, is there.
        DeniedError: when this account may not write there.
    """
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(path)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise _refused(error, path) from error
    finally:
        os.umask(before)
    return listener


def _clear(path: str) -> None:
    with contextlib.suppress(OSError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)  # noqa: PTH108 - the name is what the system's calls take here


def _refused(error: OSError | OverflowError, where: str) -> ConflictError | DeniedError | InvalidError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return ConflictError(
            f"something listens at {where} already",
            code="address-in-use",
            hint="Stop it, or choose another --port; --port 0 takes a free one.",
        )
    if number in {errno.EACCES, errno.EPERM}:
        return DeniedError(
            f"this account may not listen at {where}", code="no-address", hint="Ports below 1024 are the system's."
        )
    return InvalidError(
        f"nothing can listen at {where}: {getattr(error, 'strerror', None) or error}",
        code="bad-address",
        hint="Give --host an address of this machine, and --port 0 to 65535.",
    )


def url_of(listener: socket.socket) -> str:
    """Return where a client finds it."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - said of what is listened at, not chosen
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 - the same
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
