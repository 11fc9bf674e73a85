"""A working copy's records, or a registry, in; what they say of each image, for the catalogue, out."""
