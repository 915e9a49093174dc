"""Engines by a file: Snakemake runs it, HTCondor's own bindings parse it, REANA's own schema takes it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.jobs import asked
from tests.servers.engines import engines_venv

from herdbook.bootstrap.engines import runner
from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits, JobResult
from herdbook.plugins.engines.htcondor import Htcondor, arguments
from herdbook.plugins.engines.reana import Reana
from herdbook.plugins.engines.snakemake import Snakemake

__all__ = ["engines_venv"]
LIMITS = JobLimits(wall_s=3600, memory_bytes=4 << 30, cpus=2, gpus=1)
PARSE = """
import json, sys, htcondor2
submit = htcondor2.Submit(open(sys.argv[1]).read())
print(json.dumps({"lines": {name: submit[name] for name in submit.keys()}, "queue": submit.getQArgs(),
                  "expanded": submit.expand("arguments")}))
"""


def parsed(venv: Path, file: str) -> dict[str, Any]:
    done = subprocess.run([venv / "bin" / "python", "-c", PARSE, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_snakemake_runs_a_job(engines_venv: Path, tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "a job {with} 'signs'", {"train.py": asked.WRITE})
    engine = Snakemake()
    settings = {"program": str(engines_venv / "bin" / "snakemake")}
    handle = engine.submit(folder, runner(folder), JobLimits(cpus=1), settings)
    engine.wait(folder, handle, 120)
    result = JobResult.read_json((folder / "result.json").read_bytes())
    assert (result.status, "code" in result.verified) == ("finished", True)


def test_snakemake_keeps_the_result_of_a_command_that_fails(engines_venv: Path, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path / "job", command={"argv": ["false"]})
    engine = Snakemake()
    handle = engine.submit(folder, runner(folder), JobLimits(), {"program": str(engines_venv / "bin" / "snakemake")})
    engine.wait(folder, handle, 120)
    while engine._processes._alive(handle):
        pass
    assert JobResult.read_json((folder / "result.json").read_bytes()).status == "failed"


def test_snakemake_that_is_not_there_or_fails_is_told(tmp_path: Path) -> None:
    engine = Snakemake()
    with pytest.raises(UnavailableError) as told:
        engine.submit(tmp_path, ["true"], LIMITS, {"program": str(tmp_path / "none")})
    assert told.value.code == "no-engine"
    with pytest.raises(InvalidError):
        engine.submit(tmp_path, ["true"], LIMITS, {"partition": "x"})
    handle = engine.submit(tmp_path, ["true"], LIMITS, {"program": "false"})
    with pytest.raises(UnavailableError) as lost:
        engine.wait(tmp_path, handle, 60)
    assert lost.value.code == "job-lost"


def test_htcondor_parses_what_is_written_for_it(engines_venv: Path, tmp_path: Path) -> None:
    folder = asked.ask(tmp_path / "a job")
    engine = Htcondor()
    file = engine.submit(folder, runner(folder), LIMITS, {"+JobFlavour": '"tomorrow"', "request_memory": "9GB"})
    found = parsed(engines_venv, file)
    lines = {name.lower(): value for name, value in found["lines"].items()}
    assert lines["executable"] == asked.this_python()
    assert lines["initialdir"] == str(folder)
    assert (lines["request_cpus"], lines["request_gpus"], lines["request_memory"]) == ("2", "1", "9GB")
    assert '"tomorrow"' in lines.values()
    assert found["queue"] == "1"
    assert found["expanded"] == f"\"-m herdbook.apps.worker.job '{folder}'\""
    with pytest.raises(UnavailableError) as told:
        engine.wait(folder, file)
    assert told.value.code == "job-not-run"
    assert f"condor_submit {file}" in str(told.value)


def test_words_for_htcondor_stay_what_they_are(engines_venv: Path, tmp_path: Path) -> None:
    words = ["plain", "with space", "it's", 'a "quote"', "$(ENV)", "", "a=b;c"]
    written = arguments(words)
    assert written == '''"plain 'with space' 'it\'\'s' 'a ""quote""' $(DOLLAR)(ENV) '' a=b;c"'''
    (tmp_path / "job.sub").write_text(f"executable = x\narguments = {written}\nqueue 1\n")
    expanded = parsed(engines_venv, str(tmp_path / "job.sub"))["expanded"]
    assert expanded == written.replace("$(DOLLAR)", "$")


@pytest.mark.parametrize("name", ["executable", "Queue", "a b", "+x\ny"])
def test_htcondor_is_not_told_what_would_change_the_job(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidError) as told:
        Htcondor().submit(tmp_path, ["x"], LIMITS, {name: "y"})
    assert told.value.code == "bad-engine-setting"
    with pytest.raises(InvalidError):
        Htcondor().submit(tmp_path, ["x"], LIMITS, {"notify_user": "y\nqueue 100"})


@pytest.mark.parametrize("backend", ["kubernetes", "htcondorcern", "slurmcern"])
def test_reana_s_schema_takes_what_is_written_for_it(engines_venv: Path, tmp_path: Path, backend: str) -> None:
    found = next(engines_venv.glob("lib/python3*/site-packages/reana_commons/validation/schemas/*.json"))
    schema = json.loads(found.read_text())
    folder = asked.trained(tmp_path / "job", {"train.py": asked.WRITE})
    asked.put(folder, "inputs/0", b"x", "x")
    settings = {"image": "registry.example.org/herdbook:1", "backend": backend, "cvmfs": "cms.cern.ch"}
    engine = Reana()
    file = engine.submit(folder, runner(folder), LIMITS, settings)
    written = yaml.safe_load(Path(file).read_text())
    jsonschema.Draft7Validator(schema).validate(written)
    (step,) = written["workflow"]["specification"]["steps"]
    assert step["commands"] == ["python3 -m herdbook.apps.worker.job . || test -f result.json"]
    assert written["inputs"] == {"files": ["request.json", "code.bundle"], "directories": ["inputs"]}
    with pytest.raises(UnavailableError) as told:
        engine.wait(folder, file)
    assert told.value.code == "job-not-run"
    broken = written | {"workflow": {"type": "serial", "specification": {"steps": [step | {"memory": "4Gi"}]}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(broken)


def test_reana_gets_no_job_whose_files_it_would_not_have(tmp_path: Path) -> None:
    given = {"path": "x", "sha256": asked.sha256(b""), "size": 0, "source": "/data/x"}
    folder = asked.ask(tmp_path / "job", inputs=[given])
    with pytest.raises(InvalidError) as told:
        Reana().submit(folder, runner(folder), LIMITS, {"image": "x"})
    assert told.value.code == "bad-job"
    with pytest.raises(InvalidError):
        Reana().submit(asked.ask(tmp_path / "other"), runner(folder), LIMITS, {})
