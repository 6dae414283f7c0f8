//! The rules one by one, on hand-made observations.
