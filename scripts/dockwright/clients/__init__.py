"""Everything that talks to the world beyond the process: Docker, engine, apt, package index."""
