//! Snapshots: taken, restored, the same again; archives that nobody should have made.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::common::*;

const TIDY: &str = "#!/bin/sh\n# Clears a folder of what nobody needs.\nrm -f ./*~\n";

/// A snapshot of a site, in a file of this folder.
#[track_caller]
fn taken(site: &Site, dir: &TempDir, name: &str) -> PathBuf {
    let path = dir.path().join(name);
    let said = succeed(site.task(&["snapshot", path.to_str().unwrap()]));
    assert!(said.contains(" files"), "{said}");
    path
}

#[track_caller]
fn restore(site: &Site, from: &Path) {
    let said = succeed(site.task(&["restore", from.to_str().unwrap()]));
    assert!(said.contains(" scripts are there."), "{said}");
}

/// Why an archive is not restored.
#[track_caller]
fn refused(site: &Site, from: &Path) -> String {
    let output = site.task(&["restore", from.to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines().last().unwrap().to_owned()
}

/// Scripts with all that a snapshot has, and what it must not have.
fn fill(site: &Site) {
    let script = |name: &str| Script::new(name, &format!("{TIDY}# {name}\n"));
    script("tidy")
        .tags(&["files", "disk"])
        .readme("# Use\n\n`tidy`\n")
        .publish(site);
    site.publish("tidy", &format!("{TIDY}# two\n"));
    script("Zebra".to_lowercase().as_str())
        .owner("other")
        .publish(site);
    script("a-b").publish(site);
    script("a.b").publish(site);
    script("gone").publish(site);
    site.publish("bad", "#!/bin/sh\n# What nobody is to see.\n");
    let [author, other, reader] = ["author", "other", "reader"].map(|alias| site.id_of(alias));
    let tidy: i64 = site.value("SELECT id FROM scripts WHERE name = 'tidy'", &[]);
    for (sql, values) in [
        (
            "UPDATE accounts SET about = 'She \"writes\" sh: Größe', website = 'https://a.example' WHERE id = ?",
            vec![author.into()],
        ),
        (
            "UPDATE accounts SET email = 'secret@example.org', address = '10.9.8.7' WHERE id = ?",
            vec![author.into()],
        ),
        (
            "INSERT INTO maintainers (script_id, account_id, since, accepted_at) VALUES (?, ?, 100, 200)",
            vec![tidy.into(), other.into()],
        ),
        (
            "INSERT INTO dependencies (script_id, kind, what, versions) VALUES (?, 'needs', 'a-b', '>= 1')",
            vec![tidy.into()],
        ),
        (
            "INSERT INTO applies_to (script_id, what) VALUES (?, 'Debian 12')",
            vec![tidy.into()],
        ),
        (
            "INSERT INTO comments (script_id, account_id, author_name, subject, body, created_at) VALUES (?, ?, 'r', 'Good', 'It *works*.', 300)",
            vec![tidy.into(), reader.into()],
        ),
        (
            "INSERT INTO comments (script_id, version_id, account_id, author_name, body, created_at, edited_at) SELECT ?, id, NULL, '', 'Of somebody who left.', 299, 301 FROM versions WHERE script_id = ? AND number = 1",
            vec![tidy.into(), tidy.into()],
        ),
        (
            "INSERT INTO comments (script_id, account_id, author_name, body, status, created_at) VALUES (?, ?, 'r', 'held', 'held', 302)",
            vec![tidy.into(), reader.into()],
        ),
        (
            "INSERT INTO news (account_id, at, subject, body) VALUES (?, 400, 'News', 'Of **today**.')",
            vec![other.into()],
        ),
        (
            "INSERT INTO ratings (script_id, account_id, stars, created_at) VALUES (?, ?, 5, 1)",
            vec![tidy.into(), reader.into()],
        ),
        (
            "UPDATE scripts SET pinned_until = 5000000000, pin_text = 'Look', expires_at = 6000000000, replaced_by = 'a-b' WHERE id = ?",
            vec![tidy.into()],
        ),
        (
            "UPDATE scripts SET status = 'withdrawn' WHERE name = ?",
            vec!["gone".into()],
        ),
        (
            "UPDATE scripts SET status = 'removed', readme = 'not to be read' WHERE name = ?",
            vec!["bad".into()],
        ),
    ] {
        assert_eq!(site.execute(sql, &values), 1, "{sql}");
    }
    for (status, name) in [("withdrawn", "gone"), ("removed", "bad")] {
        let sql = "UPDATE versions SET status = ?, reason = 'no more' WHERE script_id = (SELECT id FROM scripts WHERE name = ?)";
        site.execute(sql, &[status.into(), name.into()]);
        site.execute("DELETE FROM search_texts WHERE name = ?", &[name.into()]);
    }
    // A draft of a new version, and a script that has nothing else.
    for name in ["a-b", "only-a-draft"] {
        let sql = "INSERT INTO scripts (name, title, owner_id, owner_name, category_id, language_id, license, created_at, updated_at) \
                   SELECT ?, 't', owner_id, owner_name, category_id, language_id, license, 1, 1 FROM scripts WHERE name = 'tidy' \
                   AND NOT EXISTS (SELECT 1 FROM scripts s WHERE s.name = ?)";
        site.execute(sql, &[name.into(), name.into()]);
        let sql = "INSERT INTO versions (script_id, sha256, file_name, author_name, source, created_at) \
                   SELECT s.id, (SELECT MIN(sha256) FROM bodies), 'x', 'x', 'web', 1 FROM scripts s WHERE s.name = ?";
        site.execute(sql, &[name.into()]);
    }
}

on_each! {
    fn a_restored_site_gives_the_same_snapshot_on_either_database(site: &Site) {
        let dir = tempfile::tempdir().unwrap();
        fill(site);
        let one = taken(site, &dir, "one.tar.zst");
        let bytes = fs::read(&one).unwrap();
        assert!(fs::read(taken(site, &dir, "again.tar.zst")).unwrap() == bytes);
        for backend in [Backend::Sqlite, Backend::Postgres] {
            let Some(new) = Site::unstarted(backend) else { continue };
            restore(&new, &one);
            let two = taken(&new, &dir, "two.tar.zst");
            assert!(fs::read(two).unwrap() == bytes, "{backend:?} gives another snapshot");
            let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert!(!left.iter().any(|name| name.to_str().unwrap().ends_with(".part")), "{left:?}");

            for what in [
                "scripts WHERE name = 'only-a-draft' OR status = 'fresh'",
                "versions WHERE number IS NULL",
                "accounts WHERE email IS NOT NULL OR address IS NOT NULL",
                "accounts WHERE password IS NOT NULL AND alias <> 'admin'",
                "accounts WHERE roles <> 0 AND alias <> 'admin'",
                "ratings",
                "comments WHERE status <> 'shown'",
                "bodies WHERE text LIKE '%nobody is to see%'",
                "scripts WHERE readme LIKE '%not to be read%'",
            ] {
                assert_eq!(new.count(what), 0, "{what}");
            }
            assert_eq!(new.count("scripts"), site.count("scripts WHERE status <> 'fresh'"));
            assert_eq!(new.count("search_texts"), site.count("search_texts"));
            assert_eq!(new.count("signing_keys"), site.count("signing_keys"));
            assert_eq!(new.count("versions WHERE signature IS NOT NULL"), 2);
            let linked = "dependencies d JOIN scripts s ON s.id = d.target_id WHERE s.name = 'a-b'";
            assert_eq!(new.count(linked), 1);
            let tidy = "scripts WHERE name = 'tidy' AND comment_n = 2 AND pin_text = 'Look' AND replaced_by = 'a-b'";
            assert_eq!(new.count(tidy), 1);
            new.start(&[]);
            let latest = new.anyone().get("/s/tidy");
            latest.is(200);
            assert_eq!(latest.body, format!("{TIDY}# two\n"));
            new.anyone().get("/s/bad/1").is(410);
            new.anyone().open("/search?q=tidy").has("/scripts/tidy/");
            // It is no new site any more.
            let said = refused(&new, &one);
            assert!(said.contains("restore into a new site"), "{said}");
            // What was taken down is known by its hash.
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("again.sh"), "#!/bin/sh\n# What nobody is to see.\n").unwrap();
            let said = succeed(new.task(&["import", dir.path().to_str().unwrap()]));
            assert!(said.contains("1 its text is here already\n"), "{said}");
        }
    }

    /// What members said of the seeds would be lost.
    fn a_site_where_somebody_said_something_is_not_new(site: &Site) {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.tar.zst");
        succeed(site.task(&["snapshot", archive.to_str().unwrap()]));
        site.execute("DELETE FROM comments", &[]);
        let sql = "INSERT INTO comments (script_id, account_id, author_name, body, status, created_at) \
                   SELECT s.id, a.id, a.name, 'Thanks', 'shown', 1 FROM scripts s, accounts a \
                   WHERE s.name = 'with-lock' AND a.alias = 'reader'";
        site.execute(sql, &[]);
        let said = refused(site, &archive);
        assert!(said.contains("comments"), "{said}");
        assert_eq!(site.count("comments WHERE body = 'Thanks'"), 1);
        site.execute("DELETE FROM comments", &[]);
        restore(site, &archive);
    }

    fn a_changed_byte_is_refused(site: &Site) {
        let dir = tempfile::tempdir().unwrap();
        fill(site);
        let one = taken(site, &dir, "one.tar.zst");
        let bytes = fs::read(&one).unwrap();
        let Some(new) = Site::unstarted(site.backend) else { return };
        let bad = dir.path().join("bad.tar.zst");
        let mut changed: Vec<Vec<u8>> = (1..=8).map(|eighth| {
            let mut changed = bytes.clone();
            changed[(bytes.len() - 1) * eighth / 8] ^= 0x10;
            changed
        }).collect();
        changed.push(bytes[..bytes.len() - 1].to_vec());
        changed.push([&bytes[..], b"\0"].concat());
        changed.push([&bytes[..], &bytes[..]].concat());
        changed.push(Vec::new());
        changed.push(b"a text".to_vec());
        for (at, changed) in changed.iter().enumerate() {
            fs::write(&bad, changed).unwrap();
            let said = refused(&new, &bad);
            assert!(said.contains("bad.tar.zst: "), "{at}: {said}");
        }
        assert_eq!(new.count("scripts WHERE name = 'tidy'"), 0);
        restore(&new, &one);
        assert_eq!(new.count("scripts WHERE name = 'tidy'"), 1);
    }
}

on_each! {
    unstarted fn hostile_archives_are_refused(site: &Site) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hostile.tar.zst");
        succeed(site.task(&["upkeep"])); // which makes the seeds
        let before = (site.count("scripts"), site.count("accounts"));
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let languages = file("languages.json", r#"[{"slug":"sh","name":"sh","extensions":"sh","shebangs":"sh","highlight":"sh","checker":"","outline":""}]"#);
        let categories = file("categories.json", r#"[{"path":"misc","name":"m","descr":"","position":0}]"#);
        let meta = |name: &str| format!(
            r#"{{"name":"{name}","title":"t","summary":"s","readme":"","owner":null,"owner_name":"x","category":"misc","language":"sh",
            "license":"MIT","homepage":null,"status":"published","latest":1,"created_at":1,"published_at":1,"updated_at":1,
            "expires_at":null,"pinned_until":null,"pin_text":null,"replaced_by":null,"tags":[],"needs":[],"applies":[],"maintainers":[]}}"#
        );
        let version = |file: &str, text: &str| format!(
            r#"{{"number":1,"label":"","status":"published","sha256":"{}","bytes":{},"lines":1,"file_name":"{file}","changelog":"",
            "urgent":false,"author":null,"author_name":"x","created_at":1,"submitted_at":1,"decided_at":1,"reason":""}}"#,
            sha256(text.as_bytes()), text.len()
        );
        let author = |alias: &str| file("authors/1.json", &format!(
            r#"[{{"alias":"{alias}","name":"x","blocked":false,"about":"","website":null,"created_at":1}}]"#
        ));
        let script = |name: &str, wanted: &str, text: &str| vec![
            languages.clone(), categories.clone(),
            file(&format!("scripts/{name}/meta.json"), &meta(name)),
            file(&format!("scripts/{name}/1.json"), &version(wanted, text)),
            file(&format!("scripts/{name}/1/{wanted}"), text),
        ];
        let without = |mut files: Vec<(String, Vec<u8>)>, at: usize| { files.remove(at); files };
        let tar = |files: &[(String, Vec<u8>)]| framed(&archived(files), WINDOW);
        let good = script("fine", "fine.sh", "echo fine\n");
        for (archive, why) in [
            // The container.
            (framed(&[entry("../../etc/cron.d/x", b'0', b"x", None), vec![0; 1024]].concat(), WINDOW), "\"../../etc/cron.d/x\" leads out of the archive"),
            (framed(&[entry("/etc/passwd", b'0', b"x", None), vec![0; 1024]].concat(), WINDOW), "\"/etc/passwd\" leads out of the archive"),
            (framed(&[entry("MANIFEST.json", b'2', b"", None), vec![0; 1024]].concat(), WINDOW), "\"MANIFEST.json\" is a link"),
            (framed(&[entry("MANIFEST.json", b'1', b"", None), vec![0; 1024]].concat(), WINDOW), "\"MANIFEST.json\" is a link"),
            (framed(&[entry("MANIFEST.json", b'L', b"", None), vec![0; 1024]].concat(), WINDOW), "\"MANIFEST.json\" is no file"),
            (framed(&[entry("MANIFEST.json", b'0', b"", Some(0o77_777_777_777)), vec![0; 1024]].concat(), WINDOW), "has 8589934591 bytes: at most"),
            (framed(&[0; 1024], WINDOW), "it is empty"),
            (framed(&archived(&good), 0xf8), "not a snapshot, or a broken one"),
            (framed(&archived(&[file("../x", "x")]), WINDOW), "\"../x\" is no path of a snapshot"),
            (framed(&archived(&[file("a//x", "x")]), WINDOW), "\"a//x\" is no path of a snapshot"),
            (framed(&archived(&[file("a/.x", "x")]), WINDOW), "\"a/.x\" is no path of a snapshot"),
            (tar(&[languages.clone(), languages.clone()]), "\"languages.json\" stands twice in MANIFEST.json"),
            // What is in it.
            (tar(&[file("etc/passwd", "x")]), "etc/passwd: no file of this name belongs into a snapshot"),
            (tar(&[file("languages.json", "[[[[")]), "languages.json: "),
            (tar(&script("Fine", "fine.sh", "echo\n")), "its name breaks a rule of the site"),
            (tar(&script("fine", "fine.sh", "a\0b\n")), "its text breaks a rule of the site (source_nul"),
            (tar(&without(good.clone(), 4)), "scripts/fine: the text of version 1 is missing"),
            (tar(&without(good.clone(), 3)), "it belongs to no version"),
            (tar(&without(good.clone(), 2)), "its meta.json has to come first"),
            (tar(&without(good.clone(), 1)), "there is no category \"misc\""),
            (tar(&[&good[..3], &[file("scripts/fine/1.json", &version("fine.sh", "other")), good[4].clone()]].concat()), "its SHA-256 is not that of its version"),
            (tar(&[author("x/../y")]), "\"x/../y\" is no alias"),
        ] {
            fs::write(&path, archive).unwrap();
            let said = refused(site, &path);
            assert!(said.contains(why), "{why}\n{said}");
        }
        // Whoever is here is not made the author of what comes.
        site.execute("INSERT INTO accounts (alias, name, created_at) VALUES ('here', 'h', 1)", &[]);
        fs::write(&path, tar(&[author("here")])).unwrap();
        let said = refused(site, &path);
        assert!(said.contains("the account here is here already"), "{said}");
        assert_eq!((site.count("scripts"), site.count("accounts")), (before.0, before.1 + 1));
        // The same archive without a fault is one.
        fs::write(&path, tar(&good)).unwrap();
        restore(site, &path);
        assert_eq!(site.count("scripts WHERE name = 'fine'"), 1);
    }
}

/// A descriptor of a window of zstd: 128 KiB.
const WINDOW: u8 = 0x38;

/// Files as a snapshot has them: behind a manifest that fits.
fn archived(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let listed = files.iter().map(|(path, bytes)| {
        let hash = sha256(bytes);
        format!(
            r#"{{"path":"{path}","bytes":{},"sha256":"{hash}"}}"#,
            bytes.len()
        )
    });
    let listed: Vec<String> = listed.collect();
    let manifest = format!(r#"{{"format":1,"zstd":"","files":[{}]}}"#, listed.join(","));
    let mut tar = entry("MANIFEST.json", b'0', manifest.as_bytes(), None);
    for (path, bytes) in files {
        tar.extend(entry(path, b'0', bytes, None));
    }
    tar.extend([0; 1024]);
    tar
}

/// An entry of a tar archive: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>, ustar.
fn entry(path: &str, kind: u8, bytes: &[u8], size: Option<u64>) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{:011o}", size.unwrap_or(bytes.len() as u64)));
    put(136, "00000000000");
    put(148, "        ");
    put(257, "ustar\x0000");
    if kind == b'1' || kind == b'2' {
        put(157, "/etc/passwd");
    }
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
    let mut all = header.to_vec();
    all.extend(bytes);
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

/// Bytes in a frame of zstd that does not compress them: RFC 8878, section 3.1.1.
fn framed(bytes: &[u8], window: u8) -> Vec<u8> {
    const BLOCK: usize = 64 * 1024;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    let blocks = bytes.chunks(BLOCK);
    let count = blocks.len();
    for (at, block) in blocks.enumerate() {
        let is_last = u32::from(at + 1 == count);
        let head = (u32::try_from(block.len()).unwrap() << 3) | is_last;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}
