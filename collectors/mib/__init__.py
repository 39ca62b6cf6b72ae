"""What MIB files say about objects: read from a folder, tolerant of files that are broken."""
