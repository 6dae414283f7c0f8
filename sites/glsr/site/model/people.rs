//! Accounts, and who is who.

use harmonious::prelude::*;

/// What an account may do, as bits; no role implies another.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Roles(pub i64);

/// Who may see a page.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever is signed in.
    Member,
    /// Decides about versions, flags, comments.
    Reviewer,
    /// News, pins, categories, languages.
    Editor,
    /// Accounts and limits.
    Admin,
}

impl Role {
    /// The roles that are granted, in the order of their bits.
    pub const GRANTED: [Role; 3] = [Role::Reviewer, Role::Editor, Role::Admin];

    /// Its bit in [`Roles`]; none for members.
    #[must_use]
    pub const fn bit(self) -> i64 {
        match self {
            Role::Member => 0,
            Role::Reviewer => 1,
            Role::Editor => 2,
            Role::Admin => 4,
        }
    }
}

impl Roles {
    /// All that there are: those of the first administrator.
    pub const ALL: Roles = Roles(7);

    /// Whether that role is among them; every account is a member.
    ///
    /// ```
    /// use glsr::model::{Role, Roles};
    /// assert!(Roles(5).has(Role::Reviewer) && Roles(5).has(Role::Admin) && !Roles(5).has(Role::Editor));
    /// assert!(Roles(0).has(Role::Member));
    /// ```
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() == role.bit()
    }
}

/// Who is signed in.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Me {
    pub id: i64,
    pub alias: String,
    pub name: String,
    pub roles: Roles,
    /// Has published enough for long enough; see `who::limits`.
    pub established: bool,
    /// The password was set by somebody else.
    pub must_change: bool,
    /// When the account was made.
    pub created_at: i64,
    /// Up to when notices were seen.
    pub seen_at: Option<i64>,
}

impl Me {
    /// Whether it is this role's.
    #[must_use]
    pub const fn has(&self, role: Role) -> bool {
        self.roles.has(role)
    }
}

/// Somebody, as pages name them. Without an alias there is no profile to lead to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Author {
    pub id: Option<i64>,
    pub alias: Option<String>,
    pub name: String,
}

/// An account, as its owner and administrators see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Account {
    pub id: i64,
    pub alias: String,
    pub name: String,
    pub email: Option<String>,
    #[serde(skip_serializing)]
    pub password: Option<String>,
    pub roles: Roles,
    /// `active`, `blocked` or `gone`.
    pub status: String,
    pub must_change: bool,
    pub about: String,
    pub website: Option<String>,
    pub lang: Option<String>,
    pub created_at: i64,
    pub seen_at: Option<i64>,
}

/// An account to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAccount<'a> {
    pub alias: &'a str,
    pub name: &'a str,
    /// Empty: none.
    pub email: &'a str,
    /// The hash; None cannot sign in.
    pub password: Option<&'a str>,
    pub roles: i64,
    pub must_change: bool,
    pub lang: &'a str,
    pub address: &'a str,
}

/// A line of the list of members.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Member {
    pub id: i64,
    pub alias: String,
    pub name: String,
    pub roles: Roles,
    pub status: String,
    pub created_at: i64,
    /// Published scripts that it owns.
    pub scripts: i64,
}

/// A key that signatures are verified with.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct SigningKey {
    pub id: i64,
    pub account_id: i64,
    pub key_id: String,
    pub public_key: String,
    pub label: String,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
}

/// A token of the API, without what opens it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Token {
    pub id: i64,
    pub label: String,
    /// Its first letters.
    pub prefix: String,
    /// Blank-separated.
    pub scopes: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
}

/// What a token is good for: `submit edit sign comment review`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Scopes(pub String);

impl Scopes {
    /// Whether that one is among them.
    ///
    /// ```
    /// assert!(glsr::model::Scopes("submit edit".to_owned()).has("edit"));
    /// ```
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.0.split_whitespace().any(|other| other == scope)
    }
}
