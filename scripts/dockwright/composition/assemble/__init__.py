"""Wheels become image layers without a byte being compressed again."""
