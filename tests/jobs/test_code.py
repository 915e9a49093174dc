"""The code of a job is the one recorded, and nothing of a repository runs while it is laid out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.jobs import asked

TRAIN = "open('out.txt', 'w').write(open('value.txt').read())\n"
FILES = {"train.py": TRAIN, "value.txt": "one\n"}


def changed(folder: Path, text: str, **fields: Any) -> Path:
    """Write a request with a diff."""
    made = asked.trained(folder, FILES)
    commit = asked.git(folder.parent / f"{folder.name}-code", "rev-parse", "HEAD").strip()
    (folder / "git.diff").write_text(text)
    code = {"commit": commit, "diff": asked.sha256(text.encode())}
    given: dict[str, Any] = {"code": code, "checkout": "code.bundle", "diff": "git.diff"}
    return asked.ask(made, **{**given, "command": {"argv": ["python", "train.py"]}, **fields})


def test_a_commit_out_of_a_bundle_is_what_runs(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", FILES)
    result = asked.run(folder)
    assert result.status == "finished"
    assert {"code", "code-after", "outputs-fresh"} <= set(result.verified)
    assert (folder / "outputs" / "out.txt").read_text() == "one\n"


def test_a_commit_out_of_a_repository_is_what_runs_though_its_tree_has_moved_on(tmp_path: Path) -> None:
    code = tmp_path / "code"
    commit = asked.repository(code, FILES)
    (code / "value.txt").write_text("two\n")
    asked.git(code, "commit", "-aqm", "two")
    folder = asked.ask(
        tmp_path / "job", code={"commit": commit}, checkout=str(code), command={"argv": ["python", "train.py"]}
    )
    assert asked.run(folder).status == "finished"
    assert (folder / "outputs" / "out.txt").read_text() == "one\n"


def test_a_commit_that_is_not_in_the_bundle_is_refused(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", FILES, code={"commit": "0" * 40})
    result = asked.run(folder)
    assert (result.status, result.exit) == ("refused", None)
    assert asked.codes(result) == {"no-code"}


def test_a_diff_is_applied_and_verified(tmp_path: Path) -> None:
    folder = changed(tmp_path / "job", "--- a/value.txt\n+++ b/value.txt\n@@ -1 +1 @@\n-one\n+two\n")
    result = asked.run(folder)
    assert {"code", "diff", "code-after"} <= set(result.verified)
    assert (folder / "outputs" / "out.txt").read_text() == "two\n"


def test_another_diff_than_the_recorded_one_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path / "job", "--- a/value.txt\n+++ b/value.txt\n@@ -1 +1 @@\n-one\n+two\n")
    (folder / "git.diff").write_text("--- a/value.txt\n+++ b/value.txt\n@@ -1 +1 @@\n-one\n+three\n")
    assert asked.codes(asked.run(folder)) == {"code-differs"}


def test_a_diff_that_the_record_names_and_nobody_has_is_refused(tmp_path: Path) -> None:
    folder = changed(tmp_path / "job", "", diff=None)
    result = asked.run(folder)
    assert (result.status, asked.codes(result)) == ("refused", {"bad-job"})


@pytest.mark.parametrize(
    "path", ["../escaped.txt", ".git/hooks/post-checkout", "a/../../escaped.txt", ".GIT/config", "link/escaped.txt"]
)
def test_a_diff_that_writes_outside_or_into_git_is_refused(tmp_path: Path, path: str) -> None:
    link = f"diff --git a/link b/link\nnew file mode 120000\n--- /dev/null\n+++ b/link\n@@ -0,0 +1 @@\n+{tmp_path}\n"
    link += "\\ No newline at end of file\n"
    new = f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    folder = changed(tmp_path / "job", (link if path.startswith("link") else "") + new)
    result = asked.run(folder)
    assert (result.status, asked.codes(result)) == ("refused", {"bad-diff"})
    assert not list(tmp_path.rglob("escaped.txt"))


def test_no_hook_filter_or_monitor_of_repository_or_user_runs(tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f"#!/bin/sh\ntouch {told}\n"
    code = tmp_path / "code"
    commit = asked.repository(code, {**FILES, ".gitattributes": "*.txt filter=evil\n"})
    for name in ("post-checkout", "post-merge", "reference-transaction", "pre-auto-gc"):
        hook = code / ".git" / "hooks" / name
        hook.write_text(script)
        hook.chmod(0o755)
    settings = f'[filter "evil"]\n smudge = touch {told}\n clean = touch {told}\n[core]\n fsmonitor = touch {told}\n'
    settings += f"[uploadpack]\n packObjectsHook = touch {told}\n"
    (code / ".git" / "config").write_text((code / ".git" / "config").read_text() + settings)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(settings.replace("[uploadpack]\n packObjectsHook = touch " + str(told), ""))
    folder = asked.ask(tmp_path / "job", code={"commit": commit}, checkout=str(code))
    result = asked.run(folder, {"HOME": str(home)})
    assert result.status == "finished"
    assert not told.exists()
    assert "filtered-files" in asked.codes(result)
    assert "code" not in result.verified, "files as git keeps them are not those that were trained with"


def test_an_address_is_not_fetched_from(tmp_path: Path) -> None:
    told = tmp_path / "told"
    for address in (f"ext::sh -c touch% {told}", "https://example.org/a.git", "--upload-pack=touch"):
        folder = asked.ask(tmp_path / f"job{len(address)}", code={"commit": "0" * 40}, checkout=address)
        assert asked.run(folder).status == "refused"
    assert not told.exists()


def test_a_script_that_changes_itself_is_noticed(tmp_path: Path) -> None:
    text = "open('out.txt', 'w').write('x'); open('train.py', 'a').write('# more')\n"
    result = asked.run(asked.trained(tmp_path / "job", {"train.py": text}))
    assert result.status == "finished"
    assert "code-after" not in result.verified
    assert "code-changed: train.py" in result.problems


def test_untracked_files_are_written_and_a_missing_one_takes_the_claim_away(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", {"train.py": TRAIN})
    commit = asked.git(tmp_path / "job-code", "rev-parse", "HEAD").strip()
    given = asked.put(folder, "untracked/0", b"mine\n", "value.txt")
    known = [{"path": "value.txt", "sha256": given["sha256"], "size": 5}]
    code = {"commit": commit, "untracked": known}
    fields: dict[str, Any] = {"checkout": "code.bundle", "command": {"argv": ["python", "train.py"]}}
    result = asked.run(asked.ask(folder, code=code, untracked=[given], **fields))
    assert "code" in result.verified
    assert (folder / "outputs" / "out.txt").read_text() == "mine\n"
    (folder / "result.json").unlink()
    known.append({"path": "other.txt", "sha256": given["sha256"], "size": 5})
    result = asked.run(asked.ask(folder, code=code, untracked=[given], **fields))
    assert "code" not in result.verified
    assert "untracked-missing: other.txt" in result.problems


def test_an_old_result_in_the_checkout_or_beside_it_is_gone_before_the_run(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", {"train.py": "pass\n", "out.txt": "stale"})
    result = asked.run(folder)
    assert result.status == "failed"
    assert {"output-in-checkout", "output-missing"} == asked.codes(result)
    commit = asked.git(tmp_path / "job-code", "rev-parse", "HEAD").strip()
    given = asked.put(folder, "untracked/0", b"stale", "out.txt")
    (folder / "result.json").unlink()
    code = {"commit": commit, "untracked": [{"path": "out.txt", "sha256": given["sha256"], "size": 5}]}
    folder = asked.ask(folder, code=code, untracked=[given], checkout="code.bundle", command={"argv": ["true"]})
    assert "output-missing" in asked.codes(asked.run(folder))


def test_a_submodule_comes_from_its_bundle_and_one_without_is_told(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    commit = asked.repository(inner, {"value.txt": "inner\n"})
    outer = tmp_path / "job-code"
    asked.repository(outer, {"train.py": TRAIN.replace("value.txt", "lib/value.txt")})
    asked.git(outer, "submodule", "--quiet", "add", str(inner), "lib")
    asked.git(outer, "commit", "-qm", "with a submodule")
    folder = tmp_path / "job"
    folder.mkdir()
    asked.bundle(outer, folder / "code.bundle")
    code = {
        "commit": asked.git(outer, "rev-parse", "HEAD").strip(),
        "submodules": [{"path": "lib", "url": "https://example.org/inner.git", "commit": commit}],
    }
    fields: dict[str, Any] = {"checkout": "code.bundle", "command": {"argv": ["python", "train.py"]}}
    result = asked.run(asked.ask(folder, code=code, **fields))
    assert "code" not in result.verified
    assert "missing-submodule:lib" in result.problems
    (folder / "submodules").mkdir()
    asked.bundle(inner, folder / "submodules" / "lib.bundle")
    (folder / "result.json").unlink()
    result = asked.run(asked.ask(folder, code=code, **fields))
    assert (result.status, "code" in result.verified) == ("finished", True)
    assert (folder / "outputs" / "out.txt").read_text() == "inner\n"
