//! Accounts of authors: from signing up to deleting it all.
