"""Layer plan in, image out."""
