//! The page with a session, a row and a template that `bench/run page` asks for: what our own server and the
//! peer have in common.

/// The path of the page: one of ten thousand.
pub const PATH: &str = "/scripts/script-04217/";
/// A path like it, of a row that is not there.
pub const MISSING: &str = "/scripts/script-99999/";
/// A POST to it begins a session.
pub const SIGN_IN: &str = "/sign-in";

/// The page, as both have to send it.
pub const EXPECTED: &str = include_str!("../../page/expected.html");
/// The table, with its rows.
pub const MIGRATION: &str = include_str!("../../page/migrations/sqlite/V1__scripts.sql");
/// The template, in what the languages of both engines have in common.
pub const TEMPLATE: &str = include_str!("../../page/domains/scripts/[slug]/index.html");

/// Our own site: the path of each file below `bench/page/` and in the site, and its text.
pub const SITE: &[(&str, &str)] = &[
    ("site.toml", include_str!("../../page/site.toml")),
    ("migrations/sqlite/V1__scripts.sql", MIGRATION),
    (
        "domains/hello.rs",
        include_str!("../../page/domains/hello.rs"),
    ),
    (
        "domains/sign-in.rs",
        include_str!("../../page/domains/sign-in.rs"),
    ),
    (
        "domains/scripts/[slug]/index.rs",
        include_str!("../../page/domains/scripts/[slug]/index.rs"),
    ),
    ("domains/scripts/[slug]/index.html", TEMPLATE),
];
