//! Catalogues of texts in several languages: a file of TOML for each, read and compared, a text of it filled in,
//! and which language a visitor gets.
//!
//! Tables are the parts of keys, `{name}` in a text is a place, and a table of plural forms is one text:
//!
//! ```toml
//! [cart]
//! title = "The cart of {name}"
//! things = { one = "{n} thing", other = "{n} things" }
//! intro_html = "<b>{name}</b>, this is your cart."
//! ```

#![forbid(unsafe_code)]

mod catalogues;
mod choose;
mod config;
mod error;
mod plural;
mod read;
mod speech;
mod text;

pub use catalogues::{Catalogues, Difference, Whereabouts};
pub use config::{CATALOGUE_BYTES_MAX, LANGUAGES_MAX, RANGES_MAX};
pub use error::LocaleError;
pub use plural::{Count, Plural, Rules};
pub use speech::{Language, Said, Speech, is_html};
