//! Reviewers: the queue, decisions, appeals, flags, comments and edits that wait, and what the log says of it.

use crate::common::*;

const LOCK: &str = "#!/bin/sh\nexec flock /tmp/a.lock \"$@\"\n";

/// Puts a text into the queue, as a version of a script of `by` that is made if there is none; the key of the version.
fn pending(site: &Site, name: &str, text: &str, by: &str, language: &str) -> i64 {
    let script = Script::new(name, text).owner(by).language(language);
    let number = script.publish(site);
    let id: i64 = site.value(
        "SELECT v.id FROM versions v JOIN scripts s ON s.id = v.script_id WHERE s.name = ? AND v.number = ?",
        &[name.into(), number.into()],
    );
    let sql =
        "UPDATE versions SET status = 'pending', number = NULL, decided_at = NULL WHERE id = ?";
    site.execute(sql, &[id.into()]);
    let sql = "UPDATE scripts SET latest_id = (SELECT MAX(v.id) FROM versions v \
               WHERE v.script_id = scripts.id AND v.status = 'published') WHERE name = ?";
    site.execute(sql, &[name.into()]);
    let sql = "UPDATE scripts SET status = 'fresh' WHERE name = ? AND latest_id IS NULL";
    if site.execute(sql, &[name.into()]) == 1 {
        let sql = "DELETE FROM search_texts WHERE name = ?";
        site.execute(sql, &[name.into()]);
    }
    id
}

fn status(site: &Site, version: i64) -> String {
    site.value(
        "SELECT status FROM versions WHERE id = ?",
        &[version.into()],
    )
}

/// The last line of the log: who, what, subject, reason, note.
fn logged(site: &Site) -> [String; 5] {
    let last = |column: &str| {
        site.value(
            &format!("SELECT {column} FROM moderation_log ORDER BY id DESC LIMIT 1"),
            &[],
        )
    };
    ["actor_name", "action", "subject", "reason", "note"].map(last)
}

/// Decides about a version, as its page is by then.
#[track_caller]
fn decided(reviewer: &mut Client, version: i64, fields: &[(&str, &str)]) -> Page {
    let page = reviewer.open(&format!("/review/{version}"));
    let mut form = page.pressing(fields[0].1);
    for (field, value) in fields {
        form.set(field, value);
    }
    reviewer.submit(&form)
}

/// Makes `reviewer` the only one who could decide.
fn alone(site: &Site) {
    let sql = "UPDATE accounts SET roles = roles - 1 WHERE roles % 2 = 1 AND alias <> 'reviewer'";
    assert!(site.execute(sql, &[]) >= 1);
}

on_each! {
    /// Urgent ones first, then the oldest; the part that is fetched again has the list alone.
    fn the_queue_is_in_order(site: &Site) {
        for (name, at, urgent) in [("later", 3_000, false), ("sooner", 1_000, false), ("leak", 5_000, true)] {
            let id = pending(site, name, &format!("#!/bin/sh\necho {name}\n"), "author", "sh");
            let sql = "UPDATE versions SET submitted_at = ?, urgent = ? WHERE id = ?";
            site.execute(sql, &[at.into(), urgent.into(), id.into()]);
        }
        let mut reviewer = site.as_reviewer();
        let page = reviewer.open("/review/");
        page.has_in_order(&["<h1>", ">leak<", "Urgent", ">sooner<", ">later<"]);
        page.has("data-reload=\"/review/?part=1\"");
        let part = reviewer.open("/review/?part=1");
        part.has_in_order(&[">leak<", ">sooner<", ">later<"]).lacks("<h1>");
        // What waits is counted in the navigation, for reviewers alone.
        reviewer.open("/").has("<span class=\"count\">3</span>");
        site.as_author().open("/").lacks("class=\"count\"");
    }

    /// Approving publishes: number, search, raw text, log; refusing needs a reason, and keeps it.
    fn reviewers_decide(site: &Site) {
        let first = pending(site, "lock", LOCK, "author", "sh");
        let mut reviewer = site.as_reviewer();
        let page = reviewer.open(&format!("/review/{first}"));
        page.reads("New script").has("flock").lacks("class=\"diff-box\"");
        let mut form = page.pressing("refuse");
        form.set("reason", " ");
        reviewer.submit(&form).refuses("reason");
        assert_eq!(status(site, first), "pending");
        form.set("act", "approve").set("reason", "Short and plain");
        let done = reviewer.submit(&form);
        reviewer.follow(&done).reads("Approved: it is published");
        assert_eq!(status(site, first), "published");
        assert_eq!(logged(site), ["reviewer", "approve", "lock", "Short and plain", ""]);
        let number: i64 = site.value("SELECT number FROM versions WHERE id = ?", &[first.into()]);
        assert_eq!(number, 1);
        assert_eq!(site.count("search_texts WHERE name = 'lock'"), 1);

        let second = pending(site, "lock", &LOCK.replace("/tmp/", "/run/lock/"), "author", "sh");
        let page = reviewer.open(&format!("/review/{second}"));
        page.reads("Changes since version 1").has("class=\"diff-box\"");
        for view in ["", "?view=split"] {
            let page = reviewer.open(&format!("/review/{second}{view}"));
            let (_, diff) = page.body.split_once("class=\"diff-box\"").unwrap();
            let diff = words(diff.split_once("</div>").unwrap().0);
            assert!(diff.contains("/tmp/a.lock") && diff.contains("/run/lock/a.lock"), "{diff}");
        }
        let reason = "<b>Not</b> everybody may write there";
        let fields = [("act", "refuse"), ("reason", reason)];
        decided(&mut reviewer, second, &fields).is(303);
        assert_eq!(status(site, second), "refused");
        assert_eq!(logged(site), ["reviewer", "refuse", "lock", reason, ""]);
        let page = reviewer.open(&format!("/review/{second}"));
        page.has("&lt;b&gt;Not").lacks("<b>Not").lacks("value=\"approve\"");
        assert_eq!(site.count("versions v JOIN scripts s ON s.id = v.script_id WHERE s.name = 'lock' \
                               AND v.status = 'published'"), 1);
    }

    /// Of two reviewers the slower one reads who was faster, and nothing is done twice.
    fn the_second_decision_is_a_conflict(site: &Site) {
        let id = pending(site, "lock", LOCK, "author", "sh");
        let path = format!("/review/{id}");
        let (mut one, mut two) = (site.as_reviewer(), site.sign_in("reviewer2"));
        let (first, mut second) = (one.open(&path).pressing("approve"), two.open(&path).pressing("refuse"));
        one.submit(&first).is(303);
        let page = two.submit(second.set("reason", "no"));
        page.is(409).reads("reviewer decided this already");
        assert_eq!(status(site, id), "published");
        assert_eq!(site.count("moderation_log WHERE subject = 'lock'"), 1);
        // So it is if the author took it back meanwhile; drafts are shown to no reviewer.
        let id = pending(site, "other", LOCK, "author", "sh");
        let path = format!("/review/{id}");
        let form = one.open(&path).pressing("approve");
        site.execute("UPDATE versions SET status = 'draft' WHERE id = ?", &[id.into()]);
        one.submit(&form).is(409);
        one.get(&path).is(404);
        assert_eq!(status(site, id), "draft");
    }

    /// What is approved is what was read: who takes it back and sends in another text meanwhile is read again.
    fn another_text_is_read_again(site: &Site) {
        let id = pending(site, "lock", LOCK, "author", "sh");
        let path = format!("/review/{id}");
        let mut reviewer = site.as_reviewer();
        let form = reviewer.open(&path).pressing("approve");
        let (mut author, draft) = (site.as_author(), format!("/scripts/lock/edit/draft/{id}"));
        author.post(&draft, &[("act", "take-back")]).is(303);
        let other = "#!/bin/sh\nrm -rf ~\n";
        let fields = [("act", "submit"), ("source", other), ("changelog", ""), ("label", ""), ("file_name", "lock")];
        author.post(&draft, &fields).is(303);
        assert_eq!(status(site, id), "pending");
        reviewer.submit(&form).is(409).has("rm -rf");
        let token = site.token("reviewer", "review");
        let seen = form.get("seen").unwrap().to_owned();
        let decision = serde_json::json!({ "decision": "approve", "seen": seen });
        site.anyone().api("POST", &format!("/api/v1{path}"), &token, &decision).is(409);
        assert_eq!(status(site, id), "pending");
        decided(&mut reviewer, id, &[("act", "refuse"), ("reason", "It deletes your home")]).is(303);
        assert_eq!(status(site, id), "refused");
    }

    /// What was taken down stays so, whatever still waits; what waits can be refused.
    fn what_was_taken_down_does_not_come_back(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho 1\n");
        let waits = pending(site, "tidy", "#!/bin/sh\necho 2\n", "author", "sh");
        let refused = pending(site, "tidy", "#!/bin/sh\necho 3\n", "author", "sh");
        let mut reviewer = site.as_reviewer();
        decided(&mut reviewer, refused, &[("act", "refuse"), ("reason", "No")]).is(303);
        let sql = "INSERT INTO appeals (version_id, account_id, text, created_at) \
                   SELECT id, author_id, 'But', 1 FROM versions WHERE id = ?";
        site.execute(sql, &[refused.into()]);
        let appeal: i64 = site.value("SELECT MAX(id) FROM appeals", &[]);
        let first: i64 = site.value("SELECT latest_id FROM scripts WHERE name = 'tidy'", &[]);
        reviewer.post(&format!("/review/{first}"), &[("act", "remove-all"), ("reason", "Bad")]).is(303);
        decided(&mut reviewer, waits, &[("act", "approve")]).is(409).reads("This script was taken down");
        let fields = [("verdict", "grant"), ("answer", "Right")];
        site.sign_in("reviewer2").post(&format!("/review/appeals/{appeal}"), &fields).is(409);
        assert_eq!((status(site, waits), status(site, refused)), ("pending".to_owned(), "refused".to_owned()));
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND status = 'removed'"), 1);
        site.anyone().get("/s/tidy").is(410);
        decided(&mut reviewer, waits, &[("act", "refuse"), ("reason", "Gone")]).is(303);
        assert_eq!(status(site, waits), "refused");
    }

    /// Two at the same moment: one publishes, one is told.
    fn two_at_once_publish_once(site: &Site) {
        let id = pending(site, "lock", LOCK, "author", "sh");
        let path = format!("/review/{id}");
        let both = ["reviewer", "reviewer2"].map(|alias| {
            let mut client = site.sign_in(alias);
            let form = client.open(&path).pressing("approve");
            (client, form)
        });
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let both = both.map(|(mut client, form)| scope.spawn(move || client.submit(&form).status));
            both.map(|one| one.join().unwrap()).to_vec()
        });
        let mut answers = answers;
        answers.sort_unstable();
        assert_eq!(answers, [303, 409]);
        assert_eq!(site.count("moderation_log WHERE action = 'approve'"), 1);
    }

    /// Nobody decides about his own, unless he is the only reviewer; then the public log says so.
    fn own_scripts_are_for_others(site: &Site) {
        let id = pending(site, "mine", LOCK, "reviewer", "sh");
        let path = format!("/review/{id}");
        let mut reviewer = site.as_reviewer();
        reviewer.open(&path).reads("another reviewer decides").lacks("value=\"approve\"");
        reviewer.post(&path, &[("act", "approve")]).is(403);
        assert_eq!(status(site, id), "pending");
        // Nor about what he maintains with others.
        let theirs = pending(site, "theirs", LOCK, "author", "sh");
        let sql = "INSERT INTO maintainers (script_id, account_id, since, accepted_at) \
                   SELECT s.id, a.id, 1, 1 FROM scripts s, accounts a WHERE s.name = 'theirs' AND a.alias = 'reviewer'";
        site.execute(sql, &[]);
        reviewer.post(&format!("/review/{theirs}"), &[("act", "approve")]).is(403);
        alone(site);
        let page = reviewer.open(&path);
        page.reads("There is no other reviewer");
        decided(&mut reviewer, id, &[("act", "approve"), ("reason", "Fine")]).is(303);
        assert_eq!(status(site, id), "published");
        let reason = "Fine (decided by the only reviewer, who is concerned himself)";
        assert_eq!(logged(site), ["reviewer", "approve", "mine", reason, ""]);
    }

    /// What checks find and what the log says of itself are in the language of who reads it.
    fn findings_and_the_log_are_in_french(site: &Site) {
        let id = pending(site, "mine", LOCK, "reviewer", "sh");
        let path = format!("/review/{id}");
        let mut reviewer = site.as_reviewer();
        reviewer.post(&path, &[("act", "check")]).is(303);
        reviewer.open(&path).reads("no comment at the top").reads("no line \"SPDX-License-Identifier: MIT\"");
        let mut french = site.as_reviewer().with("Accept-Language", "fr");
        let page = french.open(&path);
        page.reads("aucun commentaire au début").reads("pas de ligne").lacks("no comment at the top");
        let token = site.token("reviewer", "review");
        let seen = site.anyone().api("GET", &format!("/api/v1{path}"), &token, &serde_json::Value::Null);
        seen.is(200).has("no comment at the top");
        alone(site);
        decided(&mut reviewer, id, &[("act", "approve"), ("reason", "Fine")]).is(303);
        french.open("/log").reads("Fine (décidé par l’unique relecteur, qui est lui-même concerné)");
        site.anyone().open("/log").reads("Fine (decided by the only reviewer, who is concerned himself)");
    }

    /// An appeal is decided by somebody else than who refused; granted, the version is published.
    fn appeals_go_to_another_reviewer(site: &Site) {
        let appeal = |name: &str| -> (i64, i64) {
            let id = pending(site, name, &LOCK.replace("a.lock", name), "author", "sh");
            let fields = [("act", "refuse"), ("reason", "Too short")];
            decided(&mut site.as_reviewer(), id, &fields).is(303);
            let sql = "INSERT INTO appeals (version_id, account_id, text, created_at) \
                       SELECT id, author_id, 'It is short on purpose', 1 FROM versions WHERE id = ?";
            site.execute(sql, &[id.into()]);
            (id, site.value("SELECT id FROM appeals WHERE version_id = ?", &[id.into()]))
        };
        let (version, open) = appeal("short");
        let path = format!("/review/appeals/{open}");
        let (mut one, mut two) = (site.as_reviewer(), site.sign_in("reviewer2"));
        one.open("/review/").has(&format!("href=\"{path}\""));
        one.open(&path).reads("It is short on purpose").reads("another reviewer").lacks("value=\"grant\"");
        let fields = [("verdict", "grant"), ("answer", "Right")];
        one.post(&path, &fields).is(403);
        assert_eq!(status(site, version), "refused");
        two.open(&path).reads("Too short");
        two.post(&path, &[("verdict", "grant"), ("answer", "")]).refuses("answer");
        two.post(&path, &[("answer", "Right")]).refuses("verdict");
        two.post(&path, &fields).is(303);
        assert_eq!(status(site, version), "published");
        assert_eq!(logged(site), ["reviewer2", "grant", "short", "Right", ""]);
        two.post(&path, &fields).is(409);
        two.open(&path).reads("Granted").lacks("value=\"grant\"");

        let (version, open) = appeal("shorter");
        let path = format!("/review/appeals/{open}");
        two.post(&path, &[("verdict", "reject"), ("answer", "No")]).is(303);
        assert_eq!(status(site, version), "refused");
        assert_eq!(logged(site)[1], "reject");

        // Who is the only one may look at it again.
        let (version, open) = appeal("shortest");
        alone(site);
        let path = format!("/review/appeals/{open}");
        one.post(&path, &fields).is(303);
        assert_eq!(status(site, version), "published");
        assert_eq!(logged(site)[3], "Right (decided by the only reviewer, who is concerned himself)");
    }

    /// A flag that is upheld can take down what it is about; the log names neither who reported it nor why.
    fn flags_are_answered(site: &Site) {
        site.publish("bad", "#!/bin/sh\nrm -rf ~\n");
        let flag = |reason: &str| -> i64 {
            let sql = "INSERT INTO flags (script_id, version_id, account_id, reason, text, created_at) \
                       SELECT s.id, s.latest_id, a.id, ?, 'Look at line 2', 1 FROM scripts s, accounts a \
                       WHERE s.name = 'bad' AND a.alias = 'reader'";
            site.execute(sql, &[reason.into()]);
            site.value("SELECT MAX(id) FROM flags", &[])
        };
        let id = flag("spam");
        let mut reviewer = site.as_reviewer();
        reviewer.open("/review/").has(&format!("href=\"/review/flags/{id}\"")).reads("It is advertising");
        let path = format!("/review/flags/{id}");
        reviewer.open(&path).reads("Look at line 2").reads("reader");
        reviewer.post(&path, &[("verdict", "unfounded"), ("follow", "script")]).refuses("answer");
        let fields = [("verdict", "unfounded"), ("follow", "script"), ("answer", "It is none")];
        reviewer.post(&path, &fields).is(303);
        assert_eq!(site.count("scripts WHERE name = 'bad' AND status = 'published'"), 1);
        assert_eq!(logged(site), ["reviewer", "unfounded", "bad", "It is none", "spam"]);
        reviewer.post(&path, &fields).is(409);
        reviewer.open(&path).reads("Unfounded").reads("It is none");

        let path = format!("/review/flags/{}", flag("malware"));
        let fields = [("verdict", "upheld"), ("follow", "script"), ("answer", "It deletes your home")];
        reviewer.post(&path, &fields).is(303);
        assert_eq!(site.count("scripts WHERE name = 'bad' AND status = 'removed'"), 1);
        assert_eq!(site.count("search_texts WHERE name = 'bad'"), 0);
        assert_eq!(logged(site), ["reviewer", "remove", "bad", "It deletes your home", ""]);
        let upheld = "moderation_log WHERE action = 'uphold' AND reason = 'It deletes your home' AND note = 'malware'";
        assert_eq!(site.count(upheld), 1);
        // What somebody reported himself is for others.
        let sql = "UPDATE flags SET account_id = ?, status = 'open' WHERE reason = 'malware'";
        site.execute(sql, &[site.id_of("reviewer").into()]);
        reviewer.post(&path, &fields).is(403);
    }

    /// Reviewers take down what is published: one version, or all; its author cannot bring it back.
    fn versions_are_taken_down(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho 1\n");
        site.publish("tidy", "#!/bin/sh\necho 2\n");
        let id: i64 = site.value("SELECT latest_id FROM scripts WHERE name = 'tidy'", &[]);
        let mut reviewer = site.as_reviewer();
        let path = format!("/review/{id}");
        reviewer.open(&path).reads("Take down").reads("Changes since version 1");
        reviewer.post(&path, &[("act", "remove")]).refuses("reason");
        reviewer.post(&path, &[("act", "remove"), ("reason", "A secret in it")]).is(303);
        assert_eq!(status(site, id), "removed");
        let latest = "versions v JOIN scripts s ON s.latest_id = v.id \
                      WHERE s.name = 'tidy' AND s.status = 'published' AND v.number = 1";
        assert_eq!(site.count(latest), 1);
        assert_eq!(logged(site), ["reviewer", "remove", "tidy", "A secret in it", ""]);
        reviewer.post(&path, &[("act", "remove"), ("reason", "Again")]).is(409);
        reviewer.post(&path, &[("act", "remove-all"), ("reason", "All of it")]).is(303);
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND status = 'removed'"), 1);
        reviewer.post(&path, &[("act", "explode"), ("reason", "x")]).is(400);
        // Nor are its description and what was said of its versions shown any more.
        site.execute("UPDATE scripts SET readme = 'Buy **this**', stamp = stamp + 1 WHERE name = 'tidy'", &[]);
        site.execute("UPDATE versions SET changelog = 'Buy **this**' WHERE id = ?", &[id.into()]);
        for page in ["/scripts/tidy/", "/scripts/tidy/2", "/scripts/tidy/versions", "/api/v1/scripts/tidy/"] {
            site.anyone().get(page).is(200).lacks("Buy");
        }
        site.anyone().get("/api/v1/scripts/tidy/versions/").lacks("Buy");

        // Of two versions that are not published any more, one taken back and one taken down: the script was taken back.
        site.publish("both", "#!/bin/sh\necho 1\n");
        site.publish("both", "#!/bin/sh\necho 2\n");
        let mut author = site.as_author();
        let fields = [("act", "withdraw"), ("number", "2"), ("reason", "Broken")];
        author.post("/scripts/both/edit/", &fields).is(303);
        let first = "SELECT v.id FROM versions v JOIN scripts s ON s.id = v.script_id WHERE s.name = 'both' AND v.number = 1";
        let first: i64 = site.value(first, &[]);
        reviewer.post(&format!("/review/{first}"), &[("act", "remove"), ("reason", "A secret")]).is(303);
        assert_eq!(site.count("scripts WHERE name = 'both' AND status = 'withdrawn'"), 1);
    }

    /// Held comments are let through or removed, edits seen or put back; each once.
    fn comments_and_edits_wait(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        for body in ["See <https://spam.example>", "Thanks"] {
            let sql = "INSERT INTO comments (script_id, account_id, author_name, body, status, created_at) \
                       SELECT s.id, a.id, a.name, ?, 'held', 1 FROM scripts s, accounts a \
                       WHERE s.name = 'tidy' AND a.alias = 'reader'";
            site.execute(sql, &[body.into()]);
        }
        let of = |body: &str| -> i64 {
            let like = format!("%{body}%");
            site.value("SELECT id FROM comments WHERE body LIKE ?", &[like.into()])
        };
        let (spam, thanks) = (of("spam").to_string(), of("Thanks").to_string());
        let mut reviewer = site.as_reviewer();
        reviewer.open("/review/").reads("Held comments").reads("Thanks");
        reviewer.post("/review/talk", &[("act", "show"), ("comment", &thanks)]).is(303);
        assert_eq!(logged(site)[1], "show-comment");
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND comment_n = 1"), 1);
        reviewer.post("/review/talk", &[("act", "remove"), ("comment", &spam)]).is(303);
        assert_eq!(logged(site)[1], "comment");
        assert_eq!(site.count("comments WHERE status = 'removed' AND body = ''"), 1);
        reviewer.post("/review/talk", &[("act", "show"), ("comment", &spam)]).is(409);
        reviewer.post("/review/talk", &[("act", "show"), ("comment", "999999")]).is(404);

        site.execute("UPDATE scripts SET title = 'Buy this', summary = 'Better' WHERE name = 'tidy'", &[]);
        for (field, before, after) in [("title", "Title of tidy", "Buy this"), ("summary", "Fine", "Better")] {
            let sql = "INSERT INTO edits (script_id, account_id, at, field, before_text, after_text) \
                       SELECT s.id, s.owner_id, 1, ?, ?, ? FROM scripts s WHERE s.name = 'tidy'";
            site.execute(sql, &[field.into(), before.into(), after.into()]);
        }
        let edit = |field: &str| -> String {
            let sql = "SELECT id FROM edits WHERE field = ? AND seen_at IS NULL";
            site.value::<i64>(sql, &[field.into()]).to_string()
        };
        let (title, summary) = (edit("title"), edit("summary"));
        reviewer.open("/review/").reads("Buy this").reads("Title of tidy");
        reviewer.post("/review/talk", &[("act", "revert"), ("edit", &title)]).is(303);
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND title = 'Title of tidy'"), 1);
        assert_eq!(logged(site)[..4], ["reviewer", "revert", "tidy", "title"]);
        reviewer.post("/review/talk", &[("act", "seen"), ("edit", &summary)]).is(303);
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND summary = 'Better'"), 1);
        reviewer.post("/review/talk", &[("act", "revert"), ("edit", &summary)]).is(409);
        assert_eq!(site.count("edits WHERE seen_at IS NULL"), 0);
        reviewer.open("/review/").reads("Nothing waits").lacks("Buy this");
    }

    /// The checks run the programs of this machine, confined; a look-alike is linked; what hides is made visible.
    fn checks_run_programs(site: &Site) {
        let seen = "#!/bin/sh\nset -eu\nfor a in \"$@\"; do\n  echo \"$a\"\n  sleep 1\n  sync\n  date\n  id\n  pwd\ndone\n";
        site.publish("every-second", seen);
        let mut reviewer = site.as_reviewer();
        let mut findings = |name: &str, language: &str, text: &str| -> Page {
            let id = pending(site, name, text, "author", language);
            let path = format!("/review/{id}");
            let done = reviewer.post(&path, &[("act", "check")]);
            reviewer.follow(&done)
        };
        for (name, language, program, text, line) in [
            ("tell-bash", "bash", "bash", "#!/bin/bash\nif true; then\n echo x\nfi fi\n", 4),
            ("tell-python", "python", "python3", "#!/usr/bin/python3\nx = 1\ndef f(:\n", 3),
            ("tell-node", "javascript", "node", "#!/usr/bin/node\nlet a = 1;\nlet b = ;\n", 3),
            ("tell-perl", "perl", "perl", "#!/usr/bin/perl\nmy $x = 1;\nmy $y = ;\n", 3),
        ] {
            let page = findings(name, language, text);
            let said = words(&page.body);
            let left_out = said.contains("no Landlock") || !confines(program);
            if said.contains("not checked") && left_out {
                println!("left out: {program} cannot be run confined here: {said}");
                continue;
            }
            page.has_in_order(&["status error", &format!("href=\"#L{line}\""), "</tr>"]);
            page.has(&format!("id=\"L{line}\""));
        }
        let page = findings("hidden", "bash", "#!/bin/bash\necho a\u{202e}b # AKIAIOSFODNN7EXAMPL3\n");
        page.has("⟦U+202E⟧").lacks("\u{202e}");
        let page = findings("every-secund", "sh", seen);
        page.has("href=\"/scripts/every-second/\"").reads("the same text");
    }

    /// Nothing that a script does while it is looked at gets anywhere: the perl of a BEGIN block.
    fn checks_confine_what_they_run(site: &Site) {
        let target = site.dir().join("data/made-by-perl");
        let text = format!(
            "#!/usr/bin/perl\nBEGIN {{ open(my $f, '>', '{}'); print $f 'x'; close $f; }}\nBEGIN {{ 1 while 1 }}\n",
            target.display()
        );
        let id = pending(site, "sneaky", &text, "author", "perl");
        let mut reviewer = site.as_reviewer();
        let done = reviewer.post(&format!("/review/{id}"), &[("act", "check")]);
        reviewer.follow(&done);
        assert!(!target.exists());
        let found = "findings f JOIN versions v ON v.id = f.version_id WHERE f.checker = 'perl' AND v.id = ";
        assert!(site.count(&format!("{found}{id}")) >= 1);
    }
}

/// Whether this machine has the program and can take its network away: what confining needs at least.
fn confines(program: &str) -> bool {
    let is_there = |dir: &&str| std::path::Path::new(dir).join(program).exists();
    let there = ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(is_there);
    let unshared = std::process::Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--net",
            "--pid",
            "--fork",
            "true",
        ])
        .status();
    there && unshared.is_ok_and(|status| status.success())
}
