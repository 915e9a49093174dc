"""What writers left behind that never came back. No clock of ours has a say: ages are by the store's own."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from herdbook.kernel.errors import MissingError
from herdbook.stores.s3.bucket import Bucket
from herdbook.stores.s3.sending import Multipart
from herdbook.stores.s3.staged import TEMPORARY, UPLOADS, Names

STAGED_S: Final = 24 * 3600.0
"""How long staged bytes are left alone at least: nobody here sees whether a writer on another machine is gone."""
UPLOADS_S: Final = 7 * 24 * 3600.0
"""How long an upload waits for its next bytes."""


def sweep(bucket: Bucket, names: Names, older_than_s: float) -> int:
    """Remove what was left behind; return how many bytes that freed."""
    staged_s, uploads_s = max(older_than_s, STAGED_S), max(older_than_s, UPLOADS_S)
    return _staged(bucket, names, staged_s) + _parts(bucket, names, staged_s, uploads_s) + _uploads(bucket, uploads_s)


def _staged(bucket: Bucket, names: Names, older_than_s: float) -> int:
    freed = 0
    for item in bucket.list(bucket.prefix + TEMPORARY):
        if item.age_s >= older_than_s and item.key not in names.live:
            bucket.drop(item.key)
            freed += item.size
    return freed


def _parts(bucket: Bucket, names: Names, staged_s: float, uploads_s: float) -> int:
    """Give up multipart uploads of writers that are gone, and of uploads of which no note is there."""
    freed = 0
    for key, multipart, age_s in list(bucket.list_multipart(bucket.prefix + TEMPORARY)):
        if age_s >= staged_s and key not in names.live:
            freed += _give_up(bucket, key, multipart)
    for key, multipart, age_s in list(bucket.list_multipart(bucket.prefix + UPLOADS)):
        if age_s >= uploads_s and not _noted(bucket, key):
            freed += _give_up(bucket, key, multipart)
    return freed


def _noted(bucket: Bucket, key: str) -> bool:
    return bucket.head(f"{key.rpartition('/')[0]}/state") is not None


def _give_up(bucket: Bucket, key: str, multipart: str) -> int:
    try:
        freed = sum(size for _, _, size in bucket.parts(key, multipart))
    except MissingError:  # it came to its end meanwhile
        return 0
    Multipart(bucket, key, multipart).abort()
    return freed


def _uploads(bucket: Bucket, older_than_s: float) -> int:
    """Drop uploads to which nothing was added; each change of one writes its note anew."""
    youngest: dict[str, float] = {}
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for item in bucket.list(bucket.prefix + UPLOADS):
        upload = item.key.removeprefix(bucket.prefix + UPLOADS).partition("/")[0]
        youngest[upload] = min(item.age_s, youngest.get(upload, item.age_s))
        found[upload].append((item.key, item.size))
    freed = 0
    for upload in sorted(upload for upload, age_s in youngest.items() if age_s >= older_than_s):
        whole = f"{bucket.prefix}{UPLOADS}{upload}/whole"
        for key, multipart, _ in list(bucket.list_multipart(whole)):
            freed += _give_up(bucket, key, multipart)
        bucket.drop(*(key for key, _ in found[upload]))
        freed += sum(size for _, size in found[upload])
    return freed
