"""How an image is composed: layers, wheels, base, Dockerfiles and the plan."""
