"""A script and data in; a job in containers of an image, and its results on this machine, out."""
