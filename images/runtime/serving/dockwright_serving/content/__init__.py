"""Content types: a request's bytes in, Python values out, and answers back into bytes."""
