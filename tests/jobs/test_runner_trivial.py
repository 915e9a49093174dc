"""The runner and the local engine on a request that hardly asks for anything."""

from __future__ import annotations

import json
from pathlib import Path

from herdbook.bootstrap.engines import engine, runner
from herdbook.model.jobs import JobLimits, JobResult


def test_a_command_that_writes_a_file_gives_a_result_with_its_digest(tmp_path: Path) -> None:
    request = {
        "schema": "herdbook/job/1",
        "id": "one",
        "command": {"argv": ["python", "-c", "open('out.txt', 'w').write('hello')"]},
        "outputs": [{"path": "out.txt"}],
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    local = engine("local")
    handle = local.submit(tmp_path, runner(tmp_path), JobLimits(), {})
    local.wait(tmp_path, handle, 60)
    result = JobResult.read_json((tmp_path / "result.json").read_bytes())
    assert (result.status, result.exit, result.problems) == ("finished", 0, ())
    assert [each.path for each in result.outputs] == ["out.txt"]
