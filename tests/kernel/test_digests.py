"""Digests and ids: one spelling each, and the strongest first."""

from __future__ import annotations

import hashlib

import pytest

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError

WEAKER = ["git-sha1:" + "0" * 40, "md5:" + "0" * 32, "adler32:" + "0" * 8]


def test_a_digest_is_the_sha256_that_any_tool_gives() -> None:
    assert digests.of(b"herd") == "sha256:" + hashlib.sha256(b"herd").hexdigest()


def test_digests_sort_from_strong_to_weak() -> None:
    given = [*reversed(WEAKER), digests.of(b"")]
    assert sorted(given, key=digests.strength) == [digests.of(b""), *WEAKER]


@pytest.mark.parametrize("text", [*WEAKER, "sha256:" + "a" * 64])
def test_each_algorithm_is_taken(text: str) -> None:
    assert digests.check(text) == text
    assert digests.is_sha256(text) is (digests.algorithm(text) == "sha256")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "a" * 64,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "md5:" + "0" * 40,
        "sha1:" + "0" * 40,
        "sha256:" + "a" * 64 + "\n",
        "SHA256:" + "a" * 64,
        "sha256:" + "\u0660" * 64,
    ],
)
def test_another_spelling_of_a_digest_is_refused(text: str) -> None:
    for check in (digests.check, digests.check_sha256):
        with pytest.raises(InvalidError) as refused:
            check(text)
        assert refused.value.code == "bad-digest"
    assert not digests.is_sha256(text)


@pytest.mark.parametrize("text", WEAKER)
def test_a_weaker_digest_does_not_name_a_record(text: str) -> None:
    with pytest.raises(InvalidError):
        digests.check_sha256(text)


def test_ids_are_random_and_of_their_kind() -> None:
    made = {digests.new_id("actor") for _ in range(100)}
    assert len(made) == 100
    for text in made:
        assert digests.check_id(text, "actor") == text
        with pytest.raises(InvalidError):
            digests.check_id(text, "registry")
    with pytest.raises(InvalidError):
        digests.check_id("actor:jane", "actor")
