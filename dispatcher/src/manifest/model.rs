//! What a site consists of, as the manifest has it: domains, modules, templates, chains.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use smallvec::SmallVec;

use crate::loader::ExpectedEntry;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) u32);

        impl $name {
            /// Its place in the manifest's list.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The one at this place of the list of its manifest.
            ///
            /// # Panics
            /// Above 2^32.
            #[must_use]
            pub fn from_index(index: usize) -> $name {
                $name(u32::try_from(index).expect("a site has fewer than four billion files"))
            }
        }
    };
}

id!(
    /// A domain of one manifest. Of no meaning to another manifest.
    DomainId
);
id!(
    /// A module of one manifest. Of no meaning to another manifest.
    ModuleId
);
id!(
    /// A template of one manifest. Of no meaning to another manifest.
    TemplateId
);

/// A folder of the URL space.
#[derive(Clone, Debug)]
pub struct Domain {
    /// As a path with a slash at both ends, dynamic segments as on disk: `/scripts/[slug]/`; `/` for the root.
    pub path: String,
    /// The domain above; none for the root.
    pub parent: Option<DomainId>,
    /// How many segments its path has: 0 for the root.
    pub depth: usize,
    /// Below the site's folder: `domains/scripts/[slug]`.
    pub folder: PathBuf,
    /// Its `_parent.rs`.
    pub default_parent: Option<ModuleId>,
    /// What its `domain.toml` sets, else what the domains above set.
    pub limits: DomainLimits,
    /// Why nothing in it can be trusted (a `domain.toml` that cannot be read); only in a manifest of
    /// [`super::Manifest::scan_lenient`].
    pub broken: Option<Broken>,
    /// Names of its `allow_dot`.
    pub allow_dot: Vec<String>,
    /// The table `[database]` of its `domain.toml`, if it has one: its own, not that of a domain above.
    pub database: Option<HostTable>,
    /// Its `domain.toml`, below the site's folder, whether there is one or not.
    pub settings: PathBuf,
    pub(super) parents: Vec<(String, ModuleId)>,
    pub(super) error_pages: Vec<(String, ErrorPage)>,
}

/// A table of a `domain.toml` that is meant for the server around the dispatcher, which neither reads nor
/// checks it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostTable {
    /// The line of its name, from 1.
    pub line: u32,
    /// What it sets, in the order of the names.
    pub keys: Vec<HostKey>,
}

/// One key of a [`HostTable`].
#[derive(Clone, Debug, PartialEq)]
pub struct HostKey {
    /// Its name.
    pub name: String,
    /// Its value; numbers with a point and times are texts, as they stand there.
    pub value: serde_json::Value,
    /// Its line, from 1.
    pub line: u32,
}

/// Limits for all modules of a domain that do not set their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DomainLimits {
    /// How long a handler may take.
    pub time_limit: Option<Duration>,
    /// Bytes of a request's body.
    pub max_body: Option<u64>,
}

/// What a module is, by the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// `name.rs`, `[x].rs`, `raw.txt.rs`.
    Page,
    /// `index.rs`.
    Index,
    /// `[...rest].rs`.
    Rest,
    /// `_name.rs`; `_parent.rs` is the one named `parent`.
    Parent {
        /// Its name without the `_`.
        name: String,
    },
    /// `_404.rs`, `_4xx.rs`, `_5xx.rs`, `_error.rs`.
    ErrorPage {
        /// Its name without the `_`.
        name: String,
    },
}

/// One Rust file of a domain.
#[derive(Clone, Debug)]
pub struct Module {
    /// The path of its source below `domains/`, with `/`, without `.rs`: `scripts/[slug]/raw`.
    pub key: String,
    /// Below the site's folder: `domains/scripts/[slug]/raw.rs`.
    pub source: PathBuf,
    /// Where it lives.
    pub domain: DomainId,
    /// What it is.
    pub role: Role,
    /// What URLs it answers: `/scripts/[slug]/raw`; none for parents and error pages.
    pub pattern: Option<String>,
    /// What its source says.
    pub declared: Declared,
    /// The template named like it.
    pub template: Option<TemplateId>,
    /// Its own, else its domain's.
    pub time_limit: Option<Duration>,
    /// Bytes of a request's body: its own, else its domain's.
    pub max_body: Option<u64>,
    /// [`harmonious_abi::method`]s that it answers by itself or by its parents, as `Allow` has them: with
    /// HEAD if there is GET, and always with OPTIONS.
    pub methods: u32,
}

/// What a module's source says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// Functions with one of our attributes, in the order of the source.
    pub entries: Vec<DeclaredEntry>,
    /// Whom it inherits from.
    pub inherits: Inherits,
    /// How long its handlers may take.
    pub time_limit: Option<Duration>,
    /// Bytes of a request's body.
    pub max_body: Option<u64>,
    /// Panics in a minute after which it is no longer asked.
    pub panics_per_minute: Option<u32>,
    /// All other keys of its `module!`.
    pub other: BTreeMap<String, Literal>,
    /// Why it cannot be used; only in a manifest of [`super::Manifest::scan_lenient`].
    pub broken: Option<Broken>,
    /// BLAKE3 of the source.
    pub source_hash: [u8; 32],
}

/// A function with one of our attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredEntry {
    /// One of [`harmonious_abi::kind`].
    pub kind: u32,
    /// For handlers, the set of [`harmonious_abi::method`]s; else 0.
    pub methods: u32,
    /// The function's name.
    pub name: String,
    /// Of the attribute, from 1.
    pub line: u32,
    /// The first line of its documentation; empty if it has none.
    pub doc: String,
    /// Of a task, how often the server runs it, if it does.
    pub every: Option<Duration>,
}

/// Something that a site does outside of any request: a function with `#[task]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it is called by: the name of its function, with `-` for `_`.
    pub name: String,
    /// The first line of its documentation; empty if it has none.
    pub doc: String,
    /// How often the server runs it, if it does.
    pub every: Option<Duration>,
    /// The parent in the root that has it.
    pub module: ModuleId,
}

impl Task {
    /// The task that runs whenever the site starts.
    pub const START: &str = "start";

    /// What the task of a function, or one that somebody typed, is called by.
    ///
    /// ```
    /// assert_eq!(harmonious_dispatcher::manifest::Task::name_of("import_git"), "import-git");
    /// ```
    #[must_use]
    pub fn name_of(function: &str) -> String {
        function.replace('_', "-")
    }
}

/// Whom a module inherits from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Inherits {
    /// It says nothing: from the nearest `_parent`, which every chain has anyway.
    #[default]
    Default,
    /// `inherits = "none"`: from nobody; guards stay.
    None,
    /// From these, and from the `_parent`s.
    Named(Vec<String>),
}

/// A literal value in `module!`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// `12`, `-3`.
    Integer(i64),
    /// `1.5`.
    Float(f64),
    /// `"text"`.
    Text(String),
    /// `["a", "b"]`.
    List(Vec<Literal>),
}

/// Why a module or a domain cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, and what to do.
    pub message: String,
    /// From 1; 0 if it is not one line's fault.
    pub line: u32,
    /// From 1; 0 if it is not known.
    pub column: u32,
}

/// A template file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name of its file; `_parts/head.html` if it is in a folder whose name begins with `_`.
    pub name: String,
    /// Where it lives.
    pub domain: DomainId,
    /// Below the site's folder: `domains/about.html`.
    pub path: PathBuf,
    /// What URLs it answers, if it is a page of its own: `/about`.
    pub url: Option<String>,
}

/// A page for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPage {
    /// A module with an `#[error_page]`.
    Module(ModuleId),
    /// A template alone.
    Template(TemplateId),
}

/// Whose hooks run for a request, root to leaf; the requested module, if there is one, stands last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Each module once.
    pub modules: SmallVec<[Link; 8]>,
}

/// One module of a [`Chain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub module: ModuleId,
    /// Whether more than its guards counts; not so if a module below inherits from `none`.
    pub hooks: bool,
}

impl Chain {
    /// The modules whose methods and exports count, leaf to root.
    pub fn lineage(&self) -> impl Iterator<Item = ModuleId> + '_ {
        let hooked = self.modules.iter().rev().filter(|link| link.hooks);
        hooked.map(|link| link.module)
    }
}

impl Role {
    /// Whether URLs lead to it.
    #[must_use]
    pub fn is_routable(&self) -> bool {
        matches!(self, Role::Page | Role::Index | Role::Rest)
    }
}

impl Declared {
    /// The methods of its own handlers.
    #[must_use]
    pub fn methods(&self) -> u32 {
        let entries = self.entries.iter();
        entries.fold(0, |methods, entry| methods | entry.methods)
    }

    /// Its entries as a library has to have them.
    pub fn expected(&self) -> impl Iterator<Item = ExpectedEntry<'_>> {
        self.entries.iter().map(|entry| ExpectedEntry {
            kind: entry.kind,
            methods: entry.methods,
            name: &entry.name,
        })
    }

    /// Whether it has an entry of a [`harmonious_abi::kind`].
    #[must_use]
    pub fn has(&self, kind: u32) -> bool {
        self.entries.iter().any(|entry| entry.kind == kind)
    }
}
