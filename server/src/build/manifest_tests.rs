//! A `Cargo.toml` before and after.

use super::*;

const AUTHOR: &str =
    "[package]\nname = \"x\"\n\n[dependencies]\nharmonious = { path = \"../sdk\" }\n";

fn site(manifest: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), manifest).unwrap();
    dir
}

fn keep(site: &Path, keys: &[&str]) -> bool {
    let modules: Vec<Module> = keys.iter().map(|key| Module::new(site, key)).collect();
    for module in &modules {
        fs::create_dir_all(module.source.parent().unwrap()).unwrap();
        fs::write(&module.source, "").unwrap();
    }
    let names = super::super::names::target_names(keys.iter().copied());
    let manifest = SiteManifest::read(site).unwrap();
    manifest.keep(site, &modules, &names).unwrap()
}

fn text(site: &Path) -> String {
    fs::read_to_string(site.join(FILE)).unwrap()
}

#[track_caller]
fn refused(manifest: &str, part: &str) {
    let dir = site(manifest);
    let message = SiteManifest::read(dir.path()).unwrap_err().to_string();
    assert!(message.contains(part), "{message}");
}

#[test]
fn each_module_has_a_target_behind_what_the_author_wrote() {
    let dir = site(AUTHOR);
    assert!(keep(dir.path(), &["index", "a/[x=u64]/[...rest]"]));
    let text = text(dir.path());
    assert!(text.starts_with(AUTHOR));
    let parsed: Table = toml::from_str(&text).unwrap();
    let examples = parsed["example"].as_array().unwrap();
    assert_eq!(examples.len(), 2);
    assert_eq!(
        examples[0]["path"].as_str(),
        Some("domains/a/[x=u64]/[...rest].rs")
    );
    assert_eq!(examples[0]["name"].as_str(), Some("a-x-u64-rest"));
    assert_eq!(examples[0]["crate-type"][0].as_str(), Some("cdylib"));
}

#[test]
fn nothing_is_written_while_the_set_of_modules_is_the_same() {
    let dir = site(AUTHOR);
    keep(dir.path(), &["a", "b"]);
    let before = fs::metadata(dir.path().join(FILE))
        .unwrap()
        .modified()
        .unwrap();
    assert!(!keep(dir.path(), &["b", "a"]));
    assert_eq!(
        fs::metadata(dir.path().join(FILE))
            .unwrap()
            .modified()
            .unwrap(),
        before
    );
}

#[test]
fn what_stands_around_the_section_stays_as_it_is() {
    let dir = site(&format!(
        "{AUTHOR}{SECTION_START}\nold\n{SECTION_END}\n\n[profile.dev]\ndebug = 0\n"
    ));
    keep(dir.path(), &["a"]);
    let text = text(dir.path());
    assert!(
        text.starts_with(AUTHOR) && text.ends_with("\n\n[profile.dev]\ndebug = 0\n"),
        "{text}"
    );
    assert!(!text.contains("old"));
}

#[test]
fn the_authors_part_is_the_same_with_and_without_the_section() {
    let dir = site(AUTHOR);
    let before = SiteManifest::read(dir.path()).unwrap().author_text();
    keep(dir.path(), &["a"]);
    assert_eq!(
        SiteManifest::read(dir.path()).unwrap().author_text(),
        before
    );
}

#[test]
fn line_ends_of_the_author_are_used() {
    let dir = site(&AUTHOR.replace('\n', "\r\n"));
    keep(dir.path(), &["a"]);
    let text = text(dir.path());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(!keep(dir.path(), &["a"]), "and it is found again");
}

#[test]
fn a_site_module_needs_no_line_of_the_author() {
    let dir = site(AUTHOR);
    fs::create_dir(dir.path().join("site")).unwrap();
    fs::write(dir.path().join("site/lib.rs"), "").unwrap();
    keep(dir.path(), &["a"]);
    assert!(text(dir.path()).contains("[lib]\npath = \"site/lib.rs\""));
    let own = site(&format!("{AUTHOR}[lib]\npath = \"site/lib.rs\"\n"));
    keep(own.path(), &["a"]);
    assert_eq!(text(own.path()).matches("[lib]").count(), 1);
}

#[test]
fn a_manifest_that_cannot_be_used_is_refused_with_what_to_do() {
    refused("[workspace]\n", "add [package]");
    refused(
        "[package]\nname = \"x\"\n[profile.release]\npanic = \"abort\"\n",
        "Remove the line",
    );
    refused("[package]\nname = \"x\n", "Cargo.toml:2");
    refused(
        &format!("[package]\nname=\"x\"\n{SECTION_START}\n"),
        "Cargo.toml:3: the section",
    );
    refused(&format!("{SECTION_END}\n"), "remove it");
    let empty = tempfile::tempdir().unwrap();
    let message = SiteManifest::read(empty.path()).unwrap_err().to_string();
    assert!(message.contains("no Cargo.toml: write one"), "{message}");
}

#[test]
fn a_line_behind_a_section_is_told_with_its_own_number() {
    refused(
        &format!("[package]\nname=\"x\"\n{SECTION_START}\n[[example]]\n{SECTION_END}\n[a\n"),
        "Cargo.toml:6",
    );
}

#[test]
fn a_written_manifest_leaves_no_other_file_behind() {
    let dir = site(AUTHOR);
    keep(dir.path(), &["a"]);
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["Cargo.toml", "domains"], "no temporary file stays");
}

#[test]
fn the_starter_is_written_as_a_build_would_write_it() {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sites/hello");
    let manifest = SiteManifest::read(&site).unwrap();
    let keys = [
        "_parent",
        "counter/index",
        "greet/[name]",
        "index",
        "members/_parent",
        "members/index",
    ];
    let modules = keys.map(|key| Module::new(&site, key));
    let names = super::super::names::target_names(keys.into_iter());
    let section = manifest.section_text(&site, &modules, &names);
    assert_eq!(manifest.with_section(&section), manifest.text);
}
