"""The second half of the contract of a catalogue: what is said, made and read about versions, and by whom."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from herdbook.model.facts import Facts
from herdbook.model.principals import Person
from herdbook.model.rows import Document, EdgeRow, FileRow, Lease, Projection, StatementRow
from herdbook.testing.events import ACTOR, content, named, placed, tell

if TYPE_CHECKING:
    from herdbook.ports.catalogue import Catalogue

TAU = "cms/tau/deeptau"
READERS = {"onnx": "2", "document": "1"}


def said(statement: str, *subjects: tuple[str, str], type_: str = "herdbook/note/1") -> Projection:
    """Return the projection of one statement."""
    digest = named(statement)
    return Projection(
        known=[("statement", digest)],
        statements=[(digest, type_, ACTOR, named("same " + statement))],
        subjects=[(digest, *subject) for subject in subjects],
    )


def with_file(record: str, *files: FileRow) -> Projection:
    """Return the projection of one version of a model of its own, with files."""
    projection = placed((f"cms/{record}/model", 1, record))
    projection.files.extend(files)
    return projection


class SayingContract:
    """Statements, lineage, files, facts, leases, people and memos."""

    def test_statements_are_found_by_any_sort_of_subject(self, catalogue: Catalogue) -> None:
        subjects = [
            ("record", named("v")),
            ("file", "git-sha1:" + "ab" * 20),
            ("name", TAU),
            ("id", "mlflow-run:7 ü"),
            ("record", "sha256:" + "AB" * 32),  # not a digest as records write it: kept as a text
        ]
        with catalogue.write() as tx:
            for number, subject in enumerate(subjects):
                tell(tx, "cms", said(f"s{number}", subject))
            tell(tx, "atlas", said("s0", subjects[0]))
        with catalogue.read() as look:
            for number, (kind, text) in enumerate(subjects):
                row = StatementRow(named(f"s{number}"), "cms", number + 2, "herdbook/note/1", ACTOR, kind, text)
                assert row in look.statements([(kind, text)])
            about = look.statements([("record", named("v")), ("name", TAU), ("name", "cms/other")])
            assert [(row.namespace, row.digest) for row in about] == [
                ("atlas", named("s0")),
                ("cms", named("s0")),
                ("cms", named("s2")),
            ]
            assert look.statements([("file", named("v"))]) == []

    def test_statements_are_narrowed_by_type_and_superseded_ones_are_known(self, catalogue: Catalogue) -> None:
        about = ("record", named("v"))
        with catalogue.write() as tx:
            tell(tx, "cms", said("old", about, type_="herdbook/licence/1"))
            newer = said("new", about, ("name", TAU))
            newer.supersedes.append((named("new"), named("old")))
            tell(tx, "cms", newer)
        with catalogue.read() as look:
            assert [row.digest for row in look.statements([about])] == [named("old"), named("new")]
            assert [row.digest for row in look.statements([about], "herdbook/note/1")] == [named("new")]
            assert look.superseded([named("old"), named("new")]) == [(named("new"), named("old"))]
            assert look.same_statement([named("same old"), named("no")]) == {named("same old"): [named("old")]}
            assert look.subjects("record", "herdbook/note/1") == [named("v")]
            assert look.subjects("name", "herdbook/note/1") == [TAU]
            assert look.subjects("name", "herdbook/licence/1") == look.subjects("id", "herdbook/note/1") == []

    def test_lineage_is_walked_both_ways(self, catalogue: Catalogue) -> None:
        edges = [
            EdgeRow(named("run"), "in", "record", named("data"), "train"),
            EdgeRow(named("run"), "in", "selector", "cms-dbs:/QCD*/*/MINIAODSIM", "train"),
            EdgeRow(named("run"), "in", "blob", named("yaml"), "config"),
            EdgeRow(named("run"), "out", "record", named("v"), "model", named("file")),
        ]
        other = EdgeRow(named("more"), "in", "record", named("data"), "train")
        with catalogue.write() as tx:
            told = Projection(
                known=[("record", named("run")), ("record", named("more"))],
                activities=[
                    (named("run"), "training", "finished", named("same")),
                    (named("more"), "evaluation", "unknown", named("same")),
                ],
                edges=[edges[0], other, *edges[1:]],
            )
            tell(tx, "cms", told)
            tell(tx, "atlas", told)  # known there too, and still once
        with catalogue.read() as look:
            assert look.edges([named("run")]) == edges
            assert set(look.edges_at([named("data")], "in")) == {edges[0], other}
            assert len(look.edges_at([named("data")], "in", 1)) == 1
            assert look.edges_at([named("file"), named("v")], "out") == edges[3:]
            assert look.edges_at([named("file")], "in") == []
            both = sorted([named("run"), named("more")])
            assert look.activities() == both
            assert look.activities(after=both[0], limit=9) == both[1:]
            assert look.activities(limit=1) == both[:1]
            assert look.activities(kind="training") == [named("run")]
            assert sorted(look.same_activity([named("same"), named("no")])[named("same")]) == both

    def test_datasets_are_found_by_their_value(self, catalogue: Catalogue) -> None:
        rows = [
            (named("a"), "cms-dbs", "/TTTo2L2Nu/RunII/MINIAODSIM", ""),
            (named("b"), "cms-dbs", "/TTToHadronic/RunII/MINIAODSIM", named("manifest")),
            (named("c"), "", "", named("manifest")),
            (named("d"), "zenodo", "/TTTo2L2Nu/RunII/MINIAODSIM", ""),
        ]
        with catalogue.write() as tx:
            tell(tx, "cms", Projection(known=[("record", row[0]) for row in rows], datasets=rows))
        rows.sort()
        with catalogue.read() as look:
            assert look.datasets() == rows
            assert look.datasets(after=rows[1][0], limit=1) == rows[2:3]
            assert look.datasets(scheme="cms-dbs") == [row for row in rows if row[1] == "cms-dbs"]
            value = "/TTTo2L2Nu/RunII/MINIAODSIM"
            assert look.datasets(value=value) == [row for row in rows if row[2] == value]
            assert [row[0] for row in look.datasets(scheme="zenodo", prefix="/TTTo2")] == [named("d")]
            assert look.datasets(prefix="/TTTo") == [row for row in rows if row[2].startswith("/TTTo")]
            ids = {f"{scheme}:{text}" for _, scheme, text, _ in rows if scheme}
            by_id = {id_: [row[0] for row in rows if f"{row[1]}:{row[2]}" == id_] for id_ in ids}
            assert look.datasets_named({*ids, "cms-dbs:/none", "none"}) == by_id

    def test_files_are_found_by_record_and_by_digest(self, catalogue: Catalogue) -> None:
        files = [
            FileRow(named("v"), "1/model.onnx", named("onnx"), 4),
            FileRow(named("v"), "config.pbtxt", "git-sha1:" + "0a" * 20, None),
            FileRow(named("v"), "old.txt", "md5:" + "0b" * 16, 12),
        ]
        other = FileRow(named("w"), "m.onnx", named("onnx"), 4)
        with catalogue.write() as tx:
            tell(tx, "cms", with_file("v", *files))
            tell(tx, "cms", with_file("w", other))
        with catalogue.read() as look:
            assert look.files([named("v"), named("no")]) == {named("v"): files}
            assert sorted(row.path for row in look.files_named([named("onnx")])) == ["1/model.onnx", "m.onnx"]
            for row in files[1:]:
                assert look.files_named([row.digest]) == [row]

    def test_contents_are_found_by_the_beginning_of_any_digest(self, catalogue: Catalogue) -> None:
        told = [content(text) for text in ("onnx", "yaml", "")]
        with catalogue.write() as tx:
            tx.put_contents(told)
            tx.put_contents(told)
        with catalogue.read() as look:
            assert look.contents([item.sha256 for item in told]) == {item.sha256: item for item in told}
            for item in told:
                for digest in item.digests:
                    algorithm, _, digits = digest.partition(":")
                    assert look.contents_like(digits, algorithm) == [item]
                    assert item in look.contents_like(digits[:7])
                assert look.contents_like(item.md5[4:], "sha256") == []
            assert len(look.contents_like("", limit=2)) == 2
            assert [look.contents_named(item.digests) for item in told] == [[item] for item in told]
            everything = [digest for item in told for digest in item.digests]
            found = look.contents_named([*everything, "md5:" + "0" * 32, named("nobody")])
            assert {item.sha256 for item in found} == {item.sha256 for item in told}

    # -- facts

    def test_a_file_waits_to_be_read_until_it_was(self, catalogue: Catalogue) -> None:
        facts = Facts(reader="onnx", reader_version="2", format="onnx", values={"inputs": [{"shape": [1, "N"]}]})
        names = ("onnx", "text", "later", "alone")
        told = {name: content(name) for name in names}
        with catalogue.write() as tx:
            tx.put_contents([told["onnx"], told["alone"]])
            tell(tx, "cms", with_file("v", *(FileRow(named("v"), n, named(n), len(n)) for n in names if n != "alone")))
            assert tx.unread(READERS) == [named("onnx")], "the others' bytes are not here, or are no version's"
            tx.put_contents(told.values())
            assert set(tx.unread(READERS)) == {named(name) for name in names[:3]}
            assert len(tx.unread(READERS, 2)) == 2
            tx.put_facts({named("onnx"): facts})
            tx.put_unread([named("text"), named("later")], READERS)
            assert tx.unread(READERS) == []
        with catalogue.read() as look:
            assert look.facts([named(name) for name in names]) == {named("onnx"): facts}

    def test_another_reader_reads_again(self, catalogue: Catalogue) -> None:
        facts = Facts(reader="onnx", reader_version="2", format="onnx")
        with catalogue.write() as tx:
            tx.put_contents([content("onnx"), content("text")])
            tell(tx, "cms", with_file("v", *(FileRow(named("v"), name, named(name), 4) for name in ("onnx", "text"))))
            tx.put_facts({named("onnx"): facts})
            tx.put_unread([named("text")], READERS)
            assert tx.unread(READERS) == []
            for changed in ({"onnx": "10", "document": "1"}, {"onnx": "3", "document": "1"}, {"pickle": "1"}):
                assert set(tx.unread(changed)) == {named("onnx"), named("text")}, changed
            assert tx.unread({**READERS, "torch": "1"}) == [named("text")], "what no reader took, a new one may take"
            tx.put_facts({named("onnx"): facts.model_copy(update={"reader_version": "3"})})
            assert tx.unread(READERS) == [named("onnx")]
            assert tx.facts([named("onnx")])[named("onnx")].reader_version == "3"

    def test_what_was_derived_can_be_emptied_and_is_then_to_be_read_again(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tx.put_contents([content("onnx"), content("alone")])
            (item,) = tell(tx, "cms", with_file("v", FileRow(named("v"), "m", named("onnx"), 4)))
            tx.put_facts({named("onnx"): Facts(reader="onnx", reader_version="2", format="onnx")})
            tx.index({item: Document(terms=frozenset({("label", "v1")}))})
            assert tx.document(item).terms
            tx.clear_derived()
            assert tx.facts([named("onnx")]) == {}
            assert tx.unread(READERS) == [named("onnx")]
            assert not tx.document(item).terms
            assert tx.last_item() == item

    # -- who protects bytes

    def test_a_lease_holds_until_it_ends_or_is_given_back(self, catalogue: Catalogue) -> None:
        mine, other = Lease(ACTOR, named("blob"), 100.0), Lease("actor:" + "00" * 16, named("blob"), 300.0)
        far = [Lease(lease.principal, lease.sha256, lease.until + 1e10) for lease in (mine, other)]
        catalogue.lease([far[0]], [content("blob")])
        catalogue.lease([far[1]])
        with catalogue.read() as look:
            assert set(look.leases([named("blob"), named("no")], 1e10 + 99)) == set(far)
            assert look.leases([named("blob")], 1e10 + 200) == [far[1]]
            assert look.leases([named("blob")], 1e10 + 300) == []
            assert look.contents([named("blob")]).keys() == {named("blob")}
        catalogue.lease([Lease(ACTOR, named("blob"), 1e10 + 500)])
        catalogue.release(other.principal, [named("blob"), named("no")])
        with catalogue.read() as look:
            assert look.leases([named("blob")], 1e10) == [Lease(ACTOR, named("blob"), 1e10 + 500)]

    def test_contents_that_were_removed_are_forgotten(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tx.put_contents([content("gone"), content("stays")])
            tell(tx, "cms", with_file("v", *(FileRow(named("v"), n, named(n), 4) for n in ("gone", "stays"))))
            tx.put_facts({named("gone"): Facts(reader="onnx", reader_version="2", format="onnx")})
            tx.drop_contents([named("gone"), named("never")])
            assert tx.contents([named("gone"), named("stays")]).keys() == {named("stays")}
            assert tx.facts([named("gone")]) == {}
            assert tx.unread(READERS) == [named("stays")]

    @pytest.mark.parametrize("how", ["file", "input", "member", "manifest", "blob"])
    def test_bytes_are_needed_until_every_namespace_purged_them(self, catalogue: Catalogue, how: str) -> None:
        blob, record = named("blob"), named("record")
        told = Projection(known=[("record", record)])
        match how:
            case "file":
                told.files.append(FileRow(record, "model.onnx", blob, 4))
            case "manifest":
                told.datasets.append((record, "", "", blob))
            case "input":
                told.edges.append(EdgeRow(record, "in", "file", blob, "parent", blob))
            case "member":
                told.edges.append(EdgeRow(record, "out", "record", named("v"), "model", blob))
            case _:
                told.edges.append(EdgeRow(record, "in", "blob", blob, "config"))
        with catalogue.write() as tx:
            assert tx.needed([blob]) == set()
            tell(tx, "cms", told)
            tell(tx, "atlas", told)
            assert tx.needed([blob, named("no")]) == {blob}
            tell(tx, "cms", Projection(purges=[(blob, True)]))
            assert tx.needed([blob]) == {blob}
            tell(tx, "atlas", Projection(purges=[(blob, True)]))
            assert tx.needed([blob]) == set()
            tell(tx, "cms", Projection(purges=[(blob, False)]))
            assert tx.needed([blob]) == {blob}

    def test_names_of_people_can_be_erased(self, catalogue: Catalogue) -> None:
        person = Person(id=ACTOR, name="Ada", email="ada@example.org")
        with catalogue.write() as tx:
            tx.put_person(person)
            tx.put_person(Person(id="actor:" + "00" * 16, name="Bo"))
            assert tx.people([ACTOR, "actor:" + "11" * 16]) == {ACTOR: person}
            assert len(tx.people()) == 2
            tx.put_person(Person(id=ACTOR, name="Ada"))
            assert tx.people([ACTOR])[ACTOR].email is None
            tx.put_person(Person(id=ACTOR))
            assert tx.people([ACTOR]) == {}

    # -- memos

    def test_memos_are_kept_by_scope_and_key_until_they_are_replaced_or_dropped(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tx.put_memo("answers", "b", b"old")
            tx.put_memo("answers", "b", b"\0new\xff")
            tx.put_memo("answers", "a", b"")
            tx.put_memo("answers", "ä", b"3", until=1e12)
            tx.put_memo("verify", "b", b"other")
            assert tx.memo("answers", "b") == b"\0new\xff"
        with catalogue.read() as look:
            assert list(look.memos("answers").items()) == [("a", b""), ("b", b"\0new\xff"), ("ä", b"3")]
            assert list(look.memos("answers", after="a", limit=1)) == ["b"]
            assert (look.memo("verify", "b"), look.memo("verify", "a"), look.memo("no", "b")) == (b"other", None, None)
        with catalogue.write() as tx:
            tx.drop_memos("answers", ["a", "b", "never"])
        with catalogue.read() as look:
            assert list(look.memos("answers")) == ["ä"]
            assert list(look.memos("verify")) == ["b"]

    def test_a_memo_whose_time_is_over_is_not_there_and_may_be_written_again(self, catalogue: Catalogue) -> None:
        past = time.time() - 1
        with catalogue.write() as tx:
            for number in range(50):
                tx.put_memo("answers", f"{number}", b"x", until=past)
            tx.put_memo("answers", "stays", b"y", until=past + 3600)
            assert tx.memo("answers", "3") is None
            assert list(tx.memos("answers")) == ["stays"]
            tx.put_memo("answers", "3", b"z")
        with catalogue.read() as look:
            assert look.memos("answers") == {"3": b"z", "stays": b"y"}
