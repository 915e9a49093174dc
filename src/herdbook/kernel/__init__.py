"""The kernel: errors, digests, canonical bytes, names, paths, times, intervals, words. Standard library only."""
