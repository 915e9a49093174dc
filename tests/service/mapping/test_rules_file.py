"""Rules files: what is wrong in one is said with its line, and nothing in one can cost more than reading it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.service.mapping import rules_file

RULES = r"""name: lab
source: 'lab'
namespace: lab
models:
  - id: net
    paths: ['net_(?P<label>v\d+)\.pb']
    model: lab/net/net
    label: '{label}'
    ext: {hep: {$v: '1.0', energy: 13.6}}
fallback: false
tests:
  - {path: net_v1.pb, model: lab/net/net, label: v1}
"""


def test_a_rules_file_is_read_and_its_tests_hold(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(RULES, "utf-8")
    rules = rules_file.read(file)
    assert rules == rules_file.read(str(file)) == rules_file.read(RULES)
    assert rules.fallback is False
    assert rules.models[0].ext == {"hep": {"$v": "1.0", "energy": 13.6}}
    assert rules_file.check(rules) == []


def test_the_same_rules_may_be_json() -> None:
    rules = rules_file.read(RULES)
    assert rules_file.loads(json.dumps(rules.json_object()), "lab.json") == rules


def test_a_scalar_is_text_whatever_yaml_would_make_of_it() -> None:
    text = RULES.replace("label: v1", "label: 1.10").replace("net_v1.pb", "NO")
    (test,) = rules_file.loads(text, "x").tests
    assert (test.path, test.label) == ("NO", "1.10")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("(?P<label>v", "(?P<label", "lab.yaml, line 6: .* is no regular expression"),
        ("'lab'", "'(lab'", "lab.yaml, line 2: .* is no regular expression"),
        ("model: lab", "modal: lab", "lab.yaml, line [57]: .*/models/0/mod[ae]l"),
        ("namespace: lab", "namespace: lab\nnamespace: cms", "lab.yaml, line 4: the key 'namespace' stands twice"),
        ("ext: {", "ext: &a {", "lab.yaml, line 9: anchors and aliases"),
        ("ext: {hep: {$v: '1.0', energy: 13.6}}", "ext: *a", "lab.yaml, line 9: anchors and aliases"),
        ("label: '{label}'", "label: !!python/object:os.system x", "lab.yaml, line 8: the tag"),
        ("fallback: false", "fallback: no", "lab.yaml, line 10: .*/fallback"),
        ("fallback: false", "fallback: false\n---\nx: y", "lab.yaml, line 11: a second document"),
        ("fallback: false", "fallback: [", "lab.yaml, line 1[12]: this is not YAML"),
        ("fallback: false", "? [a]\n: b", "lab.yaml, line 10: a key is no text"),
        ("fallback: false", "sidecars: [{id: net, paths: [x], of: [net]}]", "two rules are called 'net'"),
        (RULES, "- a\n- b\n", "this is no mapping"),
        (RULES, "just words\n", "this is no mapping"),
        (RULES, "", "this is no mapping"),
        (RULES, '{"name": "x", "name": "y"}', "lab.yaml: .*name"),
        (RULES, "x: " + "[" * 60 + "]" * 60, "nested deeper"),
        (RULES, '{"x": ' + "[" * 60 + "]" * 60 + "}", "nested deeper"),
        (RULES, "x: a\0b\n", "this is not YAML"),
        (RULES, "# " + "x" * rules_file.MAX_BYTES, "larger than 1 MiB"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidError, match=f"(?s){said}") as caught:
        rules_file.loads(RULES.replace(old, new), "lab.yaml")
    assert caught.value.code == "bad-rules"
    assert caught.value.hint


def test_in_json_the_place_is_a_pointer() -> None:
    with pytest.raises(InvalidError, match=r"lab\.json, /models/0/paths/0: "):
        rules_file.loads(
            '{"name": "x", "source": "x", "models": [{"id": "a", "paths": ["("], "model": "a/b"}]}', "lab.json"
        )


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        rules_file.read(tmp_path / "none.yaml")
    assert caught.value.code == "no-rules"
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(InvalidError, match="not UTF-8"):
        rules_file.read(tmp_path / "bytes.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (rules_file.MAX_BYTES + 9))
    with pytest.raises(InvalidError, match="larger than 1 MiB"):
        rules_file.read(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("{path: net_v1.pb, model: lab/net/other}", "net_v1.pb: expected model 'lab/net/other', got 'lab/net/net'"),
        ("{path: net_v1.pb, label: v2}", "net_v1.pb: expected label 'v2', got 'v1'"),
        ("{path: net_v1.pb, inside: v1.pb}", "net_v1.pb: expected inside 'v1.pb', got 'net_v1.pb'"),
        ("{path: net_v1.pb, skip: why}", "net_v1.pb: expected it to be skipped, got a model by 'net' (lab/net/net:v1)"),
        ("{path: other.pb, model: lab/net/net}", "other.pb: expected a model, got skipped: no rule names this path"),
        ("{path: other.pb, skip: why}", "other.pb: expected the skip 'why', got 'no rule names this path'"),
        ("{path: net_v1.pb, identity: 'a:b'}", "net_v1.pb: expected the identity 'a:b', got ''"),
        ("{path: net_v1.pb}", "net_v1.pb: the test says nothing"),
    ],
)
def test_a_test_that_fails_says_what_was_expected_and_what_came(test: str, said: str) -> None:
    rules = rules_file.read(RULES.rpartition("  - {")[0] + f"  - {test}\n")
    assert rules_file.check(rules) == [said]


def test_rules_that_cannot_work_fail_their_check() -> None:
    with pytest.raises(InvalidError, match="the group 'gone'"):
        rules_file.check(rules_file.read(RULES.replace("{label}", "{gone}")))
