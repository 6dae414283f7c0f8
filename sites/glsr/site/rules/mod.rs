//! The rules of the site as pure functions: no request, no database, no clock.
//!
//! Texts of refusals are not here: a [`Wrong`] names a key below `wrong.` in `locales/`.

mod dates;
mod flow;
mod meta;
mod names;
mod pages;
mod password;
mod source;
mod text;

pub use dates::{date, day};
pub use flow::{By, next, rating_score};
pub use meta::{Limits, NO_LICENSE, address, meta, spdx, tidied};
pub use names::{alias, name, near, skeleton, slugged, tag_slug};
pub use pages::{cursor, is_bot, read_cursor};
pub use password::password;
pub use source::{LINE_BYTES_MAX, LINES_MAX, noticed, sha256, source};
pub use text::{Kind, free_text, is_bidi, is_hidden, is_separator, lines_with, tidy, visible};

use crate::model::Wrong;

/// A refusal.
pub(crate) const fn wrong(field: &'static str, key: &'static str, n: i64) -> Wrong {
    Wrong { field, key, n }
}

/// A count of this machine as a number of a message.
pub(crate) fn number(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
