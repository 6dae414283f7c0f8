//! Scripts, their versions, and what they are sorted by.

use harmonious::prelude::*;

use super::Author;

/// Where a version stands. A script is `Draft` (fresh), `Published`, `Withdrawn` or `Removed`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its author works on it; of a script: nothing is published yet.
    #[default]
    #[serde(alias = "fresh")]
    Draft,
    /// In the queue, frozen.
    Pending,
    /// There for all, and never changed again.
    Published,
    /// A reviewer said no, with a reason.
    Refused,
    /// Taken back by its author, with a reason.
    Withdrawn,
    /// Taken down by a reviewer or administrator, with a reason.
    Removed,
}

impl Status {
    /// As the tables have it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Pending => "pending",
            Status::Published => "published",
            Status::Refused => "refused",
            Status::Withdrawn => "withdrawn",
            Status::Removed => "removed",
        }
    }
}

/// A line of a list.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ScriptRow {
    pub id: i64,
    pub name: String,
    pub title: String,
    pub summary: String,
    /// Slug and name of the language.
    pub language: String,
    pub language_name: String,
    pub category_path: String,
    /// The owner's alias, if the account is still there, and name.
    pub author: Option<String>,
    pub author_name: String,
    /// Of the latest version.
    pub number: i64,
    /// When that was published.
    pub published_at: i64,
    pub downloads: i64,
    /// Thousandths of a star, drawn towards 3 while few have voted.
    pub rating_score: i64,
    pub rating_n: i64,
    /// The score as it is shown: `4.3`.
    #[serde(default)]
    pub stars: String,
    /// Slugs.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where the words of a search are: pieces of text, and whether each is one of the words.
    #[serde(default)]
    pub snippet: Vec<(String, bool)>,
}

/// A script. [`store::scripts::head`](crate::store::scripts::head) leaves the lists empty,
/// [`find`](crate::store::scripts::find) fills them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Script {
    pub id: i64,
    pub name: String,
    pub title: String,
    pub summary: String,
    pub readme: String,
    pub owner_id: Option<i64>,
    pub owner_alias: Option<String>,
    pub owner_name: String,
    pub category_id: i64,
    pub category_path: String,
    pub category_name: String,
    pub language_id: i64,
    /// Slug, name, and what the filter `highlight` takes.
    pub language: String,
    pub language_name: String,
    pub highlight: String,
    /// One pattern a line.
    pub outline: String,
    pub license: String,
    pub homepage: Option<String>,
    pub status: Status,
    pub latest_id: Option<i64>,
    pub created_at: i64,
    /// When its latest version was published.
    pub published_at: Option<i64>,
    pub updated_at: i64,
    pub expires_at: Option<i64>,
    pub pinned_until: Option<i64>,
    pub pin_text: Option<String>,
    pub replaced_by: Option<String>,
    /// Raised by whatever changes what its pages show.
    pub stamp: i64,
    pub downloads: i64,
    pub rating_n: i64,
    pub rating_sum: i64,
    pub rating_score: i64,
    pub comment_n: i64,
    /// Those who accepted, without the owner.
    #[serde(default)]
    pub maintainers: Vec<Author>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    #[serde(default)]
    pub needs: Vec<Dependency>,
    #[serde(default)]
    pub applies: Vec<String>,
    /// The latest published version.
    #[serde(default)]
    pub latest: Option<Version>,
}

impl Script {
    /// Who owns it.
    #[must_use]
    pub fn owner(&self) -> Author {
        Author {
            id: self.owner_id,
            alias: self.owner_alias.clone(),
            name: self.owner_name.clone(),
        }
    }
}

/// A script that the editors put on the first page.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Pin {
    pub name: String,
    /// Theirs, or else the summary.
    pub text: String,
    pub until: i64,
}

/// A version of a script, with the size of its body.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Version {
    pub id: i64,
    pub script_id: i64,
    /// None until it is published.
    pub number: Option<i64>,
    /// What its author calls it.
    pub label: String,
    pub status: Status,
    pub sha256: String,
    pub bytes: i64,
    pub lines: i64,
    pub file_name: String,
    pub changelog: String,
    pub urgent: bool,
    pub author_id: Option<i64>,
    pub author_alias: Option<String>,
    pub author_name: String,
    /// `web`, `api`, `import`, `seed` or `restore`.
    pub source: String,
    pub created_at: i64,
    pub submitted_at: Option<i64>,
    pub decided_at: Option<i64>,
    /// The alias of who decided.
    pub decider: Option<String>,
    pub reason: String,
    /// The text of the `.minisig` file, and the public key that it was verified with.
    pub signature: Option<String>,
    pub signing_key: Option<String>,
}

impl Version {
    /// What a reviewer has read of a version that waits: `HASH.SECONDS`, of the text and of when it was sent in. Whoever
    /// takes it back and changes it sends it in anew.
    #[must_use]
    pub fn seen(&self) -> String {
        format!("{}.{}", self.sha256, self.submitted_at.unwrap_or_default())
    }
}

/// A word that scripts are marked with.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Tag {
    pub slug: String,
    pub name: String,
    /// Published scripts that have it; 0 where nobody counted.
    #[serde(default)]
    pub n: i64,
}

/// What a script needs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// `needs`, `optional` or `test`.
    pub kind: String,
    /// A program, a library, or the name of a script.
    pub what: String,
    pub versions: String,
    /// The script of that name, if there is one.
    pub target: Option<String>,
}

/// A kind of task, in the tree of them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Category {
    pub id: i64,
    pub parent_id: Option<i64>,
    pub slug: String,
    /// Slugs from the root: `sysadmin/backup`.
    pub path: String,
    pub name: String,
    pub descr: String,
    pub position: i64,
    /// 0 at the root.
    #[serde(default)]
    pub depth: i64,
    /// Published scripts in it and below.
    #[serde(default)]
    pub n: i64,
}

/// A language of scripts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Language {
    pub id: i64,
    pub slug: String,
    pub name: String,
    /// Without dots, blank-separated.
    pub extensions: String,
    /// Interpreters, blank-separated.
    pub shebangs: String,
    /// What the filter `highlight` takes.
    pub highlight: String,
    /// A check of `checks/`; empty for none.
    pub checker: String,
    /// One pattern a line.
    pub outline: String,
    /// Published scripts.
    #[serde(default)]
    pub n: i64,
}

/// A version to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NewVersion<'a> {
    pub text: &'a str,
    pub file_name: &'a str,
    pub changelog: &'a str,
    pub label: &'a str,
    pub urgent: bool,
    /// `web`, `api`, `import`, `seed` or `restore`.
    pub source: &'a str,
}
