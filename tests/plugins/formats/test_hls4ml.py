"""hls4ml: types of inputs and outputs, part, clock and backend, of projects that hls4ml itself wrote."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.formats.reading import FIXTURES, read, rules

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.plugins.formats.fixed_point import parse

HLS4ML = FIXTURES / "hls4ml"
EXPECTED: dict[str, Any] = json.loads((HLS4ML / "expected.json").read_text())
MODES = ("width", "integer", "signed", "rounding", "overflow")


@pytest.mark.parametrize("project", sorted(EXPECTED))
def test_types_are_those_that_the_library_had(project: str) -> None:
    found = read("firmware/defines.h", (HLS4ML / project / "defines.h").read_bytes())
    ours = {each["at"]: {key: each[key] for key in MODES if key in each} for each in found.values["fixed_point"]}
    assert found.format == "hls4ml-defines"
    assert {"input_t", "result_t"} <= set(ours)
    assert {name: ours[name] for name in EXPECTED[project]["types"] if name in ours} == {
        name: each for name, each in EXPECTED[project]["types"].items() if name in ours
    }
    assert set(ours) - set(EXPECTED[project]["types"]) == {"layer11_index", "layer12_index"}  # integers


@pytest.mark.parametrize("project", sorted(EXPECTED))
def test_a_configuration_with_a_model_inside_is_read_and_the_model_stays_opaque(project: str) -> None:
    found = read("hls4ml_config.yml", (HLS4ML / project / "hls4ml_config.yml").read_bytes())
    assert found.format == "hls4ml-config"
    told = {key: EXPECTED[project][key] for key in ("Backend", "Part", "ClockPeriod", "IOType")}
    assert {key: found.values["hls4ml"][key] for key in told} == told
    assert found.values["hls4ml"]["OnnxModel"] == {"!python": "object/apply:onnx.onnx_ml_pb2.ModelProto"}
    assert found.values["model_config"]["ReuseFactor"] == 1
    assert found.values["input_shapes"] == {each["name"]: each["shape"] for each in EXPECTED[project]["inputs"]}
    assert {"relu1", "softmax"} <= set(found.values["layers"])
    assert rules(found) == ["yaml-python-tags"]
    assert found.where["/hls4ml/Backend"] == "line 1"


def test_a_saved_model_says_what_goes_in_and_out_and_how_large_it_is() -> None:
    found = read("tiny.fml", (HLS4ML / "tiny.fml").read_bytes())
    assert found.format == "hls4ml-archive"
    assert found.values["inputs"] == [{"name": "features", "shape": [3]}]
    assert found.values["outputs"] == [{"name": "scores", "shape": [2]}]
    assert found.values["versions"] == {"hls4ml": "1.3.0", "model_graph": "1"}
    assert found.values["parameters"] == 3 * 4 + 4 + 4 * 2 + 2
    assert found.values["hls4ml"]["Part"] == EXPECTED["vitis"]["Part"]
    ours = {each["name"]: {key: each[key] for key in MODES if key in each} for each in found.values["fixed_point"]}
    for name, each in EXPECTED["vitis"]["types"].items():
        assert ours[name] == each


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ap_fixed<16,6>", ("ap_fixed", 16, 6, True, "TRN", "WRAP")),
        ("ap_ufixed< 8 , 0, AP_RND_CONV, AP_SAT, 0 >", ("ap_ufixed", 8, 0, False, "RND_CONV", "SAT")),
        ("ac_fixed<12,-2,false,AC_RND,AC_SAT_SYM>", ("ac_fixed", 12, -2, False, "RND", "SAT_SYM")),
        ("ac_fixed<12,3>", ("ac_fixed", 12, 3, True, "TRN", "WRAP")),
        ("fixed<18,8,TRN,WRAP,0>", ("ap_fixed", 18, 8, True, "TRN", "WRAP")),
        ("ufixed<4,1>", ("ap_ufixed", 4, 1, False, "TRN", "WRAP")),
        ("ap_uint<1>", ("ap_uint", 1, 1, False, None, None)),
        ("ac_int<9, true>", ("ac_int", 9, 9, True, None, None)),
        ("float", ("float", 32, None, None, None, None)),
    ],
)
def test_a_type_says_width_integer_bits_sign_rounding_and_overflow(text: str, told: tuple[Any, ...]) -> None:
    found = parse(text)
    assert found is not None
    assert tuple(found.get(key) for key in ("type", *MODES)) == told


@pytest.mark.parametrize(
    "text", ["auto", "ap_fixed<>", "ap_fixed<W,I>", "ap_fixed<16>", "int", "a" * 5000, "ap_fixed<1,2"]
)
def test_what_is_no_type_of_numbers_is_none(text: str) -> None:
    assert parse(text) is None


def test_streams_say_how_many_elements_come_at_once() -> None:
    found = parse("nnet::array<ap_fixed<16,6>, 3*2>")
    assert found is not None
    assert (found["elements"], found["width"]) == (6, 16)


def test_a_header_of_before_version_1_has_its_numbers_and_comments_do_not_count() -> None:
    text = """#ifndef DEFINES_H_
//hls-fpga-machine-learning insert numbers
#define N_INPUT_1_1 16
/* typedef ap_fixed<1,1> no_t;
   #define NO 3 */
#define N_LAYER_2 64 // nodes
typedef ap_fixed<16,6> input_t;
typedef my_type result_t;
"""
    found = read("project/firmware/defines.h", text)
    assert found.values["defines"] == {"N_INPUT_1_1": 16, "N_LAYER_2": 64}
    assert found.values["typedefs"] == {"input_t": "ap_fixed<16,6>", "result_t": "my_type"}
    assert found.where["/typedefs/input_t"] == "line 7"
    assert rules(found) == ["unknown-number-type"]
    assert read("other.h", "typedef int input_t;").format == "other"


def packed(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def linked() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("config.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x1f\x8b broken", CorruptError),
        (gzip.compress(b"no tar"), CorruptError),
        (packed(("version.json", b"{}")), CorruptError),
        (packed(("config.json", b"{")), CorruptError),
        (packed(("../config.json", b"{}")), InvalidError),
        (linked(), InvalidError),
        (packed(("a", bytes(300 * 1024 * 1024))), InvalidError),
        (packed(*((f"{n}", b"") for n in range(10_001))), InvalidError),
    ],
    ids=["no-gzip", "no-tar", "no-config", "no-json", "outside", "link", "bomb", "many"],
)
def test_a_hostile_archive_is_refused(data: bytes, error: type[HerdbookError]) -> None:
    with pytest.raises(error):
        read("evil.fml", data)


def again(folder: str, out: Path) -> None:
    """Make the fixtures of a folder anew with the libraries that made them."""
    python = Path(__file__).resolve().parents[3] / ".cache" / "formats" / "bin" / "python"
    if not python.exists():
        pytest.skip("the official libraries are not installed: tools/formats.sh")
    made = subprocess.run([python, FIXTURES / folder / "make.py", out], capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in made.stderr:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["hls4ml", "correctionlib"])
def test_fixtures_that_are_made_anew_say_the_same(folder: str, tmp_path: Path) -> None:
    again(folder, tmp_path)
    drawn = {"project_stamp", "words"}  # anew for each project
    for new in sorted(path for path in tmp_path.rglob("*") if path.suffix in {".yml", ".h", ".fml", ".json"}):
        name = new.relative_to(tmp_path).as_posix()
        old = read(name, (FIXTURES / folder / name).read_bytes())
        now = read(name, new.read_bytes())
        assert (now.format, now.where, now.findings) == (old.format, old.where, old.findings)
        for key in (old.values.keys() | now.values.keys()) - drawn:
            assert now.values.get(key) == old.values.get(key), (name, key)
