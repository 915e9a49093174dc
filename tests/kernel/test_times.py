"""Times: one spelling for one moment, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel import times
from herdbook.kernel.errors import InvalidError

_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=_zones)  # noqa: DTZ001 - given a zone here


@given(_moments)
def test_a_moment_written_and_read_is_the_same_moment(moment: datetime) -> None:
    text = times.write(moment)
    assert times.check(text) == text
    assert times.read(text) == moment
    assert times.write(times.read(text)) == text


@given(_moments, _moments)
def test_one_moment_in_two_zones_has_one_text(moment: datetime, other: datetime) -> None:
    assert times.write(moment) == times.write(moment.astimezone(other.tzinfo))


@pytest.mark.parametrize("text", ["2026-11-20T09:01:00Z", "2026-11-20T09:01:00.25Z", "2024-02-29T23:59:59.000001Z"])
def test_a_time_as_records_write_it_is_taken(text: str) -> None:
    assert times.check(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20 09:01:00Z",
        "2026-11-20T09:01Z",
        "2026-11-20T09:01:00",
        "2026-11-20T09:01:00+00:00",
        "2026-11-20T10:01:00+01:00",
        "2026-11-20t09:01:00z",
        "2026-11-20T09:01:00.0Z",
        "2026-11-20T09:01:00.250Z",
        "2026-11-20T09:01:00.Z",
        "2026-11-20T09:01:00.1234567Z",
        "2026-11-20T09:01:60Z",
        "2026-11-20T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "\uff12026-11-20T09:01:00Z",
        "2026-11-20T09:01:00Z\n",
    ],
)
def test_another_spelling_of_a_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        times.check(text)
    assert refused.value.code == "bad-time"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 20),  # noqa: DTZ001 - no zone is what is refused
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_a_moment_that_has_no_time_in_utc_is_refused(moment: datetime) -> None:
    with pytest.raises(InvalidError) as refused:
        times.write(moment)
    assert refused.value.code == "bad-time"


def test_the_clock_is_read_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= times.read(times.now()) <= datetime.now(UTC)
