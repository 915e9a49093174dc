"""A history of two versions with all that a source may say of them, and applying it."""

from __future__ import annotations

from typing import Any

from tests.service.imports.drafted import (
    READ,
    TAGS,
    MemorySource,
    drafts,
    git,
    identity,
    key_of,
    origin,
    version,
)

from herdbook.model.drafts import (
    DraftActivity,
    DraftBlob,
    DraftDataset,
    DraftModel,
    Drafts,
    DraftSaid,
    DraftWithdrawal,
)
from herdbook.model.statements import Said
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans

ONE = {"core.pb": b"core one", "config.pbtxt": b"shared"}
TWO = {"core.pb": b"core two", "config.pbtxt": b"shared"}
ALL = [*ONE.values(), *TWO.values(), b"train: yaml"]
RUN = "0123456789abcdef0123456789abcdef"


def history(**more: Any) -> Drafts:
    """Return two versions with what a source may say of them."""
    one = version("demo/tau/deep", ONE, "v1", "v1_V1", said=(identity("core.pb", "V1", "V2"), origin(first="V1")))
    two = version("demo/tau/deep", TWO, "v2", first="V2", said=(identity("core.pb", "V2"), origin(first="V2")))
    training = DraftActivity(
        activity={
            "kind": "training",
            "status": "unknown",
            "ids": [{"scheme": "mlflow-run", "value": RUN}],
            "inputs": [{"role": "config"}],
        },
        outputs=(key_of("demo/tau/deep", ONE), key_of("demo/tau/deep", TWO)),
        blobs={"/inputs/0/blob": git(b"train: yaml")},
        evidence={"/ids/0": {"how": "asserted", "where": "commit:" + "c" * 40}},
        issued="2020-01-01T00:00:00Z",
    )
    described = DraftSaid(type="herdbook/description/1", body={"title": "a list"}, issued="2020-01-01T00:00:00Z")
    dataset = DraftDataset(dataset={"id": {"scheme": "cms-dbs", "value": "/A/B/C"}}, said=(described,))
    release = Said.read(
        {
            "type": "herdbook/release/1",
            "subject": [{"id": {"scheme": "cms-release-cycle", "value": "CMSSW_1_X"}}],
            "body": {"packages": [{"package": "Toy-Pack", "tag": "V1"}], "source": "toy/tau"},
            "issued": "2020-01-01T00:00:00Z",
            "evidence": READ,
        }
    )
    withdrawal = DraftWithdrawal(
        key="w1",
        versions=(one.key,),
        replacement=two.key,
        reason="a bug",
        issued="2020-01-02T00:00:00Z",
        evidence={"": {"how": "asserted"}},
    )
    given: dict[str, Any] = {
        "activities": (training,),
        "datasets": (dataset,),
        "statements": (release,),
        "withdrawals": (withdrawal,),
        "models": (DraftModel(name="demo/tau/deep", rule="r", profile={"title": "Deep tau"}),),
        "blobs": (
            DraftBlob(digest=git(b"doc"), paths=("README.md",), fate="skipped", reason="no model"),
            DraftBlob(digest=git(b"train: yaml"), paths=("train.yaml",), fate="skipped", reason="a configuration"),
        ),
        "tags": TAGS[:2],
    }
    return drafts(one, two, **{**given, **more})


def run(registry: Registry, found: Drafts, contents: list[bytes] | None = None, plan: Any = None) -> Any:
    source = MemorySource(found, ALL if contents is None else contents)
    report = importing.apply(registry, source, found, plan or plans.make(found))
    return report, source
