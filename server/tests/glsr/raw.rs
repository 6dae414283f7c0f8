//! The raw files of scripts: bytes, hashes, conditions, ranges.
