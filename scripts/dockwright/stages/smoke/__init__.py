"""Built images in; what they promise checked, and one record per image, out."""
