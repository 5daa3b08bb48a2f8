"""The plumbing of data files: download, archives, scanning, decoding, cache."""
