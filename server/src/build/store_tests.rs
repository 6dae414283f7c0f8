//! Libraries in a temporary folder.

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::of(dir.path());
    store.create().unwrap();
    (dir, store)
}

fn add(store: &Store, content: &str) -> Built {
    let path = store.site.join("lib.so");
    fs::write(&path, content).unwrap();
    Built {
        inputs: "i".to_owned(),
        tools: "t".to_owned(),
        reads: "r".to_owned(),
        file: store.add(&path, "a-b").unwrap(),
    }
}

fn with(built: &Built) -> Index {
    let mut index = Index::new(Profile::Dev);
    index.modules.insert("a/b".to_owned(), built.clone());
    index
}

fn age(store: &Store, built: &Built, by: Duration) {
    let file = File::options()
        .write(true)
        .open(store.dir().join(&built.file))
        .unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn a_library_is_found_under_the_hash_of_its_content() {
    let (_dir, store) = store();
    let built = add(&store, "one");
    store.commit(Profile::Dev, &with(&built)).unwrap();
    let index = store.index(Profile::Dev).unwrap();
    assert_eq!(index.modules["a/b"], built);
    let path = store.library(&built).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"one");
    assert!(
        store.index(Profile::Release).unwrap().modules.is_empty(),
        "the other profile is apart"
    );
}

#[test]
fn an_equal_library_is_not_written_again() {
    let (_dir, store) = store();
    let built = add(&store, "one");
    age(&store, &built, Duration::from_secs(100));
    let time = |built: &Built| {
        fs::metadata(store.dir().join(&built.file))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = time(&built);
    assert_eq!(time(&add(&store, "one")), before);
}

#[test]
fn what_was_tampered_with_is_refused_and_a_build_mends_it() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (dir, store) = store();
    let built = add(&store, "one");
    let path = store.dir().join(&built.file);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o775)).unwrap();
    assert!(store.library(&built).unwrap_err().contains("chmod go-w"));
    fs::write(&path, "two").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(
        store
            .library(&built)
            .unwrap_err()
            .contains("not what was built")
    );
    fs::remove_file(&path).unwrap();
    fs::write(dir.path().join("else.so"), "one").unwrap();
    symlink(dir.path().join("else.so"), &path).unwrap();
    assert!(
        store
            .library(&built)
            .unwrap_err()
            .contains("cannot open it beneath")
    );
    assert_eq!(add(&store, "one"), built);
    assert!(store.library(&built).is_ok());
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let (dir, store) = store();
    fs::write(dir.path().join("out.so"), "x").unwrap();
    for file in ["../out.so", "/etc/passwd", ".", ""] {
        let built = Built {
            file: file.to_owned(),
            ..add(&store, "one")
        };
        assert!(store.library(&built).is_err(), "{file:?}");
    }
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(other.path(), dir.path().join(DIR)).unwrap();
    let message = Store::of(dir.path()).create().unwrap_err().to_string();
    assert!(message.contains("no link"), "{message}");
}

#[test]
fn a_library_stays_for_an_hour_after_it_was_last_named() {
    let (_dir, store) = store();
    let (old, new) = (add(&store, "old"), add(&store, "new"));
    store.commit(Profile::Dev, &with(&old)).unwrap();
    age(&store, &old, Duration::from_secs(7200));
    store.commit(Profile::Dev, &with(&new)).unwrap();
    assert!(
        store.library(&old).is_ok(),
        "a running server may still load it"
    );
    age(&store, &old, Duration::from_secs(7200));
    store.commit(Profile::Dev, &with(&new)).unwrap();
    assert!(store.library(&old).is_err());
    assert!(store.library(&new).is_ok());
}

#[test]
fn many_libraries_that_nothing_names_do_not_fill_the_disk() {
    let file = |age, bytes| {
        (
            Duration::from_secs(age),
            bytes,
            PathBuf::from(age.to_string()),
        )
    };
    let half = UNNAMED_BYTES_MAX / 2;
    let hour = Duration::from_secs(3600);
    let gone = superfluous(
        vec![file(300, half), file(200, half), file(100, half)],
        hour,
    );
    assert_eq!(gone, [Path::new("300")], "the oldest first");
    let gone = superfluous(vec![file(50, half), file(40, half), file(30, half)], hour);
    assert!(gone.is_empty(), "what may be loaded right now stays");
    assert_eq!(
        superfluous(vec![file(3601, 1), file(3599, 1)], hour),
        [Path::new("3601")]
    );
}

#[test]
fn an_index_of_another_version_or_profile_or_no_index_at_all_is_empty() {
    let (_dir, store) = store();
    for text in [
        "",
        "{",
        "{\"version\":9,\"profile\":\"dev\",\"modules\":{}}",
    ] {
        fs::write(store.dir().join(Profile::Dev.index()), text).unwrap();
        assert!(store.index(Profile::Dev).unwrap().modules.is_empty());
    }
}
