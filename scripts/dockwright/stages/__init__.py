"""Stages read records, do one thing, and write records; they never import each other."""
