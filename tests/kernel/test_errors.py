"""Errors: one root, six kinds, and nothing lost on the way to another process."""

from __future__ import annotations

import pickle

import pytest

from herdbook.kernel import errors
from herdbook.kernel.errors import HerdbookError, Kind

CLASSES = [
    errors.InvalidError,
    errors.MissingError,
    errors.ConflictError,
    errors.DeniedError,
    errors.UnavailableError,
    errors.CorruptError,
]


def test_each_kind_has_one_class_and_one_exit_status() -> None:
    assert {cls.kind for cls in CLASSES} == set(Kind) == set(errors.EXIT_STATUS)
    statuses = list(errors.EXIT_STATUS.values())
    assert len(set(statuses)) == len(statuses)
    assert not {0, 1} & set(statuses), "0 is success, and 1 an error of Python or of the shell"


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_of_a_worker_arrives_as_it_was(cls: type[HerdbookError]) -> None:
    sent = cls("The label is taken.", code="label-taken", hint="Choose another.", label="v1", ordinal=3)
    arrived = pickle.loads(pickle.dumps(sent))
    assert type(arrived) is cls
    assert str(arrived) == "The label is taken. Choose another."
    assert (arrived.code, arrived.hint, arrived.details) == (sent.code, sent.hint, {"label": "v1", "ordinal": 3})


def test_an_error_without_a_code_of_its_own_has_its_kind() -> None:
    assert errors.MissingError("gone").code == "missing"
    assert str(errors.MissingError("gone")) == "gone"
    assert str(errors.MissingError("gone", hint="Look elsewhere.")) == "gone. Look elsewhere."
