//! What the project says about itself is true: the rules of `harmonious_tests::tidy` on the
//! repository as it is.

use std::fs;

use harmonious_tests::repo;
use harmonious_tests::tidy::{arrows, map, phrases, sources, why};

#[track_caller]
fn assert_tidy(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}\n",
        findings.len(),
        findings.join("\n")
    );
}

fn the_map() -> map::Map {
    let text = fs::read_to_string(repo::root().join(map::MAP));
    map::parse(&text.unwrap_or_else(|error| panic!("{}: {error}: write the map", map::MAP)))
}

#[test]
fn rooms_in_the_map_are_the_workspace() {
    let members = repo::members();
    let folders: Vec<&str> = members
        .iter()
        .map(|member| member.folder.as_str())
        .collect();
    assert_tidy(&map::check_rooms(&the_map(), &folders));
}

#[test]
fn cited_invariants_are_in_the_map() {
    assert_tidy(&map::check_citations(&the_map(), &repo::files()));
}

#[test]
fn crates_depend_along_the_arrows() {
    assert_tidy(&arrows::check(&repo::members(), &repo::root_manifest()));
}

#[test]
fn sources_keep_their_rules() {
    let files = repo::files();
    assert!(
        files.iter().any(|file| file.path == "tests/tests/tidy.rs"),
        "git lists other files"
    );
    assert_tidy(&sources::check(&files));
}

#[test]
fn shared_dependencies_say_why() {
    let manifest = fs::read_to_string(repo::root().join("Cargo.toml")).expect("a root manifest");
    assert_tidy(&why::check(&manifest));
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    assert_tidy(&phrases::check(&repo::files()));
}
