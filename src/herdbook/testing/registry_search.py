"""The contract of search: pages that stay stable while others write, totals, facets, and every word that is known."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.model.query import Order
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import Given, binary, content_of, prepared, references, register, say


class SearchContract(Given):
    """What is found, and in which order."""

    def _pages(self, registry: Registry, order: Order, limit: int, *, meanwhile: bool = False) -> list[str]:
        seen: list[str] = []
        cursor = None
        while True:
            page = registry.versions.search("", order=order, cursor=cursor, limit=limit)
            seen += [entry.reference for entry in page.items]
            if meanwhile:
                register(registry, f"demo/new/m{len(seen)}:V1", f"new{len(seen)}")
            if (cursor := page.cursor) is None:
                return seen

    def _fill(self, registry: Registry, count: int = 7) -> list[str]:
        items = [prepared(registry, f"demo/m/m{number}:V1", f"{number}") for number in (3, 1, 4, 0, 5, 2, 6)[:count]]
        registry.versions.record(items)
        return [f"{item.model}:V1" for item in items]

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    def test_pages_of_any_size_give_everything_once_in_order(self, registry: Registry, limit: int) -> None:
        entered = self._fill(registry)
        assert self._pages(registry, Order.OLDEST, limit) == entered
        assert self._pages(registry, Order.NEWEST, limit) == entered[::-1]
        assert self._pages(registry, Order.NAME, limit) == sorted(entered)

    def test_pages_are_stable_while_others_register(self, registry: Registry) -> None:
        entered = self._fill(registry)
        seen = self._pages(registry, Order.NEWEST, 2, meanwhile=True)
        assert seen == entered[::-1]

    def test_a_total_is_counted_when_it_is_asked_for(self, registry: Registry) -> None:
        self._fill(registry)
        page = registry.versions.search("name = demo/m/*", limit=2, total=True)
        assert (len(page), page.total, page.total_is_exact) == (2, 7, True)
        assert registry.versions.search("", limit=2).total is None

    def test_facets_count_the_most_common_values(self, registry: Registry) -> None:
        self._fill(registry, 3)
        register(registry, "demo/m/m3:V2", "again")
        facets = registry.versions.facets("", ["name", "state"], limit=2)
        assert [tuple(item) for item in facets["name"]] == [("demo/m/m3", 2), ("demo/m/m1", 1)]
        assert [tuple(item) for item in facets["state"]] == [("current", 4)]
        with pytest.raises(InvalidError):
            registry.versions.facets("", ["colour"])

    @pytest.mark.parametrize("algorithm", ["sha256", "md5", "adler32", "git_sha1"])
    def test_every_digest_of_a_file_finds_its_version(self, registry: Registry, algorithm: str) -> None:
        register(registry, "demo/tau/toy:V1")
        register(registry, "demo/tau/toy:V2", "two")
        digest = getattr(content_of(binary("one")), algorithm)
        for query in (f"file = {digest}", f"file = {digest.partition(':')[2]}", digest, digest.partition(":")[2]):
            assert references(registry, query) == ["demo/tau/toy@1"], query

    def test_words_of_a_readme_find_the_version(self, registry: Registry) -> None:
        files = {"model.bin": binary("x"), "README.md": b"# DeepWalrus\n\nTrained on the second of May.\n"}
        register(registry, "demo/tau/toy:V1", files)
        for query in ("walrus", "DeepWalrus", "deepwalrus", "second may", '"second of May"', "wal*"):
            assert references(registry, query) == ["demo/tau/toy@1"], query
        assert references(registry, "walrus seal") == []

    def test_every_field_said_is_a_filter(self, registry: Registry) -> None:
        profile = {"title": "A toy", "step": "control", "task": "regression", "keywords": ["orbit"], "domain": "beams"}
        said = [say("profile", profile, name="demo/tau/toy")]
        register(registry, "demo/tau/toy:V1", statements=said)
        register(registry, "demo/jet/toy:V1", "two")
        for query in (
            "step = control",
            "task = regression",
            "keyword = orbit",
            "domain = beams",
            "name = demo/tau/*",
            "namespace = demo label = V1 title = 'A toy'",
            "size < 1000 files = 1 path = model.bin name = demo/tau/toy",
            "has(keyword)",
            "says = profile",
            f"by = {registry.principal.id} NOT name = demo/jet/toy",
            "registered >= 2020 step IN (control, trigger)",
        ):
            assert references(registry, query.replace("'", '"')) == ["demo/tau/toy@1"], query

    @pytest.mark.parametrize(
        "query", ["colour = red", "name =", "(", "AND", "size > big", "registered > yesterday", '"open', "ordinal = x"]
    )
    def test_a_query_that_cannot_be_read_is_refused_with_the_place(self, registry: Registry, query: str) -> None:
        with pytest.raises(InvalidError) as caught:
            registry.versions.search(query)
        assert caught.value.message

    @pytest.mark.parametrize("limit", [0, -1, 1001])
    def test_a_page_has_1_to_1000_items(self, registry: Registry, limit: int) -> None:
        register(registry, "demo/tau/toy:V1")
        for ask in (
            lambda: registry.versions.search("", limit=limit),
            lambda: registry.versions.list("demo/tau/toy", limit=limit),
            lambda: registry.models.list(limit=limit),
            lambda: registry.datasets.list(limit=limit),
            lambda: registry.activities.list(limit=limit),
            lambda: registry.statements.list("demo/tau/toy", limit=limit),
            lambda: registry.journal.events("demo", limit=limit),
        ):
            with pytest.raises(InvalidError) as caught:
                ask()
            assert caught.value.code == "bad-limit"

    @pytest.mark.parametrize("cursor", ["nonsense", "-1", "1e9", "é"])
    def test_a_cursor_that_is_none_of_ours_is_refused(self, registry: Registry, cursor: str) -> None:
        register(registry, "demo/tau/toy:V1")
        for ask in (
            lambda: registry.versions.search("", cursor=cursor),
            lambda: registry.versions.list("demo/tau/toy", cursor=cursor),
            lambda: registry.statements.list("demo/tau/toy", cursor=cursor),
        ):
            with pytest.raises(InvalidError) as caught:
                ask()
            assert caught.value.code == "bad-cursor"
