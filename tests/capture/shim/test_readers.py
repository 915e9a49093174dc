"""Files that libraries open below Python are told as well: ROOT, HDF5, Arrow, Parquet; and a study of Optuna."""

from __future__ import annotations

from pathlib import Path

from tests.capture.shim.captured import run, script


def test_files_of_root_are_told_whoever_opens_them(tmp_path: Path) -> None:
    text = """
import numpy, uproot
with uproot.recreate("made.root") as file:
    file["events"] = {"pt": numpy.arange(4.0)}
print(uproot.open("made.root:events")["pt"].array(library="np"))
print(sum(len(chunk) for chunk in uproot.iterate({"made.root": "events"}, library="np")))
try:
    uproot.open("root://user:secret@[::1]:1//store/a.root?token=hush")
except Exception:
    pass
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    assert done.of("open", mode="r", via="uproot", path=str(tmp_path / "job" / "made.root"))
    assert "made.root" in done.opened("w")
    assert done.of("open", path="root://[::1]:1//store/a.root")
    assert "hush" not in str(done.of("open"))
    assert "secret" not in str(done.of("open"))


def test_files_of_hdf5_are_told_with_the_direction(tmp_path: Path) -> None:
    text = """
import io, h5py, pathlib
with h5py.File("made.h5", "w") as file:
    file["x"] = [1, 2]
with h5py.File(pathlib.Path("made.h5"), "r+") as file:
    file["y"] = 3
with h5py.File(b"made.h5") as file:
    print(file["x"][:])
with h5py.File("nowhere.h5", "w", driver="core", backing_store=False):
    pass
with h5py.File(io.BytesIO(), "w"):
    pass
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    path = str(tmp_path / "job" / "made.h5")
    assert [(line["mode"], line["path"]) for line in done.of("open", via="h5py")] == [
        ("w", path),
        ("+", path),
        ("r", path),
    ]
    assert done.of("open", mode="r")[-1]["size"] == Path(path).stat().st_size


def test_files_of_arrow_are_told_one_by_one(tmp_path: Path) -> None:
    text = """
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.dataset as ds, pyarrow.csv as pc, pyarrow.feather as pf
import pyarrow.ipc as ipc, pyarrow.json as pj
table = pa.table({"x": [1, 2, 3], "part": ["a", "b", "b"]})
pq.write_table(table, "one.parquet")
pq.write_to_dataset(table, "many", partition_cols=["part"])
print(pq.read_table("one.parquet").num_rows, pq.ParquetFile("one.parquet").num_row_groups)
print(ds.dataset("many", partitioning="hive").count_rows())
pc.write_csv(table, "t.csv"); pc.read_csv("t.csv")
pf.write_feather(table, "t.feather"); pf.read_table("t.feather")
with ipc.new_file("t.arrow", table.schema) as out:
    out.write_table(table)
ipc.open_file("t.arrow").read_all()
pa.memory_map("t.arrow").close()
with open("t.json", "w") as out:
    out.write('{"x": 1}')
pj.read_json("t.json")
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    read, written = done.opened(), done.opened("w")
    assert {"one.parquet", "t.csv", "t.feather", "t.arrow", "t.json"} <= read
    assert {"one.parquet", "t.csv", "t.feather", "t.arrow", "t.json"} <= written
    of_dataset = {line["path"] for line in done.of("open", mode="r") if "/many/" in line["path"]}
    assert of_dataset == {str(path) for path in (tmp_path / "job" / "many").rglob("*.parquet")}
    assert of_dataset <= {line["path"] for line in done.of("open", mode="w")}


def test_files_of_numpy_are_told_and_mapped_ones_too(tmp_path: Path) -> None:
    text = """
import numpy
numpy.save("a.npy", numpy.arange(3)); numpy.savez("b.npz", x=1); numpy.savetxt("c.txt", [1.0])
numpy.load("a.npy"); numpy.load("b.npz")["x"]; numpy.loadtxt("c.txt"); numpy.load("a.npy", mmap_mode="r")
numpy.memmap("d.bin", dtype="u1", mode="w+", shape=(4,)); numpy.fromfile("d.bin", dtype="u1")
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    assert done.opened() == done.opened("w") == {"a.npy", "b.npz", "c.txt", "d.bin"}
    assert {line["via"] for line in done.of("open", mode="r")} == {"numpy", "import", "open"}  # fromfile opens in C


def test_a_study_tells_its_best_trial_and_not_what_each_trial_trained(tmp_path: Path) -> None:
    text = """
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(study_name="search", sampler=optuna.samplers.RandomSampler(seed=1))
study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=3)
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    assert done.parameters("optuna.study") == {"study_name": "search", "trials": "3"}
    assert float(done.parameters("optuna.best")["x"]) ** 2 == done.of("metric", name="best_value")[0]["value"]
