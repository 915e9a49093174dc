"""The contract of a registry. Who writes another implementation subclasses it with fixtures, and pytest does the rest.

class TestMyRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, server): return MyRegistry(server.url, token=server.token("alice"))

    @pytest.fixture
    def other(self, registry, server): return MyRegistry(server.url, token=server.token("bob"))

``registry`` is open and empty; ``other`` is the same registry as another principal sees it, who may write in the same
namespaces. Where there is no other principal, the tests that need one are skipped.
"""

from __future__ import annotations

from herdbook.testing.registry_batch_undo import BatchUndoContract
from herdbook.testing.registry_batches import BatchContract
from herdbook.testing.registry_identities import IdentityContract, ReleaseContract
from herdbook.testing.registry_impact import ImpactContract
from herdbook.testing.registry_imports import (
    FindContract,
    ImportContract,
    RefusedImportContract,
    RunContract,
)
from herdbook.testing.registry_journal import FileContract, JournalContract
from herdbook.testing.registry_lineage import ActivityContract, DatasetContract, TraceContract
from herdbook.testing.registry_models import ModelContract, NamespaceContract, PeopleContract
from herdbook.testing.registry_pointers import AliasContract, LabelContract, UndoContract
from herdbook.testing.registry_quarantine import QuarantineContract
from herdbook.testing.registry_references import AsOfContract, MovedContract, ReferenceContract
from herdbook.testing.registry_registering import RegisteringContract
from herdbook.testing.registry_search import SearchContract
from herdbook.testing.registry_statements import StatementContract, SupersedingContract
from herdbook.testing.registry_states import DossierContract, StateContract
from herdbook.testing.registry_unresolved import UnresolvedContract


class RegistryContract(
    BatchContract,
    BatchUndoContract,
    IdentityContract,
    ReleaseContract,
    FindContract,
    ImportContract,
    RefusedImportContract,
    RunContract,
    FileContract,
    JournalContract,
    ActivityContract,
    DatasetContract,
    TraceContract,
    ImpactContract,
    ModelContract,
    NamespaceContract,
    PeopleContract,
    AliasContract,
    LabelContract,
    UndoContract,
    QuarantineContract,
    AsOfContract,
    MovedContract,
    ReferenceContract,
    RegisteringContract,
    SearchContract,
    StatementContract,
    SupersedingContract,
    DossierContract,
    StateContract,
    UnresolvedContract,
):
    """What every registry does."""
