//! What the files of a snapshot hold. No keys of tables: accounts are named by alias, scripts by name, versions by
//! number. Moments are seconds since 1970, UTC. No address, password, token, draft, flag, vote or download is in it.

use harmonious::prelude::*;

use crate::model::{Category, Language, Status};

/// Of `languages.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageRecord {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) extensions: String,
    pub(crate) shebangs: String,
    pub(crate) highlight: String,
    pub(crate) checker: String,
    pub(crate) outline: String,
}

/// Of `categories.json`, those above first.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CategoryRecord {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) descr: String,
    pub(crate) position: i64,
}

/// Of `authors/N.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorRecord {
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) blocked: bool,
    pub(crate) about: String,
    pub(crate) website: Option<String>,
    pub(crate) created_at: i64,
    #[serde(default)]
    pub(crate) keys: Vec<KeyRecord>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRecord {
    pub(crate) public_key: String,
    pub(crate) label: String,
    pub(crate) created_at: i64,
    pub(crate) revoked_at: Option<i64>,
}

/// `scripts/NAME/meta.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptRecord {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) readme: String,
    pub(crate) owner: Option<String>,
    pub(crate) owner_name: String,
    pub(crate) category: String,
    pub(crate) language: String,
    pub(crate) license: String,
    pub(crate) homepage: Option<String>,
    pub(crate) status: Status,
    /// The number of the version that it shows.
    pub(crate) latest: i64,
    pub(crate) created_at: i64,
    pub(crate) published_at: Option<i64>,
    pub(crate) updated_at: i64,
    pub(crate) expires_at: Option<i64>,
    pub(crate) pinned_until: Option<i64>,
    pub(crate) pin_text: Option<String>,
    pub(crate) replaced_by: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) needs: Vec<(String, String, String)>,
    pub(crate) applies: Vec<String>,
    pub(crate) maintainers: Vec<MaintainerRecord>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaintainerRecord {
    pub(crate) alias: String,
    pub(crate) since: i64,
    pub(crate) accepted_at: i64,
}

/// `scripts/NAME/N.json`; the text is `scripts/NAME/N/FILE`, unless it was removed.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionRecord {
    pub(crate) number: i64,
    pub(crate) label: String,
    pub(crate) status: Status,
    pub(crate) sha256: String,
    pub(crate) bytes: i64,
    pub(crate) lines: i64,
    pub(crate) file_name: String,
    pub(crate) changelog: String,
    pub(crate) urgent: bool,
    pub(crate) author: Option<String>,
    pub(crate) author_name: String,
    pub(crate) created_at: i64,
    pub(crate) submitted_at: Option<i64>,
    pub(crate) decided_at: Option<i64>,
    pub(crate) reason: String,
}

/// Of `scripts/NAME/comments/N.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentRecord {
    /// The number of the version that it is about.
    pub(crate) number: Option<i64>,
    pub(crate) author: Option<String>,
    pub(crate) author_name: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) created_at: i64,
    pub(crate) edited_at: Option<i64>,
}

/// Of `news/N.json`.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewsRecord {
    pub(crate) author: Option<String>,
    pub(crate) at: i64,
    pub(crate) subject: String,
    pub(crate) body: String,
}

impl From<Language> for LanguageRecord {
    fn from(one: Language) -> LanguageRecord {
        LanguageRecord {
            slug: one.slug,
            name: one.name,
            extensions: one.extensions,
            shebangs: one.shebangs,
            highlight: one.highlight,
            checker: one.checker,
            outline: one.outline,
        }
    }
}

impl From<Category> for CategoryRecord {
    fn from(one: Category) -> CategoryRecord {
        CategoryRecord {
            path: one.path,
            name: one.name,
            descr: one.descr,
            position: one.position,
        }
    }
}
