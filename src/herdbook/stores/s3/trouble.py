"""What an error of the store, or of the way there, means to somebody who keeps files in Herdbook."""

from __future__ import annotations

from typing import Final

from botocore import exceptions as boto

from herdbook.kernel.errors import DeniedError, HerdbookError, InvalidError, MissingError, UnavailableError

NO_KEY: Final = "s3-no-such-key"
NO_UPLOAD: Final = "s3-no-such-upload"

_DENIED: Final = {
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NotAuthenticated",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
_FULL: Final = {
    "EntityTooLarge",
    "InsufficientStorage",
    "QuotaExceeded",
    "ServiceQuotaExceededException",
    "StorageFull",
}
_ELSEWHERE: Final = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_ALTERED: Final = {"BadDigest", "IncompleteBody", "InvalidDigest", "InvalidPart", "XAmzContentSHA256Mismatch"}
_NO_CREDENTIALS: Final = (
    boto.CredentialRetrievalError,
    boto.NoAuthTokenError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.UnknownCredentialError,
)
ENDPOINT: Final = "Write https://HOST or https://HOST:PORT; credentials go into the environment."
_CHAIN: Final = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws in AWS_PROFILE; "
    "the key must be allowed to read, write, list and delete there."
)


def translate(error: Exception, operation: str, place: str, bucket: str) -> HerdbookError:
    """Return our error for one that boto3 raised. It names no credentials, and quotes no text that the store sent.

    Args:
        error: what was raised.
        operation: what was asked, as ``get_object``.
        place: where: the end point, or the provider's own.
        bucket: of whom.
    """
    told = {"operation": operation, "endpoint": place, "bucket": bucket}
    if isinstance(error, boto.ClientError):
        return _answered(error, operation, place, bucket, told)
    if isinstance(error, _NO_CREDENTIALS):
        return DeniedError(
            f"there are no credentials for the bucket {bucket} at {place}", code="s3-denied", hint=_CHAIN, **told
        )
    if isinstance(error, boto.ParamValidationError | boto.UnsupportedS3ArnError | boto.InvalidDNSNameError):
        return _no_bucket(f"{bucket!r} cannot be the name of a bucket at {place}", told)
    if isinstance(error, boto.InvalidRegionError | boto.NoRegionError | boto.UnknownRegionError):
        return _elsewhere(f"the region of the bucket {bucket} at {place} is not right", told)
    if isinstance(error, ValueError):
        return InvalidError(f"{place} is no end point", code="s3-bad-endpoint", hint=ENDPOINT, **told)
    return away(operation, place, bucket, type(error).__name__)


def _answered(error: boto.ClientError, operation: str, place: str, bucket: str, told: dict[str, str]) -> HerdbookError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    what = f"{operation} on the bucket {bucket} at {place}"
    if code in {"NoSuchBucket", "InvalidBucketName"}:
        return _no_bucket(f"there is no bucket {bucket} at {place}", told)
    if code == "NoSuchUpload":
        return MissingError(f"{what}: no such multipart upload", code=NO_UPLOAD, hint="Begin again.", **told)
    if code in {"NoSuchKey", "NotFound", "404"} or status == 404:
        return MissingError(f"{what}: no such object", code=NO_KEY, hint="Look whether it was deleted.", **told)
    if code in _FULL or status == 507:
        return UnavailableError(
            f"{what}: there is no room ({code or status})",
            code="disk-full",
            hint="Free some space there, or ask for a larger quota, and try again.",
            **told,
        )
    if code == "RequestTimeTooSkewed":
        return DeniedError(
            f"{what}: the clock of this machine differs from that of the store",
            code="s3-denied",
            hint="Set this machine's clock right, as by NTP.",
            **told,
        )
    if code in _DENIED or status in {401, 403}:
        return DeniedError(f"{what}: denied ({code or status})", code="s3-denied", hint=_CHAIN, **told)
    if code in _ALTERED:
        return altered(f"{what}: {code}")
    if code in _ELSEWHERE or status in {301, 307}:
        return _elsewhere(f"{what}: the bucket is elsewhere ({code or status})", told)
    return away(operation, place, bucket, f"{code or 'error'}, {status}", status)


def away(operation: str, place: str, bucket: str, why: str, status: int = 0) -> UnavailableError:
    """Return the error for a store that does not do now what was asked; ``status`` is HTTP's, 0 for no answer."""
    return UnavailableError(
        f"the store at {place} does not do {operation} on the bucket {bucket} now ({why})",
        code="store-unavailable",
        hint="Try again later; look whether the store is up, and whether its end point is right.",
        operation=operation,
        endpoint=place,
        bucket=bucket,
        status=status,
    )


def altered(what: str) -> UnavailableError:
    """Return the error for a store that has other bytes than it was given; nothing of them was kept."""
    return UnavailableError(
        f"the store has other bytes than it was given: {what}",
        code="store-altered",
        hint="Nothing was kept. Try again; if it happens again, do not trust that store, or the way there.",
    )


def _no_bucket(message: str, told: dict[str, str]) -> InvalidError:
    return InvalidError(
        message, code="s3-no-bucket", hint="Create the bucket, or mend its name or the end point.", **told
    )


def _elsewhere(message: str, told: dict[str, str]) -> InvalidError:
    return InvalidError(
        message,
        code="s3-wrong-region",
        hint="Give `region` in registry.toml, or AWS_REGION, as the provider says.",
        **told,
    )
