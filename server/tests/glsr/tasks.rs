//! Tasks: imports, accounts, upkeep.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::*;

const PING: &str = "#!/bin/sh\n# Name: Ping All\n# Description: Asks all hosts of a list whether they live.\n\
                    # License: MIT\n# Tags: network, hosts\n# Depends: ping, tidy\n# Version: 1.2\nping -c1 \"$1\"\n";
const TIDY: &str = "#!/bin/sh\n# Clears a folder of what nobody needs.\nrm -f ./*~\n";

/// A folder for files of a test.
fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(dir: &TempDir, files: &[(&str, &str)]) {
    for (path, text) in files {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

/// Runs an import; what it printed.
#[track_caller]
fn import(site: &Site, dir: &Path, flags: &[&str]) -> String {
    let words = ["import", dir.to_str().unwrap()];
    succeed(site.task(&[&words, flags].concat()))
}

/// How an import that took so many, and so on, ends.
fn told(taken: u32, versions: u32, unchanged: u32, skipped: u32) -> String {
    format!(
        "{taken:8} taken\n{versions:8} new versions\n{unchanged:8} unchanged\n{skipped:8} skipped\n"
    )
}

/// What a task said that failed.
#[track_caller]
fn refused(output: Output) -> String {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

/// One text of a script.
#[track_caller]
fn of(site: &Site, name: &str, what: &str) -> String {
    let sql = format!(
        "SELECT {what} FROM scripts s JOIN versions v ON v.id = s.latest_id JOIN categories c ON c.id = s.category_id \
         JOIN languages l ON l.id = s.language_id LEFT JOIN accounts a ON a.id = s.owner_id WHERE s.name = ?"
    );
    site.value(&sql, &[name.into()])
}

on_each! {
    fn an_import_takes_scripts_and_says_why_not_others(site: &Site) {
        let dir = temporary();
        let large = format!("#!/bin/sh\n{}", "echo a line\n".repeat(30_000));
        let wide = format!("#!/bin/sh\necho {}\n", "x".repeat(10_001));
        put(&dir, &[
            ("net/ping.sh", PING),
            ("net/more/deeper/tidy", TIDY),
            ("copy.sh", PING),
            ("sysadmin/plain.py", "import sys\nprint(sys.argv)\n"),
            ("tidy.sh", "#!/bin/sh\necho another one\n"),
            ("other/tidy.sh", "#!/bin/sh\necho a third one\n"),
            ("notes.txt", "nothing of a script\n"),
            ("large.sh", &large),
            ("wide.sh", &wide),
            ("empty.sh", ""),
            (".hidden.sh", TIDY),
            (".git/hook.sh", TIDY),
            ("zero.sh", "#!/bin/sh\necho \0\n"),
        ]);
        fs::write(dir.path().join("latin.sh"), b"#!/bin/sh\necho \xe9\n").unwrap();
        symlink("tidy.sh", dir.path().join("link.sh")).unwrap();
        let before = site.count("scripts");
        let report = dir.path().with_extension("report");
        let said = import(site, dir.path(), &["--report", report.to_str().unwrap()]);
        assert!(said.starts_with(&told(5, 0, 0, 10)), "{said}");
        for why in [
            "           2 a dot file or folder\n",
            "           1 a line is too long\n",
            "           1 a link\n",
            "           1 a zero byte is in it\n",
            "           1 empty\n",
            "           1 its text stands twice in the folder\n",
            "           1 no language that the site knows\n",
            "           1 not UTF-8\n",
            "           1 too large\n",
        ] {
            assert!(said.contains(why), "{why}{said}");
        }
        let report = fs::read_to_string(report).unwrap();
        assert_eq!(report.lines().count(), 15, "{report}");
        for line in [
            "taken\tcopy.sh\tping-all\n",
            "taken\tnet/more/deeper/tidy\ttidy\n",
            "taken\tother/tidy.sh\ttidy.sh\n",
            "taken\ttidy.sh\ttidy.sh-2\n",
            "taken\tsysadmin/plain.py\tplain.py\n",
            "skipped\tnet/ping.sh\tits text stands twice in the folder\n",
            "skipped\tlink.sh\ta link\n",
            "skipped\t.git\ta dot file or folder\n",
        ] {
            assert!(report.contains(line), "{line}{report}");
        }
        assert_eq!(site.count("scripts WHERE status = 'published'"), before + 5);

        // What the head of a file says is what is said of the script.
        for (what, expected) in [
            ("s.title", "copy.sh"),
            ("s.summary", "Asks all hosts of a list whether they live."),
            ("s.license", "MIT"),
            ("c.path", "misc"),
            ("l.slug", "sh"),
            ("a.alias", "glsr"),
            ("v.label", "1.2"),
            ("v.source", "import"),
            ("v.file_name", "copy.sh"),
        ] {
            assert_eq!(of(site, "ping-all", what), expected, "{what}");
        }
        assert_eq!(of(site, "ping-all", "v.sha256"), sha256(PING.as_bytes()));
        assert_eq!(of(site, "tidy", "c.path"), "misc/net/more");
        // A category that is there is taken; one of its own is made for what is not.
        assert_eq!(of(site, "plain.py", "c.path"), "sysadmin");
        assert_eq!(of(site, "plain.py", "s.license"), "NOASSERTION");
        let named = "dependencies d JOIN scripts s ON s.id = d.target_id WHERE s.name = 'tidy'";
        assert_eq!(site.count(named), 1);
        let texts = "search_texts WHERE name = 'ping-all' AND tag_list = ' hosts network ' AND code LIKE '%ping -c1%'";
        assert_eq!(site.count(texts), 1);
    }

    fn a_second_import_takes_what_changed_and_nothing_else(site: &Site) {
        let dir = temporary();
        put(&dir, &[("a.sh", PING), ("b.sh", TIDY)]);
        assert_eq!(import(site, dir.path(), &[]), told(2, 0, 0, 0));
        let scripts = site.count("scripts");
        assert_eq!(import(site, dir.path(), &[]), told(0, 0, 2, 0));
        put(&dir, &[("b.sh", "#!/bin/sh\n# Clears it better.\nrm -rf ./*~\n")]);
        assert_eq!(import(site, dir.path(), &[]), told(0, 1, 1, 0));
        assert_eq!(import(site, dir.path(), &[]), told(0, 0, 2, 0));
        assert_eq!(site.count("scripts"), scripts);
        let number = "SELECT v.number FROM scripts s JOIN versions v ON v.id = s.latest_id WHERE s.name = 'b.sh'";
        assert_eq!(site.value::<i64>(number, &[]), 2);
        assert_eq!(site.count("search_texts WHERE name = 'b.sh' AND code LIKE '%better%'"), 1);

        // What was taken down is not brought back.
        site.execute("UPDATE scripts SET status = 'removed' WHERE name = 'b.sh'", &[]);
        put(&dir, &[("b.sh", "#!/bin/sh\necho once more\n")]);
        let said = import(site, dir.path(), &[]);
        assert!(said.contains("1 its script was taken down\n"), "{said}");
        // The same files from somewhere else are the same texts.
        let other = temporary();
        put(&other, &[("a.sh", PING)]);
        let said = import(site, other.path(), &[]);
        assert!(said.contains("1 its text is here already\n"), "{said}");
    }

    fn an_import_has_the_owner_and_the_category_that_are_named(site: &Site) {
        let dir = temporary();
        put(&dir, &[("x/y/a.sh", PING)]);
        let categories = site.count("categories");
        import(site, dir.path(), &["--owner", "author", "--category=distribution"]);
        assert_eq!(of(site, "ping-all", "a.alias"), "author");
        assert_eq!(of(site, "ping-all", "c.path"), "distribution");
        assert_eq!(site.count("categories"), categories);
        let folder = dir.path().to_str().unwrap();
        for (words, why) in [
            (&["import"][..], "a word is missing: usage: import DIR"),
            (&["import", "/nowhere/at/all"], "/nowhere/at/all cannot be read"),
            (&["import", folder, "--owner", "nobody"], "no account \"nobody\" that is active"),
            (&["import", folder, "--category", "nowhere"], "no category \"nowhere\""),
            (&["import", folder, "--ower", "x"], "there is no flag --ower"),
            (&["import", folder, "--report", "/nowhere/r"], "the report /nowhere/r cannot be written"),
        ] {
            let said = refused(site.task(words));
            assert!(said.contains(why), "{said}");
        }
    }

    fn an_import_that_is_interrupted_leaves_whole_transactions(site: &Site) {
        const FILES: i64 = 450;
        let dir = temporary();
        for number in 0..FILES {
            put(&dir, &[(&format!("n{number}.sh"), &format!("#!/bin/sh\necho number {number}\n"))]);
        }
        let before = site.count("scripts");
        let words = ["task", site.dir().to_str().unwrap(), "import", dir.path().to_str().unwrap()];
        let mut command = binary::harmonious(&words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        lines.find(|line| line.as_ref().unwrap().contains(" % ")).expect("some progress").unwrap();
        let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
        // It may be done already.
        let _ = kill_process(pid, Signal::INT);
        child.wait().unwrap();
        let there = site.count("scripts") - before;
        assert!([200, 400, FILES].contains(&there), "{there}");
        assert_eq!(site.count("imports"), there);
        import(site, dir.path(), &[]);
        assert_eq!(site.count("scripts") - before, FILES);
    }

    fn a_repository_is_imported(site: &Site) {
        if sh("git --version", b"").is_empty() {
            return println!("left out: there is no git");
        }
        let dir = temporary();
        let work = dir.path().join("work");
        let git = |line: &str| {
            let work = work.display();
            sh(&format!("cd '{work}' && git -c user.name=a -c user.email=a@example.org {line}"), b"")
        };
        put(&dir, &[("work/net/ping.sh", PING)]);
        symlink("/etc/passwd", work.join("passwd.sh")).unwrap();
        git("init -q .");
        git("add -A");
        git("commit -qm one");
        let bare = dir.path().join("bare.git");
        sh(&format!("git clone -q --bare '{}' '{}'", work.display(), bare.display()), b"");
        let from = bare.to_str().unwrap();
        let said = succeed(site.task(&["import-git", from]));
        // Its own folder, and a link that leads out of it.
        assert!(said.starts_with(&told(1, 0, 0, 2)), "{said}");
        assert_eq!(of(site, "ping-all", "c.path"), "misc/net");
        assert_eq!(site.count("bodies WHERE text LIKE '%root:%'"), 0);

        put(&dir, &[("work/net/ping.sh", &PING.replace("1.2", "1.3"))]);
        git("commit -qam two");
        git(&format!("push -q '{}' HEAD", bare.display()));
        let said = succeed(site.task(&["import-git", from]));
        assert!(said.contains("       1 new versions\n"), "{said}");
        assert_eq!(of(site, "ping-all", "v.label"), "1.3");
        // The folder that it came into is gone, and no address runs a program.
        let mark = dir.path().join("mark");
        let said = refused(site.task(&["import-git", &format!("ext::sh -c touch% {}", mark.display())]));
        assert!(said.contains("git did not get ext::"), "{said}");
        assert!(!mark.exists());
    }

    fn administrators_are_made_at_the_command_line(site: &Site) {
        let password = |said: &str, alias: &str| {
            let line = said.lines().next().unwrap().to_owned();
            line.strip_prefix(&format!("{alias} has the password ")).unwrap_or_else(|| panic!("{said}")).to_owned()
        };
        let said = succeed(site.task(&["admin", "create", "newcomer"]));
        let first = password(&said, "newcomer");
        assert_eq!(first.len(), 20);
        let all = "accounts WHERE alias = 'newcomer' AND roles = 7 AND must_change";
        assert_eq!(site.count(all), 1);
        site.anyone().sign_in("newcomer", &first);

        // A new password ends what the old one opened.
        let mut author = site.as_author();
        author.open("/account/sessions");
        author.post("/account/sessions", &[("act", "others")]).is(303);
        assert!(author.is_signed_in());
        let said = succeed(site.task(&["admin", "reset", "author"]));
        assert!(said.contains("Sessions ended: 1."), "{said}");
        assert!(!author.is_signed_in());
        let mut form = author.open("/sign-in").form("/sign-in");
        form.set("alias", "author").set("password", PASSWORD);
        author.submit(&form).is(422);
        site.anyone().sign_in("author", &password(&said, "author"));

        succeed(site.task(&["admin", "grant", "reader", "reviewer", "editor"]));
        assert_eq!(site.count("accounts WHERE alias = 'reader' AND roles = 3"), 1);
        succeed(site.task(&["admin", "grant", "reader"]));
        assert_eq!(site.count("accounts WHERE alias = 'reader' AND roles = 7"), 1);
        assert_eq!(site.count("moderation_log WHERE action IN ('create', 'reset', 'roles')"), 4);

        for (words, why) in [
            (&["create", "newcomer"][..], "\"newcomer\" is taken"),
            (&["create", "New comer"], "\"New comer\" cannot be an alias"),
            (&["reset", "nobody"], "no account \"nobody\""),
            (&["grant", "glsr"], "the site's own account"),
            (&["grant", "reader", "king"], "there is no role \"king\""),
            (&["crown", "reader"], "there is no \"admin crown\""),
            (&["reset", "reader", "now"], "\"now\" is one word too many"),
        ] {
            let said = refused(site.task(&[&["admin"], words].concat()));
            assert!(said.contains(why), "{said}");
        }
    }

    fn upkeep_forgets_what_is_over(site: &Site) {
        for (nonce, end) in [("old", now() - 10), ("new", now() + 1_000)] {
            let sql = "INSERT INTO used_nonces (nonce, expires_at) VALUES (?, ?)";
            site.execute(sql, &[nonce.into(), end.into()]);
        }
        site.execute("UPDATE accounts SET address = '10.0.0.1', seen_at = ? WHERE alias = 'reader'", &[(now() - 31 * 86_400).into()]);
        site.execute("UPDATE accounts SET address = '10.0.0.2', seen_at = ? WHERE alias = 'other'", &[now().into()]);
        succeed(site.task(&["upkeep"]));
        assert_eq!(site.count("used_nonces WHERE nonce IN ('old', 'new')"), 1);
        assert_eq!(site.count("accounts WHERE address = '10.0.0.1'"), 0);
        assert_eq!(site.count("accounts WHERE address = '10.0.0.2'"), 1);
    }
}
