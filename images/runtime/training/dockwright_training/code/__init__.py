"""The user's code: where it comes from, what it needs, how it is started."""
