"""A bucket and a prefix in it: one connection for each process, and our errors in place of boto3's."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError
from herdbook.stores.s3 import trouble

CONNECT_S: Final = 5.0
READ_S: Final = 30.0
PATIENT_S: Final = 600.0
"""For what takes a store long, with no byte on the way: a copy, and the end of a multipart upload."""
ATTEMPTS: Final = 4
CONNECTIONS: Final = 64


T = TypeVar("T")


@dataclass(frozen=True)
class Head:
    """What a store says of an object: its size in bytes, and its ETag without quotation marks."""

    size: int
    etag: str


@dataclass(frozen=True)
class Listed:
    """An object in a listing; ``age_s`` is by the store's own clock."""

    key: str
    size: int
    age_s: float


class Bucket:
    """Objects below ``prefix`` in one bucket. May be shared by threads; a forked child makes connections of its own.

    Credentials come from the standard chain of boto3 and from nowhere else.
    """

    def __init__(self, name: str, prefix: str, endpoint: str | None, region: str | None, *, path_style: bool) -> None:
        if endpoint is not None and (urlsplit(endpoint).username or not urlsplit(endpoint).hostname):
            raise InvalidError(
                "this end point of a bucket is no plain address",
                code="s3-bad-endpoint",
                hint=trouble.ENDPOINT,
            )
        self.name = name
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.endpoint = endpoint
        self._region = region
        self._path_style = path_style
        self._lock = threading.Lock()
        self._clients: dict[tuple[int, bool], Any] = {}
        self._seen = False

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self.endpoint or "the provider's own end point"

    def ask(self, operation: str, *, patient: bool = False, **arguments: object) -> dict[str, Any]:
        """Do one request on the bucket, tried again where that helps.

        Raises:
            HerdbookError: MissingError with a code of ``trouble`` for what is not there, else as ``trouble`` says.
        """
        try:
            answer: dict[str, Any] = getattr(self._client(patient=patient), operation)(Bucket=self.name, **arguments)
        except (BotoCoreError, ClientError, OSError, ValueError) as error:
            raise self.translate(error, operation) from error
        self._seen = True
        return answer

    def translate(self, error: Exception, operation: str) -> HerdbookError:
        """Return our error for boto3's."""
        return trouble.translate(error, operation, self.place, self.name)

    def _client(self, *, patient: bool) -> Any:  # noqa: ANN401 - boto3 makes its classes as it runs
        # A forked child must not speak on the connections of its parent.
        which = (os.getpid(), patient)
        with self._lock:
            if which not in self._clients:
                self._clients[which] = self._connect(PATIENT_S if patient else READ_S)
            return self._clients[which]

    def _connect(self, read_s: float) -> Any:  # noqa: ANN401 - the same
        session = botocore.session.Session()
        session.register_component("data_loader", _loader())
        return session.create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self._region or session.get_config_variable("region") or "us-east-1",
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if self._path_style else "auto"},
                connect_timeout=CONNECT_S,
                read_timeout=read_s,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=CONNECTIONS,
                tcp_keepalive=True,
                # Many stores know none of the newer checksum headers; Content-MD5 is known to all.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def head(self, key: str) -> Head | None:
        """Return what the store says of an object, ``None`` when it is not there.

        Raises:
            HerdbookError: as ``ask``; InvalidError when the bucket itself is not there.
        """
        try:
            answer = self.ask("head_object", Key=key)
        except MissingError:
            if not self._seen:  # this answer has no body, and does not tell which of the two is missing
                self._look()
            return None
        return Head(int(answer["ContentLength"]), _etag(answer))

    def _look(self) -> None:
        try:
            self.ask("head_bucket")
        except MissingError as error:
            raise InvalidError(
                f"there is no bucket {self.name} at {self.place}",
                code="s3-no-bucket",
                hint="Create the bucket, or mend its name or the end point.",
            ) from error

    def get(self, key: str, most: int, *, ranged: bool = False) -> tuple[bytes, str]:
        """Return the first ``most`` bytes of an object, and its ETag; ``ranged`` when it may be much larger.

        Raises:
            HerdbookError: as ``ask``.
        """
        only: dict[str, Any] = {"Range": f"bytes=0-{most - 1}"} if ranged else {}
        for left in reversed(range(ATTEMPTS)):
            answer = self.ask("get_object", Key=key, **only)
            wanted = min(most, int(answer["ContentLength"]))
            try:
                data: bytes = answer["Body"].read(wanted)
                if len(data) == wanted:
                    return data, _etag(answer)
            except (BotoCoreError, HTTPError, OSError) as error:
                if not left:
                    raise self.translate(error, "get_object") from error
            finally:
                answer["Body"].close()
        raise trouble.away("get_object", self.place, self.name, "its answers end too soon")

    def soon(self, ask: Callable[[], T | None]) -> T | None:
        """Return what is there of an object that the store was just given; it may take a moment to know it."""
        for wait in (0.0, 0.1, 0.4, 1.0):
            time.sleep(wait)
            with contextlib.suppress(MissingError):
                found = ask()
                if found is not None:
                    return found
        return None

    def drop(self, *keys: str) -> None:
        """Delete objects; one that is not there is no error."""
        for key in keys:
            with contextlib.suppress(MissingError):
                self.ask("delete_object", Key=key)

    def drop_quietly(self, *keys: str) -> None:
        """Delete what nobody needs any more; a later sweep takes what cannot be deleted now."""
        with contextlib.suppress(HerdbookError):
            self.drop(*keys)

    def list(self, below: str) -> Iterator[Listed]:
        """Yield the objects whose keys begin with ``below``, in the order of their keys, one page at a time.

        Raises:
            UnavailableError: ``store-unavailable``, when the store gives them in another order.
        """
        page: dict[str, Any] = {}
        last = ""
        while not page or page.get("IsTruncated"):
            further = {"ContinuationToken": page["NextContinuationToken"]} if page else {}
            page = self.ask("list_objects_v2", Prefix=below, **further)
            now = _now(page)
            for item in page.get("Contents", ()):
                if item["Key"] <= last:
                    raise trouble.away("list_objects_v2", self.place, self.name, "the list is not in order")
                last = item["Key"]
                yield Listed(last, int(item["Size"]), (now - item["LastModified"]).total_seconds())

    def list_multipart(self, below: str) -> Iterator[tuple[str, str, float]]:
        """Yield key, id and age in seconds, by the store's clock, of multipart uploads that nobody ended."""
        page: dict[str, Any] = {}
        while not page or page.get("IsTruncated"):
            further = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]} if page else {}
            page = self.ask("list_multipart_uploads", Prefix=below, **further)
            now = _now(page)
            for item in page.get("Uploads", ()):
                yield item["Key"], item["UploadId"], (now - item["Initiated"]).total_seconds()

    def parts(self, key: str, upload: str) -> Iterator[tuple[int, str, int]]:
        """Yield number, ETag and size in bytes of the parts that a multipart upload has, in order.

        Raises:
            MissingError: ``trouble.NO_UPLOAD``.
        """
        page: dict[str, Any] = {}
        while not page or page.get("IsTruncated"):
            further = {"PartNumberMarker": page["NextPartNumberMarker"]} if page else {}
            page = self.ask("list_parts", Key=key, UploadId=upload, **further)
            for item in page.get("Parts", ()):
                yield int(item["PartNumber"]), _etag(item), int(item["Size"])

    def close(self) -> None:
        """Close the connections of this process; a later request opens new ones."""
        with self._lock:
            mine = [which for which in self._clients if which[0] == os.getpid()]
            clients = [self._clients.pop(which) for which in mine]
        for client in clients:
            client.close()

    def __repr__(self) -> str:
        return f"<bucket {self.name}/{self.prefix} at {self.place}>"


@cache
def _loader() -> Any:  # noqa: ANN401 - the same
    """Return what reads botocore's description of S3, which takes long, once a process."""
    return botocore.loaders.create_loader()


def _etag(answer: dict[str, Any]) -> str:
    return str(answer.get("ETag", "")).strip('"')


def _now(answer: dict[str, Any]) -> datetime:
    """Return the time by the store's clock; ours has no say in what is old there."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
