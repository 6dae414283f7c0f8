//! Versions: drafts, what is sent in, published, withdrawn; they never change.
