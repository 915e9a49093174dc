"""The interface contract: assembled from facts, declared by an author, merged, and what is wrong with its set."""
