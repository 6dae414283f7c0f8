//! `/editor/`: for editors alone.
use harmonious::prelude::*;

module! { inherits = "editor" }
