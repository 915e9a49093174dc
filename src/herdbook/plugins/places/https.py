"""Files of web servers: ``https://…`` and ``http://…``, one file each. No credentials are sent."""

from __future__ import annotations

import contextlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import IO, BinaryIO, cast
from urllib.parse import quote, urlsplit

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Standing

TIMEOUT_S = 30.0
"""Seconds without an answer, or without a further byte."""
_GONE = frozenset({404, 410})
_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Follows to web servers only, a few times, and never from a secure address to an open one."""

    max_redirections = 5
    max_repeats = 2

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request."""
        to = urlsplit(newurl)
        if to.scheme not in {"http", "https"} or (req.type == "https" and to.scheme == "http"):
            raise urllib.error.HTTPError(req.full_url, code, f"it leads to {to.scheme}:", headers, fp)
        made = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]  # the same
        if made is not None and req.get_method() == "HEAD":
            made.method = "HEAD"
        return made


class HttpPlace:
    """What web servers hold. Only HTTP is spoken, with the proxies of the environment."""

    def __init__(self) -> None:
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirect(),
        ):
            self._opener.add_handler(handler)

    def look(self, uri: str) -> Standing:
        """Ask for the head of a file, and where a server does not tell it for its first byte; see ``Place.look``."""
        url = _checked(uri)
        standing = self._look(urllib.request.Request(url, method="HEAD"))  # noqa: S310 - checked
        if standing.state == "exists" and standing.size_bytes is not None:
            return standing
        if standing.state == "gone":
            return standing
        again = self._look(urllib.request.Request(url, headers={"Range": "bytes=0-0"}))  # noqa: S310 - checked
        return standing if again.state == "unknown" else again

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Refuse: how a web server lists a folder is nobody's rule."""
        raise _no_listing(uri)

    def absent(self, uri: str) -> Iterator[str]:
        """Refuse; see ``listing``."""
        raise _no_listing(uri)

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Yield the one address."""
        yield _joined(uri, path)

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Open a file; see ``Place.open``."""
        url = _joined(uri, path)
        try:
            return cast(
                "BinaryIO",
                self._opener.open(urllib.request.Request(url), timeout=TIMEOUT_S),  # noqa: S310 - checked
            )
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                if error.code in _GONE:
                    raise MissingError(
                        f"{url} is not there ({error.code})", code="gone", hint="Look for another place that has it."
                    ) from error
                raise _trouble(url, f"{error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise _trouble(url, _reason(error)) from error

    def close(self) -> None:
        """Nothing is kept open."""
        self._opener.close()

    def _look(self, request: urllib.request.Request) -> Standing:
        try:
            with contextlib.closing(self._opener.open(request, timeout=TIMEOUT_S)) as answer:
                size = _size(answer.status, answer.headers)
                return Standing(state="exists", files=1, size_bytes=size, checked="name" if size is None else "size")
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                if error.code in _GONE:
                    return Standing(state="gone", detail=f"the server answers {error.code} {error.reason}")
                if error.code == 416:  # no first byte: it is empty
                    return Standing(state="exists", files=1, size_bytes=0, checked="size")
                return Standing(state="unknown", detail=f"the server answers {error.code} {error.reason}")
        except (OSError, http.client.HTTPException) as error:
            return Standing(state="unknown", detail=f"the server cannot be asked: {_reason(error)}")


def _checked(uri: str) -> str:
    """Return the address.

    Raises:
        InvalidError: ``bad-uri``.
    """
    try:
        parts = urlsplit(uri)
        good = parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        good = good and parts.username is None and parts.password is None and uri.isascii() and uri.isprintable()
        good = good and " " not in uri
    except ValueError:
        good = False
    if not good:
        raise InvalidError(
            f"{uri.rpartition('@')[2][:200]!r} is no address of a file",
            code="bad-uri",
            hint="Write https://HOST/PATH, special characters as %XX, no user and no password.",
        )
    return uri


def _joined(uri: str, path: str) -> str:
    url = _checked(uri)
    if not path:
        return url
    parts = urlsplit(url)
    inside = quote(paths.unescape(paths.check(path)))
    return parts._replace(path=f"{parts.path.rstrip('/')}/{inside}", fragment="").geturl()


def _size(status: int, headers: Message) -> int | None:
    """Return the size of the whole; that of an encoded body says nothing."""
    if headers.get("Content-Encoding", "identity") != "identity":
        return None
    if status == 206:
        match = _RANGE.fullmatch(headers.get("Content-Range", ""))
        return int(match[1]) if match else None
    length = headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _no_listing(uri: str) -> InvalidError:
    return InvalidError(
        f"{uri[:200]} is one file of a web server, which lists no others", code="no-listing", hint="Name each file."
    )


def _reason(error: Exception) -> str:
    return (str(getattr(error, "reason", "")) or str(error) or type(error).__name__)[:300]


def _trouble(url: str, reason: str) -> UnavailableError:
    return UnavailableError(f"{url} cannot be read: {reason}", code="cannot-read", hint="Try again later.")
