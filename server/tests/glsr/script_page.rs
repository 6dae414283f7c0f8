//! The page of a script: all that is known of it.
