//! The life of a version in its author's hands: draft, pending, refused, published, withdrawn.

use crate::common::*;

const TEXT: &str = "#!/bin/sh\n# Says hello.\necho hello\n";

/// What a new script needs beside its text.
const ABOUT: [(&str, &str); 7] = [
    ("name", "hello"),
    ("title", "Say hello"),
    ("summary", "Says hello to whoever runs it."),
    ("category", "misc"),
    ("language", "sh"),
    ("license", "mit OR apache-2.0"),
    ("act", "draft"),
];

/// The form of a new script, filled but for its text.
fn filled(author: &mut Client) -> Form {
    let mut form = author.form("/submit", "/submit");
    for (field, value) in ABOUT {
        form.set(field, value);
    }
    form
}

/// A draft of a new script with this file; its path.
fn drafted(author: &mut Client, bytes: &[u8]) -> String {
    let mut form = filled(author);
    form.file("file", "hello.sh", bytes);
    let page = author.submit(&form);
    page.is(303);
    page.location().to_owned()
}

/// The key of a version, from its path.
fn id_of(path: &str) -> i64 {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// Status and text of a version.
fn kept(site: &Site, path: &str) -> (String, String) {
    let of = |column: &str| {
        let sql = format!(
            "SELECT {column} FROM versions v JOIN bodies b ON b.sha256 = v.sha256 WHERE v.id = ?"
        );
        site.value(&sql, &[id_of(path).into()])
    };
    (of("v.status"), of("b.text"))
}

/// The form of a draft, with that button pressed.
fn press(author: &mut Client, path: &str, act: &str) -> Page {
    let mut form = author.form(path, path);
    form.set("act", act);
    author.submit(&form)
}

/// What a reviewer says to a version.
fn decide(site: &Site, path: &str, act: &str, reason: &str) {
    let here = format!("/review/{}", id_of(path));
    let mut reviewer = site.as_reviewer();
    let mut form = reviewer.open(&here).pressing(act);
    form.set("reason", reason);
    reviewer.submit(&form).is(303);
}

on_each! {
    /// Every byte of a file is kept; of a pasted text all but what browsers add.
    fn a_script_becomes_a_draft(site: &Site) {
        let mut author = site.as_author();
        let crlf = "#!/bin/sh\r\n# caf\u{e9}\r\necho 1\n\n";
        let path = drafted(&mut author, crlf.as_bytes());
        assert_eq!(kept(site, &path), ("draft".to_owned(), crlf.to_owned()));
        let page = author.open(&path);
        page.reads("Only those who maintain the script see it.");
        // Saved as the page has it, line ends as a browser sends them: nothing changes.
        let mut form = page.form(&path);
        let shown = form.get("source").unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        form.set("source", &shown).set("changelog", "Nothing yet").set("act", "save");
        author.submit(&form).is(303);
        assert_eq!(kept(site, &path).1, crlf);
        form.set("source", "#!/bin/sh\r\necho 2\r\n");
        author.submit(&form).is(303);
        assert_eq!(kept(site, &path).1, "#!/bin/sh\necho 2\n");
        author.open(&path).has("Nothing yet</textarea>");
        // What was typed beside it: the licence in its own spelling.
        let license: String = site.value("SELECT license FROM scripts WHERE name = 'hello'", &[]);
        assert_eq!(license, "MIT OR Apache-2.0");
        // Nobody else sees it.
        for path in [path.as_str(), "/scripts/hello/", "/scripts/hello/edit/"] {
            site.sign_in("other").get(path).is(404);
            site.anyone().get(path).lacks("Say hello");
        }
        site.anyone().open("/search?q=hello").lacks("/scripts/hello/");
    }

    /// What is wrong stands beside its field, with all that was typed.
    fn wrong_forms_come_back(site: &Site) {
        let mut author = site.as_author();
        let mut form = filled(&mut author);
        form.set("name", "Hello!").set("license", "free").set("tags", "a, ?").set("source", "echo <b>\n");
        let page = author.submit(&form);
        page.refuses("name").refuses("license").refuses("tags");
        page.has("aria-invalid=\"true\"").has("aria-describedby=\"e-name h-name\"");
        let again = page.form("/submit");
        assert_eq!(again.get("name"), Some("Hello!"));
        assert_eq!(again.get("category"), Some("misc"));
        assert_eq!(again.get("source").map(str::trim_end), Some("echo <b>"));
        for (bytes, field) in [
            (&b""[..], "source"),
            (b"a\0b", "source"),
            (b"\xff\xfe", "source"),
            (&[b'a'; 262_145], "source"),
        ] {
            let mut form = filled(&mut author);
            form.file("file", "x.sh", bytes);
            author.submit(&form).refuses(field);
        }
        // A file that a text field would change has to be chosen again.
        let mut form = filled(&mut author);
        form.set("title", "").file("file", "x.sh", b"echo 1\r\n");
        author.submit(&form).refuses("title").refuses("file");
        assert_eq!(site.count("scripts WHERE name = 'hello'"), 0);
        // A name is taken for good.
        site.publish("hello", TEXT);
        let mut form = filled(&mut author);
        form.set("source", TEXT);
        author.submit(&form).refuses("name");
    }

    /// The head of a script fills what is empty, and nothing else.
    fn the_head_fills_the_form(site: &Site) {
        let mut author = site.as_author();
        let mut form = author.form("/submit", "/submit");
        let head = "#!/usr/bin/env python3\n# Name: Sort Mail\n# Description: Sorts mail into folders.\n\
                    # License: GPL-3.0-or-later\n# Tags: mail, sort\n# Depends: procmail\nprint(1)\n";
        form.set("title", "My own title").set("act", "read").file("file", "sm.py", head.as_bytes());
        let page = author.submit(&form);
        let form = page.is(200).form("/submit");
        for (field, value) in [
            ("name", "sort-mail"),
            ("title", "My own title"),
            ("summary", "Sorts mail into folders."),
            ("license", "GPL-3.0-or-later"),
            ("language", "python"),
            ("tags", "mail, sort"),
            ("needs", "needs procmail"),
        ] {
            assert_eq!(form.get(field).map(str::trim), Some(value), "{field}");
        }
        assert_eq!(form.get("source"), Some(head));
        assert_eq!(site.count("scripts WHERE name = 'sort-mail'"), 0);
    }

    /// Draft, checked, sent in, taken back, thrown away: each only from where it may begin.
    fn a_draft_goes_its_way(site: &Site) {
        let mut author = site.as_author();
        let path = drafted(&mut author, b"#!/bin/sh\npassword=hunter2hunter2\nif true; then\n");
        author.open(&path).has("#L2").reads("secret");
        // The programs run when asked for.
        press(&mut author, &path, "check").is(303);
        let ran = site.count("findings WHERE checker IN ('sh', 'shellcheck')");
        assert!(ran >= 1, "neither found, nor told why not");
        press(&mut author, &path, "submit").is(303);
        assert_eq!(kept(site, &path).0, "pending");
        let page = author.open(&path);
        page.reads("waits for a reviewer").lacks("name=\"source\"").lacks("value=\"drop\"");
        // Frozen.
        for act in ["save", "check", "submit", "drop", "again", "appeal"] {
            author.post(&path, &[("act", act), ("source", "echo 2"), ("appeal", "please")]).is(409);
        }
        assert!(kept(site, &path).1.contains("hunter2"));
        press(&mut author, &path, "take-back").is(303);
        assert_eq!(kept(site, &path).0, "draft");
        author.post(&path, &[("act", "take-back")]).is(409);
        author.post(&path, &[("act", "publish")]).is(422);
        // The last draft of a script that never was published takes it along.
        let gone = author.post(&path, &[("act", "drop")]);
        assert_eq!(gone.is(303).location(), "/account/");
        assert_eq!(site.count("scripts WHERE name = 'hello'"), 0);
        author.get(&path).is(404);
    }

    /// Whatever is posted to a published version changes nothing.
    fn published_versions_never_change(site: &Site) {
        let mut author = site.as_author();
        let path = drafted(&mut author, TEXT.as_bytes());
        press(&mut author, &path, "submit").is(303);
        decide(site, &path, "approve", "");
        let before = site.anyone().get("/s/hello/1");
        before.is(200).says("etag", &format!("\"sha256-{}\"", sha256(TEXT.as_bytes())));
        for act in ["save", "check", "submit", "drop", "take-back", "again", "appeal"] {
            let fields = [("act", act), ("source", "echo 2\n"), ("changelog", "x"), ("appeal", "x")];
            author.post(&path, &fields).is(409);
        }
        assert_eq!(site.anyone().get("/s/hello/1").body, TEXT);
        assert_eq!(kept(site, &path), ("published".to_owned(), TEXT.to_owned()));
        // Its page is another one.
        assert_eq!(author.get(&path).is(303).location(), "/scripts/hello/1");
    }

    /// A new version is compared with the latest, and gets the next number.
    fn a_new_version(site: &Site) {
        site.publish("hello", TEXT);
        let mut author = site.as_author();
        let mut form = author.form("/scripts/hello/edit/version", "/scripts/hello/edit/version");
        form.set("source", "#!/bin/sh\n# Says hello.\necho 'hello, you'\n")
            .set("changelog", "Nicer\u{202e}")
            .set("urgent", "on");
        author.submit(&form).refuses("changelog");
        form.set("changelog", "Nicer");
        let page = author.submit(&form);
        let path = page.is(303).location().to_owned();
        let page = author.open(&path);
        page.reads("Changes since the latest version").has("class=\"diff-box\"").has("hello, you");
        assert!(page.form(&path).get("urgent").is_some());
        press(&mut author, &path, "submit").is(303);
        assert_eq!(site.anyone().get("/s/hello").body, TEXT);
        decide(site, &path, "approve", "");
        assert_eq!(site.anyone().get("/s/hello/2").body, "#!/bin/sh\n# Says hello.\necho 'hello, you'\n");
        author.open("/account/").reads("reviewer published a version of hello");
    }

    /// A refusal has its reason; one can try again, and appeal once, to somebody else.
    fn refusals(site: &Site) {
        let mut author = site.as_author();
        let path = drafted(&mut author, TEXT.as_bytes());
        press(&mut author, &path, "submit").is(303);
        decide(site, &path, "refuse", "It says <too> little");
        author.open("/account/").reads("reviewer refused a version of hello").reads("It says <too> little");
        author.open(&path).reads("reviewer refused it: It says <too> little");
        author.post(&path, &[("act", "appeal"), ("appeal", " ")]).refuses("appeal");
        author.post(&path, &[("act", "appeal"), ("appeal", "It says enough")]).is(303);
        author.open(&path).reads("Your appeal waits for another reviewer.").lacks("value=\"appeal\"");
        author.post(&path, &[("act", "appeal"), ("appeal", "Really")]).is(409);
        let again = author.post(&path, &[("act", "again")]);
        let new = again.is(303).location().to_owned();
        assert_eq!(kept(site, &new), ("draft".to_owned(), TEXT.to_owned()));
        assert_eq!(kept(site, &path).0, "refused");
        // Somebody else grants it.
        let appeal: i64 = site.value("SELECT id FROM appeals", &[]);
        let here = format!("/review/appeals/{appeal}");
        site.sign_in("reviewer2").post(&here, &[("act", "grant"), ("verdict", "grant"), ("answer", "So it does")]).is(303);
        assert_eq!(kept(site, &path).0, "published");
        author.open("/account/").reads("Your appeal about hello was granted");
        // Seen is seen.
        author.post("/account/", &[("act", "seen")]).is(303);
        author.open("/account/").lacks("was granted");
    }

    /// One version, or all; the reason is for everybody.
    fn authors_withdraw(site: &Site) {
        for number in 1..=3 {
            site.publish("hello", &format!("#!/bin/sh\necho {number}\n"));
        }
        let mut author = site.as_author();
        let here = "/scripts/hello/edit/";
        let page = author.post(here, &[("act", "withdraw"), ("number", "3"), ("reason", "")]);
        page.refuses("reason");
        author.post(here, &[("act", "withdraw"), ("number", "3"), ("reason", "Prints 3 & more")]).is(303);
        assert_eq!(site.anyone().get("/s/hello").body, "#!/bin/sh\necho 2\n");
        site.anyone().get("/s/hello/3").is(410).has("Prints 3 & more");
        author.post(here, &[("act", "withdraw"), ("number", "3"), ("reason", "Again")]).is(409);
        author.post(here, &[("act", "withdraw"), ("number", "9"), ("reason", "None")]).is(404);
        author.post(here, &[("act", "withdraw"), ("number", ""), ("reason", "All wrong")]).is(303);
        for path in ["/s/hello", "/s/hello/1", "/s/hello/2"] {
            site.anyone().get(path).is(410).has("All wrong");
        }
        site.anyone().open("/scripts/hello/").reads("All wrong");
        site.anyone().open("/search?q=hello").lacks("/scripts/hello/");
        author.post(here, &[("act", "withdraw"), ("number", ""), ("reason", "Twice")]).is(409);
    }

    /// What takes its place, and until when it is good.
    fn a_script_has_its_place(site: &Site) {
        site.publish("hello", TEXT);
        site.publish("hello2", "#!/bin/sh\necho 2\n");
        let mut author = site.as_author();
        let here = "/scripts/hello/edit/";
        for (name, day, field) in [
            ("hello", "", "replaced_by"),
            ("nothing", "", "replaced_by"),
            ("hello2", "2026-02-30", "expires"),
        ] {
            let page = author.post(here, &[("act", "place"), ("replaced_by", name), ("expires", day)]);
            page.refuses(field).has(&format!("value=\"{name}\""));
        }
        author.post(here, &[("act", "place"), ("replaced_by", "hello2"), ("expires", "2020-01-31")]).is(303);
        site.anyone().open("/scripts/hello/").has("href=\"/scripts/hello2/\"");
        let form = author.open(here);
        form.has("value=\"hello2\"").has("value=\"2020-01-31\"");
        author.post(here, &[("act", "place"), ("replaced_by", ""), ("expires", "")]).is(303);
        site.anyone().open("/scripts/hello/").lacks("href=\"/scripts/hello2/\"");
    }

    /// What is said about a script changes at once, is kept for reviewers, and never its name.
    fn descriptions_change_at_once(site: &Site) {
        site.publish("hello", TEXT);
        let mut author = site.as_author();
        let mut form = author.form("/scripts/hello/edit/", "/scripts/hello/edit/");
        form.set("act", "save").set("title", "Says <hello>").set("tags", "Greeting, shell").set("name", "other");
        form.set("homepage", "javascript:alert(1)");
        author.submit(&form).refuses("homepage");
        form.set("homepage", "https://hello.example/").set("needs", "optional figlet\nneeds coreutils >= 8");
        author.submit(&form).is(303);
        let page = site.anyone().open("/scripts/hello/");
        page.has("Says &lt;hello&gt;").has("https://hello.example/").reads("figlet");
        site.anyone().open("/browse/tag/greeting").has("/scripts/hello/");
        assert_eq!(site.count("edits WHERE seen_at IS NULL AND field IN ('title', 'tags', 'needs', 'homepage')"), 4);
        assert_eq!(site.count("edits"), 4);
        // Nobody looks after those who are known.
        site.establish("author");
        let mut form = author.form("/scripts/hello/edit/", "/scripts/hello/edit/");
        form.set("act", "save").set("title", "Says hello");
        author.submit(&form).is(303);
        assert_eq!(site.count("edits WHERE seen_at IS NULL"), 4);
        assert_eq!(site.count("edits"), 5);
    }

    /// What a co-maintainer writes into a draft is his, not that of who began it.
    fn a_text_is_of_who_wrote_it(site: &Site) {
        let mut author = site.as_author();
        let path = drafted(&mut author, b"#!/bin/sh\necho 1\n");
        let sql = "INSERT INTO maintainers (script_id, account_id, since, accepted_at) \
                   SELECT v.script_id, a.id, 1, 1 FROM versions v, accounts a WHERE v.id = ? AND a.alias = 'other'";
        site.execute(sql, &[id_of(&path).into()]);
        let whose = || -> String {
            let sql = "SELECT a.alias FROM versions v JOIN accounts a ON a.id = v.author_id WHERE v.id = ?";
            site.value(sql, &[id_of(&path).into()])
        };
        let mut other = site.sign_in("other");
        press(&mut other, &path, "save").is(303);
        assert_eq!(whose(), "author", "the same text");
        let mut form = other.form(&path, &path);
        form.set("act", "save").set("source", "#!/bin/sh\necho 2\n");
        other.submit(&form).is(303);
        assert_eq!(whose(), "other");
        press(&mut author, &path, "save").is(303);
        assert_eq!(whose(), "other");
    }

    /// Pages of those who maintain a script are for them alone.
    fn strangers_edit_nothing(site: &Site) {
        site.publish("hello", TEXT);
        site.publish("hello2", "#!/bin/sh\necho 2\n");
        let mut author = site.as_author();
        let path = drafted_version(&mut author, "hello", "#!/bin/sh\necho 3\n");
        let other = path.replace("/hello/", "/hello2/");
        author.get(&other).is(404);
        let mut stranger = site.sign_in("other");
        for page in ["", "version", "people", "sign"].map(|page| format!("/scripts/hello/edit/{page}")) {
            stranger.get(&page).is(403);
            stranger.post(&page, &[("act", "save")]).is(403);
            site.anyone().get(&page).is(401);
        }
        stranger.get(&path).is(403);
        stranger.post(&path, &[("act", "drop")]).is(403);
        assert_eq!(kept(site, &path).0, "draft");
    }

    /// New accounts send in little; the form says when to come back.
    fn submissions_of_new_accounts_are_limited(site: &Site) {
        site.set("limit.submissions-hour", "1");
        let mut author = site.as_author();
        let path = drafted(&mut author, TEXT.as_bytes());
        press(&mut author, &path, "submit").is(303);
        press(&mut author, &path, "take-back").is(303);
        let page = press(&mut author, &path, "submit");
        page.is(429).says("retry-after", "3600").reads("Too often: try again in 60 minutes");
        assert_eq!(kept(site, &path).0, "draft");
        site.establish("author");
        press(&mut author, &path, "submit").is(303);
    }

    /// Drafts have an end, too.
    fn drafts_are_counted(site: &Site) {
        site.publish("hello", TEXT);
        let mut author = site.as_author();
        for number in 1..=20 {
            drafted_version(&mut author, "hello", &format!("#!/bin/sh\necho {number}\n"));
        }
        let mut form = author.form("/scripts/hello/edit/version", "/scripts/hello/edit/version");
        form.set("source", "#!/bin/sh\necho 21\n");
        author.submit(&form).refuses("source").reads("You have 20 drafts");
    }
}

/// A draft of a new version; its path.
fn drafted_version(author: &mut Client, name: &str, text: &str) -> String {
    let here = format!("/scripts/{name}/edit/version");
    let mut form = author.form(&here, &here);
    form.set("source", text);
    let page = author.submit(&form);
    page.is(303);
    page.location().to_owned()
}
