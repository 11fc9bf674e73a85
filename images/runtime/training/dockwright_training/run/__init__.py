"""A started script: its signals, its last words, and what its end means."""
