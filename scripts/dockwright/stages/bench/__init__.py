"""Built images in; how fast they are, beside other images on the same host, and records of it, out."""
