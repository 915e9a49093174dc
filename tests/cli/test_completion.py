"""Words complete in a shell: commands, models, labels behind a colon that bash has already broken; never an error."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from .conftest import MODEL, Run, run_here


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the command on the path, as an installation does."""
    script = tmp_path / "bin" / "herdbook"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom herdbook.apps.cli.main import run\nrun()\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def _complete(*lines: str) -> list[list[str]]:
    """Ask bash to complete lines as it would at Tab, and return what it would offer for the last word of each."""
    script = """
        eval "$(herdbook completion bash)"
        complete -p herdbook > /dev/null || exit 9
        for COMP_LINE; do
            COMP_POINT=${#COMP_LINE}
            _herdbook_completion herdbook
            echo "${COMPREPLY[@]}"
        done
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", *lines], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_models_and_labels_behind_a_colon(shell: Path, story: Run) -> None:
    assert shell.exists()
    story("list")
    offered = {
        "herdbook sea": ["search"],
        "herdbook statement su": ["supersede"],
        "herdbook show de": [MODEL],
        f"herdbook show {MODEL}:": ["v1", "v2"],
        f"herdbook show {MODEL}:v1": ["v1"],
        f"herdbook diff {MODEL}:v1 {MODEL}@pro": ["production"],
        "herdbook journal log d": ["demo"],
        "herdbook register demo/x --step tr": ["trigger"],
    }
    assert [sorted(words) for words in _complete(*offered)] == list(offered.values())


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_kinds_rules_batches_and_releases(shell: Path, herdbook: Run, tmp_path: Path) -> None:
    assert shell.exists()
    lists = tmp_path / "cmsdist"
    lists.mkdir()
    (lists / "cmsswdata-CMSSW_14_1_X.txt").write_text("[default]\nRecoTau-Files=V1\n", "utf-8")
    batch = herdbook("import", "folder", str(lists), "--namespace", "demo", "--apply", "-q").out.strip()
    offered = {
        "herdbook import gi": ["git"],
        "herdbook import status --kind fo": ["folder"],
        "herdbook import git . --rules cmsd": ["cmsdist"],
        f"herdbook import undo {batch[:6]}": [batch],
        "herdbook release show CM": ["CMSSW_14_1_X"],
    }
    assert [sorted(words) for words in _complete(*offered)] == list(offered.values())


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_without_a_registry_completion_is_silent(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.exists()
    monkeypatch.setenv("HERDBOOK_REGISTRY", "/no/such")
    assert _complete("herdbook show de") == [[]]
    monkeypatch.setenv("HERDBOOK_REGISTRY", "https://example.org")
    assert _complete("herdbook show de") == [[]]


def test_tab_does_not_try_a_server_that_is_away_again_and_again(shell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.exists()
    asked = []

    class HangsUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.client_address)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HERDBOOK_REGISTRY", f"http://127.0.0.1:{server.server_address[1]}")
        assert _complete("herdbook show de") == [[]]
        server.shutdown()
    assert 0 < len(asked) < 8  # a command tries fourteen times, for half a minute


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_each_script_parses_where_its_shell_is_here(shell_name: str) -> None:
    script = run_here("completion", shell_name).out
    assert "_HERDBOOK_COMPLETE" in script
    if shutil.which(shell_name) is not None:
        subprocess.run([shell_name, "-n"], input=script, text=True, check=True, timeout=30)
