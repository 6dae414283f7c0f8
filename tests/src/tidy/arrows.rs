//! Which of our crates may depend on which: the arrows of the map.

use toml::{Table, Value};

use super::finding;
use crate::repo::Member;

/// Folder, and the folders that it may depend on. A folder that ends with `/*` stands for each
/// folder right below it.
const ARROWS: [(&str, &[&str]); 14] = [
    (
        "server",
        &[
            "server/http",
            "server/pool",
            "dispatcher",
            "templating",
            "session",
            "db",
        ],
    ),
    ("server/http", &["server/pool"]),
    ("server/pool", &[]),
    ("dispatcher", &["dispatcher/abi"]),
    (
        "dispatcher/sdk",
        &[
            "dispatcher/abi",
            "dispatcher/sdk/macros",
            // Tests of a site read its catalogues without a server.
            "templating/locales",
        ],
    ),
    ("dispatcher/sdk/macros", &[]),
    ("dispatcher/abi", &[]),
    ("templating", &["templating/locales"]),
    ("templating/locales", &[]),
    ("session", &["db"]),
    ("db", &[]),
    ("sites/*", &["dispatcher/sdk"]),
    // What is measured is the front and the pool, without a site.
    ("bench/app", &["server/http", "server/pool"]),
    // The tests start the real binary; what needs a crate's own interface is tested in that crate.
    ("tests", &[]),
];

/// Every dependency between members has its arrow, every member has its place.
pub fn check(members: &[Member], root_manifest: &Table) -> Vec<String> {
    members
        .iter()
        .flat_map(|member| check_member(member, members, root_manifest))
        .collect()
}

fn check_member(member: &Member, members: &[Member], root_manifest: &Table) -> Vec<String> {
    let path = format!("{}/Cargo.toml", member.folder);
    let Some(allowed) = allowed(&member.folder) else {
        let text = "this crate has no place in the picture: \
                    say in ARROWS (tests/src/tidy/arrows.rs) what it may depend on";
        return vec![finding(&path, 1, text)];
    };
    dependencies(&member.manifest)
        .map(|(key, value)| package(key, value, root_manifest))
        .filter_map(|name| members.iter().find(|other| other.name() == name))
        .filter(|other| !allowed.contains(&other.folder.as_str()))
        .map(|other| {
            let text = format!(
                "`{}` must not depend on `{}`: take the dependency out; \
                 a new arrow needs its reason in ARCHITECTURE.md and a line in ARROWS \
                 (tests/src/tidy/arrows.rs)",
                member.folder, other.folder
            );
            finding(&path, 1, text)
        })
        .collect()
}

fn allowed(folder: &str) -> Option<&'static [&'static str]> {
    let above = folder
        .rsplit_once('/')
        .map(|(above, _)| format!("{above}/*"));
    ARROWS
        .iter()
        .find(|(from, _)| *from == folder || Some(*from) == above.as_deref())
        .map(|(_, to)| *to)
}

/// All dependencies of a manifest: normal, build and dev, for every target.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(per_target)
        .flat_map(|table| {
            ["dependencies", "build-dependencies", "dev-dependencies"].map(|kind| table.get(kind))
        })
        .flatten()
        .filter_map(Value::as_table)
        .flatten()
}

/// The package behind a dependency, whatever it is called here or in the workspace's list.
fn package<'a>(key: &'a str, value: &'a Value, root_manifest: &'a Table) -> &'a str {
    let renamed = |value: &'a Value| value.get("package").and_then(Value::as_str);
    let shared = || {
        root_manifest
            .get("workspace")?
            .get("dependencies")?
            .get(key)
    };
    renamed(value)
        .or_else(|| shared().and_then(renamed))
        .unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(folder: &str, name: &str, dependencies: &str) -> Member {
        let text = format!("[package]\nname = \"{name}\"\n{dependencies}");
        Member {
            folder: folder.to_owned(),
            manifest: text.parse().unwrap(),
        }
    }

    /// Findings on a workspace of the pool, the HTTP front and one crate more.
    fn findings(folder: &str, dependencies: &str) -> Vec<String> {
        let root = "[workspace.dependencies]\nwater = { package = \"harmonious-pool\" }";
        let members = [
            member("server/pool", "harmonious-pool", ""),
            member("dispatcher/sdk", "harmonious", ""),
            member(folder, "made-up", dependencies),
        ];
        check(&members, &root.parse().unwrap())
    }

    #[test]
    fn arrows_of_the_picture_are_allowed() {
        let pool = "[dependencies]\nharmonious-pool.path = \"../pool\"\nmio = \"1\"";
        assert_eq!(findings("server/http", pool), [""; 0]);
        assert_eq!(
            findings("sites/hello", "[dependencies]\nharmonious = \"1\""),
            [""; 0]
        );
    }

    #[test]
    fn other_arrows_are_found_in_every_table_and_under_every_name() {
        for dependencies in [
            "[dependencies]\nharmonious-pool = \"1\"",
            "[dev-dependencies]\nharmonious-pool.workspace = true",
            "[build-dependencies]\nwater.workspace = true",
            "[dependencies]\nlake = { package = \"harmonious-pool\", path = \"x\" }",
            "[target.'cfg(unix)'.dependencies]\nharmonious-pool = \"1\"",
        ] {
            let findings = findings("db", dependencies);
            assert_eq!(findings.len(), 1, "{dependencies}: {findings:?}");
            assert!(findings[0].contains("`db` must not depend on `server/pool`"));
        }
        assert_eq!(
            findings("sites/x", "[dependencies]\nharmonious-pool = \"1\"").len(),
            1
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert!(findings("cellar", "")[0].starts_with("cellar/Cargo.toml:1: this crate has no"));
    }
}
