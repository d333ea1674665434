"""EXIF, XMP and IPTC: kept unchanged, except what would be false or private in the new file."""
