"""Built and checked images in; the same images in a registry, with names and evidence, out."""
