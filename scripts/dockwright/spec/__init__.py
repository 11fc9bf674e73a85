"""What we ship, as frozen data: manifest, variants, locks, names and records."""
