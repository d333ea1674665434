"""EXIF, XMP and IPTC: kept as they were, but for what would be false or private in the new file."""
