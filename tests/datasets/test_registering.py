"""Registering from files: what is kept, what is said, from what it was made; the same once more changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.service import dataset_files
from herdbook.service.dataset_registering import name_of

from .conftest import Run, columns, write


def said(herdbook: Run, reference: str, kind: str, *words: str) -> list[Any]:
    lines = herdbook("statement", "list", reference, "--kind", kind, *words, "--json").out.splitlines()
    return [json.loads(line)["statement"] for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files of data and a note."""
    made = tmp_path / "toys"
    (made / "more").mkdir(parents=True)
    write(made / "a.root", columns(0, 500))
    write(made / "more" / "b.root", columns(500, 500))
    (made / "NOTE.md").write_text("# Toys\n", "utf-8")
    return made


def test_manifest_profile_and_what_could_not_be_read_are_kept(herdbook: Run, folder: Path) -> None:
    words = ("--file", str(folder), "--weights", "weight", "--unit", "pt=GeV", "--missing", "pt=-999")
    entry = herdbook("dataset", "register", "demo", "local:toys", *words, "--json").json
    (profile,) = said(herdbook, "local:toys", "dataset-profile")
    body = profile["body"]
    assert (body["files"], body["events"], body["unread_files"]) == (3, 1000, 1)
    assert body["unread"][0].startswith("NOTE.md: ")
    (table,) = body["tables"]
    assert (table["name"], table["weights"], table["entries"]) == ("toys", "weight", 1000)
    told = {column["name"]: column for column in table["columns"]}
    assert (told["pt"]["unit"], len(told["pt"]["quantiles"])) == ("GeV", 101)
    assert body["missing_values"] == {"pt": [-999]}
    place = [column["name"] for column in table["columns"]].index("pt")
    assert profile["evidence"][f"/tables/0/columns/{place}/unit"] == {"how": "declared"}
    assert profile["evidence"][""]["how"] == "extracted"
    assert herdbook("dataset", "register", "demo", "local:toys", *words, "-q").out.strip() == entry["record"]
    assert len(said(herdbook, "local:toys", "dataset-profile", "--history")) == 1
    herdbook("dataset", "register", "demo", "local:toys", "--file", str(folder))
    assert len(said(herdbook, "local:toys", "dataset-profile")) == 1, "a new profile takes the place of the old one"
    shown = herdbook("dataset", "show", "local:toys").out
    assert "toys  1,000 entries" in shown
    assert "NOTE.md" in shown


def test_the_record_is_of_the_files_whether_or_not_they_were_profiled(herdbook: Run, folder: Path) -> None:
    bare = herdbook("dataset", "register", "demo", "--file", str(folder), "--no-profile", "-q").out
    assert herdbook("dataset", "register", "demo", "--file", str(folder), "-q").out == bare
    assert len(said(herdbook, bare.strip(), "dataset-profile")) == 1


def test_a_folder_without_data_gets_no_profile(herdbook: Run, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Nothing\n", "utf-8")
    herdbook("dataset", "register", "demo", "local:none", "--file", str(tmp_path / "README.md"))
    assert not said(herdbook, "local:none", "dataset-profile")


def test_files_elsewhere_are_read_once_and_where_they_are_is_stated(herdbook: Run, folder: Path) -> None:
    uris = [f"file://{folder}/a.root", f"file://{folder}/more/b.root"]
    words = [word for uri in uris for word in ("--file", uri)]
    remote = herdbook("dataset", "register", "demo", "local:far", *words, "--json").json
    found = said(herdbook, "local:far", "location")
    assert sorted(each["body"]["uri"] for each in found) == sorted(uris)
    assert {(each["body"]["state"], each["body"]["checked"]) for each in found} == {("exists", "checksum")}
    assert said(herdbook, "local:far", "dataset-profile")[0]["body"]["events"] == 1000
    local = ["--file", str(folder / "a.root"), "--file", str(folder / "more" / "b.root")]
    near = herdbook("dataset", "register", "demo", "local:near", *local, "--no-profile", "--json").json
    assert near["dataset"]["manifest"] == remote["dataset"]["manifest"]
    gone = herdbook("dataset", "register", "demo", "--file", f"file://{folder}/c.root", "--json", status=3).problem
    assert gone["code"] == "gone"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("root://eos.example.org//eos/cms/store/x.root", "x.root"),
        ("https://example.org/a/b%20c.root?token=1", "b c.root"),
        ("rucio:mc23:mc23_13p6TeV.1.root", "mc23_13p6TeV.1.root"),
    ],
)
def test_a_file_elsewhere_is_called_by_the_last_part_of_its_uri(uri: str, name: str) -> None:
    assert name_of(uri) == name
    with pytest.raises(InvalidError):
        name_of("https://example.org/..")


def test_here_states_where_the_files_lie_on_this_machine(herdbook: Run, folder: Path) -> None:
    herdbook("dataset", "register", "demo", "local:toys", "--file", str(folder), "--here", "--no-profile")
    (place,) = said(herdbook, "local:toys", "location")
    assert place["body"]["uri"] == f"file://{socket.gethostname()}{folder}"
    several = ("--file", str(folder / "a.root"), "--file", str(folder / "more" / "b.root"), "--here")
    problem = herdbook("dataset", "register", "demo", *several, "--json", status=2).problem
    assert problem["code"] == "several-folders"


def _repository(folder: Path) -> str:
    git = ("git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@example.org")
    subprocess.run([*git, "init", "-q"], check=True)
    (folder / "convert.py").write_text("print()\n", "utf-8")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Convert"], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_chain_from_a_model_to_raw_data_stands(herdbook: Run, folder: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    commit = _repository(code)
    (tmp_path / "convert.toml").write_text("cut = 1\n", "utf-8")
    raw, mini = "cms-dbs:/Tau/Run2018D-v1/RAW", "cms-dbs:/Tau/Run2018D-UL2018_MiniAODv2-v1/MINIAOD"
    produced = ("--from", raw, "--activity-kind", "dataset-production")
    herdbook("dataset", "register", "demo", mini, *produced, "--code", f"https://example.org/cmssw.git@{'1f' * 20}")
    herdbook(
        "dataset", "register", "demo", "local:ntuple", "--file", str(folder), "--from", mini, "--command", "cmsRun x"
    )
    h5 = write(tmp_path / "train.h5", columns())
    made = ("--from", "local:ntuple", "--command", "python convert.py 'a b.toml'", "--code", str(code))
    words = ("demo", "local:train", "--file", str(h5), *made, "--config", str(tmp_path / "convert.toml"))
    herdbook("dataset", "register", *words)
    herdbook("dataset", "register", *words)
    (tmp_path / "model.txt").write_text("1\n", "utf-8")
    herdbook("register", "demo/tau/toy:v1", str(tmp_path / "model.txt"), "--dataset", "local:train")
    titles = {node["title"] for node in herdbook("trace", "demo/tau/toy:v1", "--json").json["nodes"]}
    assert {"local:train", "local:ntuple", mini, raw} <= titles
    listed = herdbook("activity", "list", "--kind", "dataset-conversion", "--json").out.splitlines()
    assert len(listed) == 2, "told twice is once"
    conversion = next(
        a for a in (json.loads(each)["activity"] for each in listed) if a["command"]["argv"][0] == "python"
    )
    assert conversion["command"]["argv"] == ["python", "convert.py", "a b.toml"]
    assert conversion["code"]["commit"] == commit
    config = next(part for part in conversion["inputs"] if part["role"] == "config")
    assert config["blob"].endswith(hashlib.sha256(b"cut = 1\n").hexdigest())


def test_an_activity_that_is_known_is_completed_and_nonsense_is_refused(herdbook: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", columns())
    told = {"kind": "dataset-conversion", "status": "finished", "ids": [{"scheme": "slurm-job", "value": "7"}]}
    (tmp_path / "by.json").write_text(json.dumps(told), "utf-8")
    by = ("--by", str(tmp_path / "by.json"), "--from", "cms-dbs:/QCD_*/X/MINIAODSIM")
    herdbook("dataset", "register", "demo", "local:a", "--file", str(path), *by)
    activity = herdbook("activity", "show", "slurm-job:7", "--json").json["activity"]
    assert activity["inputs"][0]["selector"]["value"] == "/QCD_*/X/MINIAODSIM"
    assert len(activity["outputs"]) == 1
    for words, code in (
        (("--from", "local:a"), "own-input"),
        (("--from", "nothing"), "bad-identifier"),
        (("--code", "https://example.org/x.git@1234", "--from", "local:b"), "bad-code"),
        (("--command", "a 'b", "--from", "local:b"), "bad-command"),
    ):
        problem = herdbook("dataset", "register", "demo", "local:a", "--file", str(path), *words, "--json", status=2)
        assert problem.problem["code"] == code


def test_what_cannot_be_a_dataset_s_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "there.npz").write_bytes(b"1")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.npz").symlink_to(tmp_path / "there.npz")
    assert [each.path for each in dataset_files.found([tmp_path / "in"])] == ["link.npz"], "links to files are followed"
    (tmp_path / "in" / "up").symlink_to(tmp_path / "folder")
    with pytest.raises(InvalidError) as error:
        list(dataset_files.found([tmp_path / "in"]))
    assert error.value.code == "bad-link"
    os.mkfifo(tmp_path / "folder" / "pipe")
    with pytest.raises(InvalidError) as error:
        list(dataset_files.found([tmp_path / "folder"]))
    assert error.value.code == "special-file"


def test_files_come_in_the_order_of_the_manifest(tmp_path: Path) -> None:
    for name in ("a/x", "a.txt", "a-b", "B", "ä", "a/b/c", "z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [each.path for each in dataset_files.found([tmp_path])]
    assert found == sorted(found, key=str.encode)
    made = dataset_files.manifest(dataset_files.lines(dataset_files.found([tmp_path])))
    with made.stream as stream:
        assert [json.loads(line)["path"] for line in stream] == found
    assert made.files == 7


def test_two_files_of_one_name_collide(herdbook: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.npz", columns())
    words = ("--file", str(tmp_path / "one" / "a.npz"), "--file", str(tmp_path / "two" / "a.npz"))
    assert herdbook("dataset", "register", "demo", *words, "--json", status=2).problem["code"] == "paths-collide"


def test_profile_looks_and_registers_nothing(herdbook: Run, folder: Path) -> None:
    found = herdbook("dataset", "profile", str(folder), "--json").json
    assert (found["events"], found["unread_files"]) == (1000, 1)
    assert "Not read" in herdbook("dataset", "profile", str(folder)).out
    assert not herdbook("dataset", "list").out
    problem = herdbook("dataset", "profile", str(folder), "--unit", "pt=GeVs", "--json", status=2).problem
    assert problem["code"] == "bad-unit"


def test_a_conversion_that_lost_nothing_has_the_same_fingerprint(herdbook: Run, tmp_path: Path) -> None:
    given = columns()
    prints = [
        herdbook("dataset", "profile", str(write(tmp_path / name, given)), "-q").out for name in ("a.root", "b.h5")
    ]
    assert prints[0] == prints[1]
    given["pt"] = np.round(given["pt"], 2)
    assert herdbook("dataset", "profile", str(write(tmp_path / "c.h5", given)), "-q").out != prints[0]
    shutil.rmtree(tmp_path / "registry")
