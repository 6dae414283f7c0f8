//! Snapshots: taken, restored, the same again.
