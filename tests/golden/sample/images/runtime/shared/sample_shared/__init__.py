"""Stands for a package that others depend on."""
