//! Watching real folders.

use super::*;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn site() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let site = fs::canonicalize(dir.path()).unwrap();
    for folder in ["domains/a", "static", ".harmonious", "target"] {
        fs::create_dir_all(site.join(folder)).unwrap();
    }
    (dir, site)
}

/// What is told until it holds.
fn until(changes: &Receiver<Changes>, what: impl Fn(&Changes) -> bool) {
    let mut all = Vec::new();
    loop {
        match changes.recv_timeout(PATIENCE) {
            Ok(change) if what(&change) => return,
            Ok(change) => all.push(change),
            Err(_) => panic!("not told of; but: {all:?}"),
        }
    }
}

fn watch(site: &Path) -> (Watching, Receiver<Changes>) {
    let (sender, changes) = channel();
    (
        Watching::start(site, move |change| drop(sender.send(change))).unwrap(),
        changes,
    )
}

#[test]
fn a_saved_module_is_told_with_its_key() {
    let (_dir, site) = site();
    let (_watching, changes) = watch(&site);
    fs::write(site.join("domains/a/[x=u64].rs"), "x").unwrap();
    until(&changes, |change| {
        change.modules.contains("a/[x=u64]") && change.structure
    });
    fs::write(site.join("domains/a/[x=u64].rs"), "y").unwrap();
    until(&changes, |change| {
        change.modules.contains("a/[x=u64]") && !change.templates
    });
}

#[test]
fn what_a_build_writes_and_editors_leave_is_not_told() {
    let (_dir, site) = site();
    let (_watching, changes) = watch(&site);
    for file in [
        ".harmonious/modules.json",
        "target/x",
        "domains/.index.rs.swp",
        "domains/index.rs~",
        "data",
    ] {
        fs::write(site.join(file), "x").unwrap();
    }
    fs::write(site.join("static/style.css"), "x").unwrap();
    let first = changes.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        first,
        Changes {
            statics: true,
            ..Changes::default()
        }
    );
}

#[test]
fn a_folder_that_comes_later_is_watched_too() {
    let (_dir, site) = site();
    let (_watching, changes) = watch(&site);
    fs::create_dir(site.join("site")).unwrap();
    until(&changes, |change| change.shared);
    fs::write(site.join("site/lib.rs"), "x").unwrap();
    until(&changes, |change| change.shared && !change.statics);
    fs::create_dir_all(site.join("domains/b/c")).unwrap();
    fs::write(site.join("domains/b/c/page.html"), "x").unwrap();
    until(&changes, |change| change.structure);
    fs::write(site.join("domains/b/c/page.html"), "y").unwrap();
    until(&changes, |change| change.templates && !change.structure);
}

#[test]
fn a_file_that_an_editor_replaces_by_another_is_the_same_file() {
    let (_dir, site) = site();
    fs::write(site.join("domains/a/page.rs"), "x").unwrap();
    let (_watching, changes) = watch(&site);
    fs::write(site.join("domains/a/.page.rs.new"), "y").unwrap();
    fs::rename(
        site.join("domains/a/.page.rs.new"),
        site.join("domains/a/page.rs"),
    )
    .unwrap();
    let first = changes.recv_timeout(PATIENCE).unwrap();
    let modules = std::iter::once("a/page".to_owned()).collect();
    assert_eq!(
        first,
        Changes {
            modules,
            ..Changes::default()
        }
    );
    fs::rename(
        site.join("domains/a/page.rs"),
        site.join("domains/a/other.rs"),
    )
    .unwrap();
    until(&changes, |change| {
        change.structure && change.modules.contains("a/other")
    });
}

#[test]
fn each_kind_of_file_means_something_else() {
    let site = Path::new("/no/such/site");
    let of = |path: &str, names| {
        let mut changes = Changes::default();
        changes.add_path(site, Path::new(path), names);
        changes
    };
    assert!(of("Cargo.toml", false).shared && of("site/a/b.rs", false).shared);
    assert!(of("site.toml", false).settings);
    assert!(of("domains/a/domain.toml", false).structure);
    let page = of("domains/a/page.html", false);
    assert!(page.templates && !page.structure && page.modules.is_empty());
    assert!(of("README.md", false).is_empty() && of("domains/4913", true).is_empty());
}

#[test]
fn where_the_system_cannot_tell_it_is_looked_for() {
    let (_dir, site) = site();
    let (sender, heard) = channel();
    let to = sender.clone();
    let config = Config::default()
        .with_poll_interval(Duration::from_millis(20))
        .with_compare_contents(true);
    let watcher =
        PollWatcher::new(move |event| drop(to.send(Heard::Event(event))), config).unwrap();
    fs::write(site.join("domains/a/page.rs"), "one").unwrap();
    let watched = Watched::with(Box::new(watcher), &site).unwrap();
    let (tell, changes) = channel();
    let at = site.clone();
    let thread = thread::spawn(move || {
        run(&at, &heard, watched, BTreeSet::new(), move |change| {
            drop(tell.send(change))
        })
    });
    fs::write(site.join("domains/a/page.rs"), "two").unwrap();
    until(&changes, |change| change.modules.contains("a/page"));
    sender.send(Heard::End).unwrap();
    thread.join().unwrap();
}
