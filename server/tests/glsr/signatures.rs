//! Signatures of minisign: good, bad, of others.
