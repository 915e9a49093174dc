"""Places for blobs in S3 servers of the tests: who they are reached by, and how a process is told of it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config


def away(reason: str) -> None:
    """Skip a test whose server cannot be had; under CI it fails."""
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class S3Server:
    """A running server: its end point, and one key that may do everything there."""

    endpoint: str
    key: str
    secret: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to be let in."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client(self) -> Any:
        """A client for what a test does behind the store's back."""
        return _client(self)


@cache
def _client(server: S3Server) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.key,
        aws_secret_access_key=server.secret,
        region_name="us-east-1",
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def forget(server: S3Server) -> None:
    """Close the client of a server that stops."""
    _client(server).close()


@dataclass(frozen=True)
class S3Place:
    """A bucket, a prefix that nobody else uses, and the server."""

    bucket: str
    prefix: str
    server: S3Server

    @property
    def endpoint(self) -> str:
        """The server's end point."""
        return self.server.endpoint


BUCKET = "herdbook-tests"


def kept_in(folder: Path, place: S3Place) -> Path:
    """Let the registry of a folder keep its blobs in a place; return the folder."""
    folder.mkdir(exist_ok=True)
    with (folder / "registry.toml").open("a", encoding="utf-8") as file:
        file.write(f'[[blobs]]\nname = "s3"\nurl = "s3://{place.bucket}/{place.prefix}"\n')
        file.write(f'endpoint = "{place.endpoint}"\n')
    return folder


def fresh(server: S3Server) -> S3Place:
    """Return a place of its own; the bucket is made when it is not there."""
    if BUCKET not in [bucket["Name"] for bucket in server.client.list_buckets()["Buckets"]]:
        server.client.create_bucket(Bucket=BUCKET)
    return S3Place(BUCKET, f"of-{secrets.token_hex(6)}", server)


def let_in(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment, and nothing else of AWS's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
