//! The page of a script, of one of its versions, their differences, its comments.

use crate::common::*;

const FIRST: &str = "#!/bin/sh\n# One.\ngreet() {\n  echo '<b>hello</b>'\n}\ngreet\n";
const SECOND: &str = "#!/bin/sh\n# Two.\ngreet() {\n  echo 'good day'\n}\ngreet\n";

/// The script `whole`, with two versions and all that a page can show.
fn whole(site: &Site) {
    let script = Script::new("whole", FIRST)
        .title("Says hello")
        .readme("Says *hello*. ![pixel](https://a.example/p.png)\n\n# Usage\n\n<script>alert(1)</script>")
        .license("MIT OR (Apache-2.0 WITH LLVM-exception)")
        .tags(&["greeting"]);
    script.publish(site);
    Script::new("whole", SECOND).publish(site);
    Script::new("helper", "echo\n").publish(site);
    let id = id(site);
    for (kind, what, target) in [
        ("needs", "helper", Some("helper")),
        ("optional", "figlet", None),
    ] {
        let sql = "INSERT INTO dependencies (script_id, kind, what, versions, target_id) \
                   VALUES (?, ?, ?, '>= 2', (SELECT id FROM scripts WHERE name = ?))";
        site.execute(sql, &[id.into(), kind.into(), what.into(), target.into()]);
    }
    site.execute(
        "INSERT INTO applies_to (script_id, what) VALUES (?, 'Debian')",
        &[id.into()],
    );
    let sql = "UPDATE versions SET label = 'two', changelog = 'Is *polite*', signature = 'untrusted comment', \
               signing_key = 'RWQkey' WHERE script_id = ? AND number = 2";
    site.execute(sql, &[id.into()]);
    let sql = "UPDATE scripts SET homepage = 'https://a.example/whole', rating_n = 2, rating_sum = 9, \
               rating_score = 3429, stamp = stamp + 1 WHERE id = ?";
    site.execute(sql, &[id.into()]);
}

fn id(site: &Site) -> i64 {
    site.value("SELECT id FROM scripts WHERE name = 'whole'", &[])
}

/// As whatever changes what a page of it shows does.
fn touch(site: &Site) {
    site.execute(
        "UPDATE scripts SET stamp = stamp + 1 WHERE name = 'whole'",
        &[],
    );
}

on_each! {
    fn a_page_has_all_that_is_known(site: &Site) {
        whole(site);
        let page = site.anyone().open("/scripts/whole/");
        page.reads("Says hello").has("<em>hello</em>").lacks("<script>alert").lacks("<img src=\"https://a.");
        page.has("https://spdx.org/licenses/MIT.html").has("https://spdx.org/licenses/LLVM-exception.html");
        page.has("/scripts/helper/").reads("figlet >= 2 (optional)").reads("Debian").has("https://a.example/whole");
        page.has("/browse/tag/greeting").has("/browse/language/sh").has("/authors/author");
        page.has(&sha256(SECOND.as_bytes())).reads("6 lines").reads("3.4 of 5 stars (2)");
        page.reads("New in version 2").has("<em>polite</em>").has("/scripts/whole/1\"");
        page.has("/scripts/whole/diff?from=1&amp;to=2").has("/scripts/whole/flag");
        // Lines can be linked to, and the outline does.
        page.has("id=\"L4\"").has("href=\"#L3\"").lacks("&lt;b&gt;hello");
        page.has("rel=\"canonical\"").has("/feeds/script/whole.atom");
        // Texts of visitors are at no place HTML.
        site.anyone().open("/scripts/whole/1").has("&lt;b&gt;hello&lt;").lacks("<b>hello");
    }

    fn it_is_checked_before_it_is_run(site: &Site) {
        whole(site);
        let page = site.anyone().open("/scripts/whole/");
        let key = "minisign -Vm whole -P RWQkey";
        page.has_in_order(&["/s/whole/2</code>", "/s/whole/2.sha256 | sha256sum -c", key, "less whole", "chmod +x whole"]);
        for path in ["/scripts/whole/", "/scripts/with-lock/", "/help"] {
            let page = site.anyone().open(path);
            let pieces: Vec<&str> = page.0.body.split("<pre class=\"get\"").skip(1).collect();
            assert!(!pieces.is_empty());
            for piece in pieces {
                let line = words(piece.split("</pre>").next().unwrap().split_once('>').unwrap().1);
                assert!(!["| sh ", "| bash", "|sh", "|bash"].iter().any(|pipe| format!("{line} ").contains(pipe)), "{line}");
            }
        }
        // Not signed: no line that would fail.
        site.anyone().open("/scripts/whole/1").lacks("minisign -Vm");
    }

    fn signatures_are_told_with_their_history(site: &Site) {
        whole(site);
        site.anyone().open("/scripts/whole/").reads("signed with this key since version 2").has("RWQkey");
        Script::new("whole", "echo 3\n").publish(site);
        site.anyone().open("/scripts/whole/").reads("a version before this one was signed with the key RWQkey");
        site.execute("UPDATE versions SET signing_key = 'RWQother' WHERE number = 3 AND script_id = ?", &[id(site).into()]);
        touch(site);
        let page = site.anyone().open("/scripts/whole/");
        page.reads("signed with another key, RWQkey").reads("since version 3");
    }

    fn each_version_has_a_page(site: &Site) {
        whole(site);
        let old = site.anyone().open("/scripts/whole/1");
        old.reads("This is version 1. There is a later one: version 2").has(&sha256(FIRST.as_bytes()));
        old.has("/scripts/whole/1\">\n<meta").has("/s/whole/1</code>");
        site.anyone().open("/scripts/whole/2").lacks("There is a later one");
        for path in ["/scripts/whole/3", "/scripts/whole/0", "/scripts/whole/01", "/scripts/whole/99999999999999999999"] {
            site.anyone().get(path).is(404);
        }
        let all = site.anyone().open("/scripts/whole/versions");
        all.has_in_order(&["id=\"v2\"", "<em>polite</em>", "id=\"v1\"", &sha256(FIRST.as_bytes())]);
    }

    fn two_versions_are_compared(site: &Site) {
        whole(site);
        let mut anyone = site.anyone();
        let page = anyone.open("/scripts/whole/diff");
        page.has("<pre class=\"diff\">").has("diff-del\">-# One.").has("diff-add\">+# Two.").reads("version 1 to version 2");
        let split = anyone.open("/scripts/whole/diff?from=1&to=2&view=split");
        split.has("<table class=\"diff\">").has("tabindex=\"0\" role=\"region\"").has("&lt;b&gt;hello");
        anyone.open("/scripts/whole/diff?from=2&to=1").has("diff-add\">+# One.");
        anyone.open("/scripts/whole/diff?from=1&to=1").reads("The two texts are the same");
        anyone.get("/scripts/whole/diff?from=1&to=7").is(404);
        anyone.get("/scripts/whole/diff?from=x").is(404);
        let form = page.form("/scripts/whole/diff");
        assert_eq!((form.get("from"), form.get("to"), form.get("view")), (Some("1"), Some("2"), Some("unified")));
    }

    fn what_was_taken_back_or_down_says_why(site: &Site) {
        whole(site);
        let sql = "UPDATE versions SET status = ?, reason = 'eats files' WHERE number = 1 AND script_id = ?";
        site.execute(sql, &["withdrawn".into(), id(site).into()]);
        touch(site);
        let page = site.anyone().open("/scripts/whole/1");
        page.reads("took this version back").reads("eats files").has("# One.").lacks("curl -fsSL");
        site.execute(sql, &["removed".into(), id(site).into()]);
        touch(site);
        let page = site.anyone().open("/scripts/whole/1");
        page.reads("was taken down").reads("eats files").lacks("# One.").lacks("curl -fsSL");
        site.anyone().open("/scripts/whole/diff?from=1&to=2").reads("version 1 was taken down").lacks("# One.");
        site.anyone().open("/scripts/whole/versions").reads("eats files").lacks(&sha256(FIRST.as_bytes()));
    }

    fn what_is_not_published_is_for_those_who_work_on_it(site: &Site) {
        site.publish("secret", "echo hidden words\n");
        let sql = "UPDATE scripts SET status = 'fresh', latest_id = NULL, stamp = stamp + 1 WHERE name = 'secret'";
        site.execute(sql, &[]);
        site.execute("UPDATE versions SET status = 'draft', number = NULL WHERE file_name = 'secret'", &[]);
        for path in ["", "versions", "diff", "comments"] {
            let path = format!("/scripts/secret/{path}");
            site.anyone().get(&path).is(404);
            site.sign_in("other").get(&path).is(404);
        }
        site.as_author().open("/scripts/secret/").reads("Nothing of this script is published yet").lacks("hidden words");
        site.as_reviewer().open("/scripts/secret/");
        // What they saw is nobody else's.
        site.anyone().get("/scripts/secret/").is(404);
    }

    fn comments_are_read_by_all(site: &Site) {
        whole(site);
        let say = "INSERT INTO comments (script_id, account_id, author_name, subject, body, status, created_at) \
                   VALUES (?, ?, 'x', ?, ?, ?, ?)";
        for n in 0..32 {
            let status = if n == 1 { "held" } else { "shown" };
            let body = format!("comment-{n:02} *is* <i>here</i>");
            let values = [
                id(site).into(), site.id_of("reader").into(), "About it".into(), body.into(), status.into(),
                (1_700_000_000 + n).into(),
            ];
            site.execute(say, &values);
        }
        site.execute("UPDATE scripts SET comment_n = 31 WHERE name = 'whole'", &[]);
        touch(site);
        for path in ["/scripts/whole/", "/scripts/whole/comments"] {
            let page = site.anyone().open(path);
            page.has_in_order(&["comment-00 <em>is</em>", "comment-02", "comment-30"]);
            page.lacks("comment-01").lacks("<i>here").lacks("comment-31").has("/authors/reader");
        }
        let first = site.anyone().open("/scripts/whole/comments");
        assert!(first.links().contains(&"/scripts/whole/comments?page=2".to_owned()));
        site.anyone().open("/scripts/whole/comments?page=2").has("comment-31").lacks("comment-30");
    }

    fn forms_are_for_members(site: &Site) {
        whole(site);
        let guest = site.anyone().open("/scripts/whole/");
        guest.lacks("/scripts/whole/rate").has("/sign-in?next=/scripts/whole/").lacks("csrf_token");
        let reader = site.sign_in("reader").open("/scripts/whole/");
        assert_eq!(reader.form("/scripts/whole/comments").get("number"), Some("2"));
        reader.form("/scripts/whole/comments").get("captcha_seal").expect("a question for a new member");
        assert!(reader.form("/scripts/whole/rate").get("stars").is_some());
        reader.lacks("/scripts/whole/edit/");
        // Nobody rates what is his own.
        let author = site.as_author().open("/scripts/whole/");
        author.has("/scripts/whole/edit/").lacks("\"/scripts/whole/rate\"");
    }

    fn downloads_are_shown_by_day(site: &Site) {
        whole(site);
        let today = now() / 86_400;
        for (day, n) in [(today, 3), (today - 29, 8), (today - 30, 100)] {
            let sql = "INSERT INTO downloads (version_id, script_id, day, n) \
                       SELECT latest_id, id, ?, ? FROM scripts WHERE name = 'whole'";
            site.execute(sql, &[day.into(), n.into()]);
        }
        site.execute("UPDATE scripts SET downloads = 111 WHERE name = 'whole'", &[]);
        let page = site.anyone().open("/scripts/whole/");
        page.reads("111 downloads in all 11 in the last 30 days");
        page.has("max=\"8\" value=\"3\"").has("max=\"8\" value=\"8\"").lacks("value=\"100\"");
        assert_eq!(page.0.body.matches("<meter ").count(), 30);
    }

    fn controls_in_code_are_visible(site: &Site) {
        site.publish("turned", "echo a\u{202e}b\n");
        site.anyone().open("/scripts/turned/").has("U+202E").lacks("\u{202e}");
        site.publish("turned", "echo c\u{202e}d\n");
        site.anyone().open("/scripts/turned/diff").has("U+202E").lacks("\u{202e}");
    }

    fn a_page_for_nobody_in_particular_is_kept_by_its_tag(site: &Site) {
        whole(site);
        let page = site.anyone().open("/scripts/whole/");
        let tag = page.0.header("etag").expect("a tag").to_owned();
        let mut again = site.anyone().with("If-None-Match", &tag);
        again.get("/scripts/whole/").is(304);
        site.execute("UPDATE scripts SET summary = 'Another one' WHERE name = 'whole'", &[]);
        touch(site);
        again.get("/scripts/whole/").is(200).reads("Another one");
        site.sign_in("reader").open("/scripts/whole/").says("cache-control", "private, no-store");
    }
}
