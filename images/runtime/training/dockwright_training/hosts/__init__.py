"""The other hosts of a job: finding them, keeping step, and noticing when one is lost."""
