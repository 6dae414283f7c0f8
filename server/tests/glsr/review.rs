//! Reviewers: the queue, decisions, appeals.
