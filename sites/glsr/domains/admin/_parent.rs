//! `/admin/`: for administrators alone.
use harmonious::prelude::*;

module! { inherits = "admin" }
