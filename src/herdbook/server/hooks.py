"""The one place in the server that asks another one: to deliver to a webhook that the owner named."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx2

from herdbook.kernel.errors import UnavailableError
from herdbook.wire.service import RELEASE

PATIENCE_S = 15.0
"""How long an address may take, in seconds."""


class HttpSender:
    """Posts by HTTP; follows no redirect, keeps no cookies, and reads nothing of the answer but its status."""

    def __init__(self) -> None:
        self._client = httpx2.Client(
            timeout=PATIENCE_S, follow_redirects=False, headers={"user-agent": f"herdbook/{RELEASE}"}
        )

    def send(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the answer.

        Raises:
            UnavailableError: when there is none in time.
        """
        self._client.cookies.clear()
        try:
            with self._client.stream("POST", url, headers=headers, content=body) as response:
                return response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise UnavailableError(
                f"{type(error).__name__}: {error}", code="no-answer", hint="Is the address right, and does it listen?"
            ) from error

    def close(self) -> None:
        """Close what is open."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
