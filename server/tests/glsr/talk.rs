//! Comments, ratings, flags.
