"""The other hosts of a job: finding them, and noticing when one is lost."""
