"""The contract suite, for whoever writes another implementation of a port."""
