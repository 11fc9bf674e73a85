"""What images do the same way whether they serve or train."""
