"""Images in one registry in; the same bytes in another, under users' names, or nothing, out."""
