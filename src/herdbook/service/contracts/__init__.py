"""The interface contract: assembled from facts, declared by an author, merged, and what is wrong with its set."""

from herdbook.service.contracts.assembling import Assembled, assemble

__all__ = ["Assembled", "assemble"]
