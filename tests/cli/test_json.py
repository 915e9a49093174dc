"""What `--json` prints fits the schemas that are published, which are those of the values."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from herdbook.apps.cli.shapes import ANSWERS
from herdbook.testing.repositories import Repository

from .conftest import MODEL, Run

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.server.operation.hearing import hearing

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference" / "json"


def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((FOLDER / f"{name.replace(' ', '-')}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class Checked:
    """Runs commands with `--json`, checks what they print, and remembers which were run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.seen: set[str] = set()

    def __call__(self, *words: str, status: int = 0) -> list[Any]:
        command = " ".join(words[:2]) if " ".join(words[:2]) in ANSWERS else words[0]
        # What stands behind the command that is run under capture is that command's.
        said = self.run(words[0], "--json", *words[1:], status=status)
        found = said.lines
        assert ANSWERS[command].many or len(found) == 1, said.out
        check = _validator(command)
        for item in found:
            check.validate(item)
        if found:
            self.seen.add(command)
        return found


ELSEWHERE = {"serve", "move", "dataset resolve", "data put"}
"""What ends only when it is told to, what needs PostgreSQL, and what Rucio: their own tests look at their answers."""


def test_what_every_command_prints_as_json_fits_its_published_schema(
    story: Run, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Checked(story)
    _versions(ask, files, tmp_path)
    _said(ask)
    _datasets_and_activities(ask, files, tmp_path)
    _trained_again(ask, tmp_path)
    _registry(ask, tmp_path)
    _stores(ask)
    _imports(ask, tmp_path)
    _cached(ask)
    _audited(ask)
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + base64.b64encode(bytes(32)).decode())
    _webhooks(ask, tmp_path / "second")
    _prepared(ask, tmp_path)
    _captured(ask)
    _copied(ask, tmp_path)
    assert set(ANSWERS) - ask.seen == ELSEWHERE


def _versions(ask: Checked, files: Path, tmp_path: Path) -> None:
    (files / "weights.txt").write_text("a slip\n", "utf-8")
    assert ask("register", f"{MODEL}:v3", str(files))[0]["reference"] == f"{MODEL}:v3"
    assert {item.get("left_out") for item in ask("register", f"{MODEL}:v4", str(files), "--dry-run")} > {None}
    assert ask("show", f"{MODEL}:v1")[0]["entry"]["reference"] == f"{MODEL}:v1"
    assert ask("list")[0]["name"] == MODEL
    assert len(ask("list", MODEL)) == 3
    assert ask("search", "taus")[0]["model"] == MODEL
    assert ask("search", "--count") == [{"total": 3, "exact": True}]
    assert ask("search", "--facet", "step")[-1]["facets"]["step"] == [{"value": "trigger", "count": 3}]
    assert ask("trace", f"{MODEL}:v2")[0]["direction"] == "up"
    (tmp_path / "trials.csv").write_text("eta,loss\n0.1,3\n0.2,1\n", "utf-8")
    study = ask("study", "add", "demo", str(tmp_path / "trials.csv"), "--objective", "loss", "--for", f"{MODEL}:v1")
    assert ask("study", "show", study[0]["record"])[0]["activity"]["search"]["chosen"] == 1
    card = tmp_path / "CARD.md"
    assert ask("card", f"{MODEL}:v1", "--write", str(card))[0]["changed"]
    card.write_text(card.read_text("utf-8") + "\nMine.\n", "utf-8")
    assert ask("card", f"{MODEL}:v1", "--save", str(card))[0]["sections"] == ["contact"]
    ask("card", f"{MODEL}:v1", "--write", str(card), "--check")
    assert ask("impact", f"{MODEL}:v1")[0]["title"].startswith(MODEL)
    assert ask("history", f"{MODEL}@production")[0]["reason"] == "validated"
    assert ask("diff", f"{MODEL}:v1", f"{MODEL}:v2")[0]["changes"]
    assert ask("fetch", f"{MODEL}:v1", str(tmp_path / "out"))[0]["files"]
    assert {item["status"] for item in ask("verify", f"{MODEL}:v1", f"{MODEL}:v2")} == {"ok"}
    assert len(ask("inspect", str(files))) == 2
    assert {report["of"] for report in ask("check", f"{MODEL}:v1", str(files))} == {f"{MODEL}:v1", str(files)}
    assert ask("undo", f"{MODEL}:v3", "--reason", "a slip", "--yes")


def _said(ask: Checked) -> None:
    production = f"{MODEL}@production"
    ask("alias", "set", production, ":v2", "--expect", ":v1")
    ask("alias", "list", MODEL)
    ask("alias", "history", production)
    ask("alias", "remove", production)
    issue = json.dumps({"title": "fails above 1 TeV", "severity": "low"})
    digest = ask("statement", "add", f"{MODEL}:v1", "--kind", "known-issue", "--body", issue)[0]["digest"]
    digest = ask("statement", "supersede", digest, "--body", '{"title": "fails above 2 TeV"}')[0]["digest"]
    ask("statement", "show", digest)
    assert len(ask("statement", "list", f"{MODEL}:v1", "--kind", "known-issue")) == 1
    ask("statement", "withdraw", digest, "--reason", "mended")
    assert not ask("statement", "list", f"{MODEL}:v1", "--kind", "known-issue")
    assert len(ask("statement", "list", f"{MODEL}:v1", "--kind", "known-issue", "--history")) == 2
    assert ask("profile", "show", MODEL)[0]["profile"] == {"step": "trigger"}
    ask("profile", "set", MODEL, "--title", "Taus", "--keyword", "toy")


def _datasets_and_activities(ask: Checked, files: Path, tmp_path: Path) -> None:
    entry = ask("dataset", "register", "demo", "local:other", "--file", str(files), "--title", "Other", "--events", "7")
    assert entry[0]["dataset"]["manifest"]
    ask("dataset", "show", "local:other")
    assert len(ask("dataset", "list")) == 2
    table = tmp_path / "table.csv"
    table.write_text("event,pt\n" + "".join(f"{number},{number}.5\n" for number in range(10)), "utf-8")
    ask("dataset", "register", "demo", "local:table", "--file", str(table), "--from", "local:other")
    lies = json.dumps({"uri": table.as_uri(), "state": "exists", "asked": "2026-11-21T00:00:00Z"})
    ask("statement", "add", "local:table", "--kind", "location", "--body", lies)
    assert ask("dataset", "recheck", "local:table")[0]["location"]["state"] == "exists"
    assert len(ask("data", "where", "local:table")) == 1
    assert ask("data", "where", "local:table", "--now")[0]["files"] == 1
    assert ask("dataset", "profile", str(table))[0]["events"] == 10
    assert ask("dataset", "diff", "local:table", str(table))[0]["same"]
    rules = ("--rule", "train:modulo:event:2:0", "--rule", "test:modulo:event:2:1")
    assert ask("dataset", "split", "local:table", *rules, "--run", str(table))[0]["split"]["overlap"] == 0
    activity = tmp_path / "conversion.json"
    activity.write_text(
        '{"kind": "conversion", "status": "finished", "ids": [{"scheme": "job", "value": "9"}]}', "utf-8"
    )
    ask("activity", "register", "demo", str(activity))
    ask("activity", "show", "mlflow-run:run-7")
    assert len(ask("activity", "list", "--kind", "fine-tuning")) == 1


def _prepared(ask: Checked, tmp_path: Path) -> None:
    scaler = tmp_path / "scaler.txt"
    scaler.write_text("pt stdscale 1 2\n", "utf-8")
    assert ask("preprocessing", "show", str(scaler))[0]["spec"]["inputs"][0]["features"][0]["divisor"] == 2
    assert ask("preprocessing", "export", str(scaler), "--to", "lwtnn", "--divisors-as-scales")[0]["text"]
    file = tmp_path / "contract.yaml"
    assert ask("contract", "init", str(scaler), "-o", str(file))[0]["contract"]["inputs"][0]["features"]
    assert ask("contract", "add", f"{MODEL}:v1", str(file))[0]["statement"]
    assert ask("contract", "show", f"{MODEL}:v1")[0]["source"] == "declared"


def _captured(ask: Checked) -> None:
    [done] = ask("run", "--namespace", "demo", "--parameter", "depth=3", "--", "true")
    assert (done["status"], done["exit"]) == ("finished", 0)
    assert [run["id"] for run in ask("spool", "list")] == [done["id"]]
    assert ask("spool", "show", "last")[0]["id"] == done["id"]
    assert ask("push", "last")[0]["status"] == "finished"
    assert ask("activity", "add", "demo", "--from", "last")[0]["activity"]["parameters"][0]["term"] is not None
    assert ask("spool", "drop", "last")[0]["pushed"]["run"] == done["id"]


def _copied(ask: Checked, tmp_path: Path) -> None:
    home, copy, own = (str(tmp_path / name) for name in ("registry", "copy", "own"))
    assert ask("mirror", home, copy, "demo")[0]["namespaces"][0]["namespace"] == "demo"
    ask("init", own)
    assert ask("adopt", f"{MODEL}:v2", "--from", home, "-R", own)


def _audited(ask: Checked) -> None:
    assert ask("audit", f"{MODEL}:v1", "--freeze")[0]["statement"]
    assert ask("audit", "--namespace", "demo")[0]["level"] == 0
    assert ask("audit", "--explain", "T3")[0]["gate"]
    assert ask("recheck", f"{MODEL}:v2")[-1]["asked"] <= 1  # the commit of the working copy, where there is one


def _webhooks(ask: Checked, folder: Path) -> None:
    with hearing(204, 204, 500) as heard:
        words = ["[[webhooks]]", 'name = "trigger"', f'url = "{heard.url}"', 'secret = "HOOK_SECRET"']
        (folder / "registry.toml").write_text("\n".join(words), "utf-8")
        assert ask("webhook", "test", "trigger", "-R", str(folder))[0]["name"] == "trigger"
        assert all(item["behind"] == 0 for item in ask("webhook", "deliver", "-R", str(folder))[0]["standings"])
        ask("namespace", "create", "fresh", "-R", str(folder))
        assert ask("webhook", "deliver", "trigger", "-R", str(folder))[0]["standings"]
        ask("namespace", "create", "later", "-R", str(folder))
        said = ask("webhook", "deliver", "-R", str(folder), status=6)
        assert "it answered 500" in {item.get("trouble") for item in said[0]["standings"]}
        assert ask("webhook", "list", "-R", str(folder)) == said
    assert [message["type"] for message in heard.messages] == ["webhook.test", "journal.event", "journal.event"]


def _trained_again(ask: Checked, tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", x=np.zeros(3))
    arrays = str(tmp_path / "arrays.npz")
    assert ask("golden", "add", f"{MODEL}:v1", arrays, arrays)[0]["statement"]["type"] == "herdbook/golden/1"
    told = ask("retrain", f"{MODEL}:v2", "--dry-run", status=3)[0]
    assert told["retraining"]["outcome"] == "incomplete"
    assert told["statement"]


def _registry(ask: Checked, tmp_path: Path) -> None:
    ask("init", str(tmp_path / "second"), "--namespace", "other")
    ask("namespace", "create", "lab")
    assert [item["namespace"] for item in ask("namespace", "list")] == ["demo", "lab"]
    assert ask("namespace", "usage")[0]["model"] == MODEL
    schema = tmp_path / "schema.json"
    schema.write_text('{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}', "utf-8")
    ask("namespace", "schema", "lab", "model", "1.0", str(schema))
    ask("journal", "log", "demo")
    ask("journal", "show", "demo", "1")
    checkpoint = ask("journal", "checkpoint", "demo")[0]
    ask("journal", "state", "demo")
    text = f"{checkpoint['journal']}:{checkpoint['seq']}:{checkpoint['head']}"
    bundle = str(tmp_path / "bundle")
    assert ask("bundle", "export", bundle, "--namespace", "demo")[0]["complete"]
    ask("bundle", "verify", bundle, "--expect", text)
    ask("bundle", "import", bundle, "-R", str(tmp_path / "second"))
    ask("backup", str(tmp_path / "backup"))
    assert ask("doctor", "--expect", text)[0]["sound"]
    ask("gc")
    ask("whoami", "--name", "Ada")
    ask("config", "show")
    ask("config", "set", "readers.workers", "1")
    ask("config", "unset", "readers.workers")
    ask("config", "path")
    ask("completion", "bash")


def _stores(ask: Checked) -> None:
    places = '[[blobs]]\nname = "here"\nurl = "file:blobs"\n[[blobs]]\nname = "archive"\nurl = "file:../archive"\n'
    Path(os.environ["HERDBOOK_REGISTRY"], "registry.toml").write_text(places, "utf-8")
    assert [item["name"] for item in ask("store", "list", "--count")] == ["here", "archive"]
    assert [item["missing"] > 0 for item in ask("store", "verify", status=7)] == [False, True]
    assert ask("store", "copy", "here", "archive")[0]["mended"] > 0
    assert [item["task"] for item in ask("verify", "--all")] == ["verify", "verify"]
    assert [item["mended"] for item in ask("store", "repair")] == [0, 0]


def _imports(ask: Checked, tmp_path: Path) -> None:
    made = Repository(tmp_path / "RecoTau-Files.git")
    made.tag("V1", made.commit({"data/net_v1.pb": b"1"}, "First"))
    lists = tmp_path / "cmsdist"
    lists.mkdir()
    (lists / "cmsswdata-CMSSW_14_1_X.txt").write_text("[default]\nRecoTau-Files=V1\n", "utf-8")
    source = (str(made.folder), "--namespace", "demo")
    assert ask("import", "git", *source)[0]["outcome"] == "planned"
    assert ask("import", "git", *source, "--plan", str(tmp_path / "plan.yaml"))[0]["versions"]
    batch = ask("import", "git", *source, "--apply")[0]["batch"]
    assert ask("import", "folder", str(lists), "--namespace", "demo", "--apply")[0]["statements"]
    assert not ask("import", "status", *source)[0]["moved"]
    assert ask("import", "verify", *source)[0]["checked"]
    assert ask("import", "survey", str(made.folder))[0]["versions"] == 1
    assert len(ask("import", "list")) == 2
    assert all(not item["failures"] for item in ask("import", "rules"))
    [found] = ask("release", "show", "CMSSW_14_1_X")[0]["versions"]
    reference, name = found["identity"]["reference"], found["identity"]["id"]
    assert ask("identity", "show", name, "--tag", "V1")[0]["tags"] == ["V1"]
    assert ask("identity", "of", reference)[0]["id"] == name
    assert ask("release", "of", reference)[0]["tag"] == "V1"
    assert ask("release", "list")[0]["name"] == "CMSSW_14_1_X"
    assert ask("import", "show", batch)[0]["versions"] == 1
    assert ask("import", "undo", batch, "--reason", "a slip", "--yes")[0]["withdrawn"]


def _cached(ask: Checked) -> None:
    name = hashlib.sha256(b"walrus").hexdigest()
    path = Path(os.environ["XDG_CACHE_HOME"], "herdbook", "blobs", name[:2], name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"walrus")
    assert ask("cache", "list")[0]["size"] == 6
    assert ask("cache", "verify")[0]["status"] == "ok"
    assert ask("cache", "clear", "--yes")[0]["bytes"] == 6


def test_the_published_schemas_are_those_of_the_values() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_json_schemas.py"))["pages"]()
    published = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert made == published, "run python tools/make_json_schemas.py"


def test_an_error_is_an_object_on_stderr_that_fits_its_schema(herdbook: Run) -> None:
    said = herdbook("--json", "show", "demo/no/such", status=3)
    assert said.out == ""
    _validator("error").validate(said.problem)
    assert said.problem["kind"] == "missing"
    assert said.problem["exit_status"] == 3


def test_a_mistyped_command_with_json_is_an_object_too(herdbook: Run) -> None:
    said = herdbook("sow", "demo/a/b", "--json", status=2)
    _validator("error").validate(said.problem)
    assert "show" in said.problem["detail"]


def test_a_page_that_is_not_the_last_says_on_stderr_where_the_next_begins(story: Run) -> None:
    said = story("search", "--limit", "1", "--json")
    _validator("more").validate(said.problem)
    assert said.problem["total"] == 2
    rest = story("search", "--cursor", said.problem["cursor"], "--json")
    assert rest.err == ""
    assert {said.json["reference"], rest.json["reference"]} == {f"{MODEL}:v1", f"{MODEL}:v2"}
    assert len(story("search", "--all", "--limit", "1", "--json").lines) == 2


@pytest.mark.parametrize("before", [True, False])
def test_json_may_stand_before_or_behind_the_command(story: Run, before: bool) -> None:
    words = ("--json", "show", f"{MODEL}:v1") if before else ("show", f"{MODEL}:v1", "--json")
    assert story(*words).json["entry"]["ordinal"] == 1
