//! Fifty hostile submissions.
