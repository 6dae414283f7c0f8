//! What the pages, the API and the tasks speak of. Lists carry what a row shows, nothing more; moments are
//! seconds since 1970, UTC.

mod meta;
mod people;
mod script;

use harmonious::prelude::*;

pub use meta::{Finding, Level, Meta, Source, Wrong};
pub use people::{Account, Author, Me, Member, NewAccount, Role, Roles, Scopes, SigningKey, Token};
pub use script::{
    Category, Dependency, Language, NewVersion, Pin, Script, ScriptRow, Status, Tag, Version,
};

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// How well it fits the words; without words, `New`.
    #[default]
    Fit,
    New,
    Used,
    Rated,
}

impl Sort {
    /// As in `?sort=`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Sort::Fit => "fit",
            Sort::New => "new",
            Sort::Used => "used",
            Sort::Rated => "rated",
        }
    }
}

/// Which scripts a list has, and which page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Words.
    pub q: String,
    /// Path: those below it are in it.
    pub category: Option<String>,
    pub language: Option<String>,
    pub tag: Option<String>,
    pub license: Option<String>,
    pub author: Option<String>,
    pub sort: Sort,
    /// From 1.
    pub page: u32,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// From 1.
    pub page: u32,
    /// Whether there is a next one.
    pub more: bool,
}

impl<T> Page<T> {
    /// Out of the rows that were asked for: one more than a page has.
    #[must_use]
    pub fn cut(mut items: Vec<T>, page: u32, size: u32) -> Page<T> {
        let size = size as usize;
        let more = items.len() > size;
        items.truncate(size);
        Page { items, page, more }
    }
}

/// What somebody said about a script.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Comment {
    pub id: i64,
    pub script_id: i64,
    /// The number of the version that it is about.
    pub number: Option<i64>,
    pub account_id: Option<i64>,
    pub author_alias: Option<String>,
    pub author_name: String,
    pub subject: String,
    pub body: String,
    /// `shown`, `held` or `removed`.
    pub status: String,
    pub created_at: i64,
    pub edited_at: Option<i64>,
}

/// A line of the moderation log, to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Who did it; None is the site itself.
    pub actor: Option<(i64, &'a str)>,
    pub action: &'a str,
    pub script: Option<i64>,
    pub version: Option<i64>,
    pub account: Option<i64>,
    /// What it was done to, as it is called then.
    pub subject: &'a str,
    /// For all.
    pub reason: &'a str,
    /// For staff only.
    pub note: &'a str,
}

/// A line of the moderation log.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Logged {
    pub id: i64,
    pub at: i64,
    pub actor_name: String,
    pub action: String,
    /// The name of the script, if it was about one that all may see.
    pub script: Option<String>,
    pub version_id: Option<i64>,
    pub subject: String,
    pub reason: String,
    pub note: String,
}

/// A notice of the editors.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct News {
    pub id: i64,
    pub author_name: Option<String>,
    pub at: i64,
    pub subject: String,
    pub body: String,
}
