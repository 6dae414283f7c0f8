//! `ARCHITECTURE.md` against the workspace: rooms, and the invariants that comments cite.

use super::{finding, lexer, numbered};
use crate::repo::File;

/// The map's file.
pub const MAP: &str = "ARCHITECTURE.md";

/// Rooms that are not packages of the workspace.
const ROOMS_APART: [&str; 1] = ["bench"];

/// What the checks read out of the map.
#[derive(Debug, Default, PartialEq)]
pub struct Map {
    /// Line and folder of each row of the table under `## Rooms`.
    pub rooms: Vec<(usize, String)>,
    /// The numbers of the list under `## Invariants`.
    pub invariants: Vec<u32>,
}

/// Reads the map: rows `| `folder/` | ... |` under `## Rooms`, a list `1. ...` under
/// `## Invariants`.
pub fn parse(text: &str) -> Map {
    let mut map = Map::default();
    let mut section = "";
    for (line, content) in numbered(text) {
        if let Some(heading) = content.strip_prefix("## ") {
            section = heading.trim();
        }
        match section {
            "Rooms" => map
                .rooms
                .extend(room(content).map(|folder| (line, folder.to_owned()))),
            "Invariants" => map.invariants.extend(invariant(content)),
            _ => {}
        }
    }
    map
}

/// Rooms in the map are the members of the workspace and the rooms apart, no more and no fewer.
pub fn check_rooms(map: &Map, members: &[&str]) -> Vec<String> {
    let expected = || members.iter().copied().chain(ROOMS_APART);
    let mut findings = Vec::new();
    for (line, folder) in &map.rooms {
        if !expected().any(|member| member == folder) {
            let text = format!(
                "room `{folder}/` is no member of the workspace: \
                 take the row out, or add \"{folder}\" to the members in Cargo.toml"
            );
            findings.push(finding(MAP, *line, text));
        }
    }
    let drawn = |member: &str| map.rooms.iter().any(|(_, folder)| folder == member);
    for member in expected().filter(|member| !drawn(member)) {
        let text = format!("`{member}/` is missing: add a row for it to the table under ## Rooms");
        findings.push(finding(MAP, 1, text));
    }
    findings
}

/// Every "invariant N" in a comment names an invariant that is in the map.
pub fn check_citations(map: &Map, files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    if map.invariants.is_empty() {
        findings.push(finding(
            MAP,
            1,
            "there is no numbered list under ## Invariants: write it",
        ));
    }
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        for (line, comment) in numbered(&lexer::split(&file.text).comments) {
            for number in cited(comment).filter(|number| !map.invariants.contains(number)) {
                let text =
                    format!("invariant {number} is not in {MAP}: cite one that is, or add it");
                findings.push(finding(&file.path, line, text));
            }
        }
    }
    findings
}

/// The folder of a row: what stands between the first two backticks of its first cell.
fn room(row: &str) -> Option<&str> {
    let cell = row.strip_prefix('|')?.split('|').next()?;
    let folder = cell.split('`').nth(1)?;
    Some(folder.trim_end_matches('/'))
}

fn invariant(line: &str) -> Option<u32> {
    line.split_once(". ")?.0.parse().ok()
}

fn cited(comment: &str) -> impl Iterator<Item = u32> {
    let words: Vec<&str> = comment.split_whitespace().collect();
    let numbers: Vec<u32> = words
        .windows(2)
        .filter(|pair| pair[0].to_lowercase().trim_start_matches('(') == "invariant")
        .filter_map(|pair| {
            pair[1]
                .trim_end_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .ok()
        })
        .collect();
    numbers.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Map
| `not/here/` | before the heading |
## Rooms
| folder | what |
|---|---|
| `server/pool/` | a leaf that knows no `http` |
| `bench/` | load |
## Invariants
1. First. 2. of it.
2. Second.
## Later
3. Not one.
";

    #[test]
    fn the_map_is_read() {
        let map = parse(TEXT);
        assert_eq!(
            map.rooms,
            [(6, "server/pool".to_owned()), (7, "bench".to_owned())]
        );
        assert_eq!(map.invariants, [1, 2]);
    }

    #[test]
    fn rooms_and_members_must_agree() {
        let map = parse(TEXT);
        assert_eq!(check_rooms(&map, &["server/pool"]), [""; 0]);
        let findings = check_rooms(&map, &["tests"]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("ARCHITECTURE.md:6: room `server/pool/` is no member"));
        assert!(findings[1].contains("`tests/` is missing"));
        assert_eq!(check_rooms(&Map::default(), &["tests"]).len(), 2);
    }

    #[test]
    fn cited_invariants_must_exist() {
        let map = parse(TEXT);
        let source = "//! Holds invariant 2.\n// (Invariant 9): no.\nlet s = \"invariant 8\";\n";
        let findings = check_citations(&map, &[File::new("a/b.rs", source)]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("a/b.rs:2: invariant 9 is not in"));
        assert_eq!(check_citations(&Map::default(), &[]).len(), 1);
    }
}
