"""An image in a registry in; what is proven of it, line by line, out."""
