"""ROOT: keys, classes, forests and their variables, whatever a file says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.conftest import Bytes
from tests.plugins.formats.root_files import BEGIN, Entry, build, forest, gbrforest, names
from tests.plugins.formats.tree_files import read, rules

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats.root import Root

HISTOGRAMS = (Entry("TH1F", "all"), Entry("TDirectory", "jets", inside=[Entry("TH1F", "pt"), Entry("TH2D", "eta")]))


def test_a_forest_gives_its_variables_trees_and_response() -> None:
    for kind in (b"ZL", b"XZ"):
        facts = read("EB.weights.root", gbrforest(kind=kind))
        assert facts.format == "gbrforest-root"
        assert facts.safety == "guarded"
        assert facts.values["features"] == [{"name": "pt"}, {"name": "eta"}]
        assert facts.values["trees"] == 3
        assert facts.values["initial_response"] == 0.25
        assert facts.values["forest_class"] == "GBRForest"


def test_uproot_reads_the_files_of_these_tests_as_we_do(tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "made.root"
    path.write_bytes(build(*HISTOGRAMS, compression=404))
    with uproot.open(path, object_cache=None) as file:
        told = file.classnames(recursive=True)
        assert read("made.root", path.read_bytes()).values["keys"] == told
        assert (file.file.root_version, str(file.file.compression)) == ("6.24/07", "LZ4(4)")
    values = read("made.root", path.read_bytes()).values
    assert (values["root_version"], values["compression"]) == ("6.24/07", "LZ4(4)")


@pytest.mark.parametrize("codec", ["ZLIB", "LZMA", "LZ4", "ZSTD"])
def test_a_table_of_events_is_said_to_be_data_and_its_classes_are_those_of_uproot(codec: str, tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "events.root"
    with uproot.recreate(path, compression=getattr(uproot, codec)(5)) as file:
        file["events"] = {"pt": numpy.arange(50.0)}
        file["dir/counts"] = numpy.histogram([1.0, 2.0])
    facts = read("events.root", path.read_bytes())
    assert facts.format == "root-other"
    assert rules(facts) == ["root-data"]
    assert facts.values["tables"] == ["events;1"]
    with uproot.open(path, object_cache=None) as file:
        assert facts.values["streamers"] == sorted(set(file.file.streamers) - {"TObject", "TNamed"})
        assert facts.values["class_versions"] == {name: max(each) for name, each in file.file.streamers.items()}
        assert facts.values["keys"] == {key: file.classname_of(key) for key in file.keys(recursive=True)}
        assert facts.values["compression"] == f"{codec}(5)"


def test_a_directory_that_contains_itself_is_entered_once() -> None:
    loop = build(Entry("TDirectory", "again", seek=BEGIN + 60 - 26 - len("xTDirectoryxagainx")))
    assert read("loop.root", loop).values["keys"] == {"again;1": "TDirectory"}
    inner = Entry("TDirectory", "b", inside=[Entry("TH1F", "h")])
    data = build(Entry("TDirectory", "a", inside=[inner]), Entry("TDirectory", "twin", inside=[Entry("TH1F", "k")]))
    assert len(read("ok.root", data).values["keys"]) == 5


def test_deep_directories_and_lying_counts_are_refused() -> None:
    deep = Entry("TH1F", "h")
    for _ in range(40):
        deep = Entry("TDirectory", "d", inside=[deep])
    with pytest.raises(InvalidError, match="nested deeper"):
        read("deep.root", build(deep))
    for count in (-1, 60_000, 2**31 - 1):
        with pytest.raises(InvalidError, match="keys"):
            read("many.root", build(*HISTOGRAMS, count=count))
    with pytest.raises(CorruptError):
        read("few.root", build(*HISTOGRAMS, count=40))


def test_a_forest_that_lies_about_sizes_is_a_finding_and_costs_nothing() -> None:
    raw = forest(3)
    huge = build(Entry("GBRForest", "f", b"ZL\x08\xff\xff\xff\xff\xff\xff" + raw, unpacked=2**31 - 1))
    facts = read("huge.root", huge)
    assert facts.format == "gbrforest-root"
    assert "root-object" in rules(facts)
    many = build(Entry("vector<string>", "v", b"\x0f\xff\xff\xff"), Entry("GBRForest", "f", forest(2)))
    assert rules(read("many.root", many)) == ["root-object", "no-feature-names"]
    assert read("many.root", many).values["trees"] == 2


def test_several_forests_are_said_and_a_file_without_names_too() -> None:
    facts = read("two.root", build(Entry("GBRForestD", "a", forest(2)), Entry("GBRForestD", "b", forest(5))))
    assert facts.values["trees"] == 5
    assert rules(facts) == ["root-many-forests", "no-feature-names"]
    assert "features" not in facts.values
    assert (
        rules(read("one.root", build(Entry("GBRForest", "f", forest(1)), Entry("vector<string>", "v", names())))) == []
    )


def test_a_cut_file_is_refused_and_keeps_its_format() -> None:
    data = gbrforest()
    for end in (12, 60, 150, 200, len(data) - 100):
        assert Root().probe(Bytes(data[:end]), "x") is not None
        with pytest.raises(CorruptError):
            read("cut.root", data[:end])


@pytest.mark.datapack
def test_trees_of_a_real_forest_are_not_read(datapack: Path, on_disk: Callable[[Path], Any]) -> None:
    file = on_disk(datapack / "models/gbrforest/EB1_10.weights.root")
    Root().read(file, "EB1_10.weights.root", {})
    assert file.bytes_read < 0.05 * file.size
