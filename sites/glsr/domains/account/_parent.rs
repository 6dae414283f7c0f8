//! The pages of an account: for whoever is signed in.
use harmonious::prelude::*;

module! { inherits = "member" }
