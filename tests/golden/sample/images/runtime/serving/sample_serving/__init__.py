"""Stands for the package that an image runs."""


def main() -> int:
    """Serve nothing."""
    return 0
