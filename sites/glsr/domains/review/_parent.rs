//! `/review/`: for reviewers alone.
use harmonious::prelude::*;

module! { inherits = "reviewer" }
