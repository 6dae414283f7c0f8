//! Comments, stars and reports.

use crate::common::*;

const PAGE: &str = "/scripts/tidy/";
const TALK: &str = "/scripts/tidy/comments";
const FLAG: &str = "/scripts/tidy/flag";

/// Makes an account older than a day, so that its links are not held.
fn grown(site: &Site, alias: &str) {
    let sql = "UPDATE accounts SET created_at = created_at - 100000 WHERE alias = ?";
    site.execute(sql, &[alias.into()]);
}

/// Says something, the question answered if there is one.
fn say(client: &mut Client, body: &str) -> Page {
    let page = client.open(TALK);
    let mut all = Form::all(&page.body).into_iter();
    let has_text = |form: &Form| form.names.iter().any(|name| name == "body");
    let mut form = all.rfind(has_text).expect("the form of a comment");
    form.set("body", body);
    if form.names.iter().any(|name| name == "captcha") {
        form.answer_captcha();
    }
    client.submit(&form)
}

fn comment_id(site: &Site) -> String {
    site.value::<i64>("SELECT MAX(id) FROM comments", &[])
        .to_string()
}

on_each! {
    /// Whoever is signed in says something; the first three times he is asked what only people answer.
    fn comments_are_said(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.anyone().post(TALK, &[("body", "Hello")]).is(401);
        let mut reader = site.sign_in("reader");
        for number in 1..=3 {
            let form = reader.open(TALK);
            form.has("name=\"captcha\"");
            reader.post(TALK, &[("body", "No answer")]).refuses("captcha");
            let said = say(&mut reader, &format!("Works *{number}* times <b>"));
            let page = reader.follow(&said);
            page.has(&format!("Works <em>{number}</em> times &lt;b&gt;"));
        }
        reader.open(TALK).lacks("name=\"captcha\"");
        reader.post(TALK, &[("body", "Without a question"), ("url2", "")]).is(303);
        reader.post(TALK, &[("body", "I am a program"), ("url2", "x")]).is(422);
        assert_eq!(site.value::<i64>("SELECT CAST(comment_n AS BIGINT) FROM scripts WHERE name = 'tidy'", &[]), 4);
        site.anyone().open(PAGE).has("Without a question");
        // Its author is told.
        site.as_author().open("/account/").reads("reader commented on tidy");
        for (body, subject, number, field) in [
            (" ", "", "", "body"),
            (&*"x".repeat(8_001), "", "", "body"),
            ("a\u{202e}b", "", "", "body"),
            ("Well", "a\nb", "", "subject"),
            ("Well", "", "7", "number"),
        ] {
            let page = reader.post(TALK, &[("body", body), ("subject", subject), ("number", number)]);
            page.refuses(field);
        }
    }

    /// Links of an account of today wait for a reviewer, also those that come with a change.
    fn links_of_new_accounts_are_held(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut reader = site.sign_in("reader");
        say(&mut reader, "See https://spam.example").is(303);
        site.anyone().open(TALK).lacks("spam.example");
        reader.open(TALK).reads("waits for a reviewer");
        say(&mut reader, "Plain").is(303);
        let id = comment_id(site);
        reader.post(TALK, &[("act", "edit"), ("id", &id), ("body", "www.spam.example")]).is(303);
        site.anyone().open(TALK).lacks("spam.example");
        assert_eq!(site.count("comments WHERE status = 'held'"), 2);
        grown(site, "reader");
        say(&mut reader, "See https://docs.example").is(303);
        site.anyone().open(TALK).has("docs.example");
    }

    /// One's own for half an hour, and gone at any time; its place stays.
    fn comments_are_edited_and_removed(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut reader = site.sign_in("reader");
        say(&mut reader, "First").is(303);
        let id = comment_id(site);
        let edit = format!("{TALK}?edit={id}");
        let mut form = reader.form(&edit, TALK);
        assert_eq!(form.get("body").map(str::trim), Some("First"));
        form.set("body", "");
        reader.submit(&form).refuses("body");
        form.set("body", "Second");
        let saved = reader.submit(&form);
        reader.follow(&saved).has("Second").reads("edited").lacks("First");
        let mut other = site.sign_in("other");
        for act in ["edit", "remove"] {
            other.post(TALK, &[("act", act), ("id", &id), ("body", "Mine")]).is(403);
        }
        other.get(&edit).is(403);
        site.execute("UPDATE comments SET created_at = created_at - 1801", &[]);
        reader.open(TALK).lacks("?edit=");
        reader.post(TALK, &[("act", "edit"), ("id", &id), ("body", "Third")]).is(409);
        reader.post(TALK, &[("act", "remove"), ("id", &id)]).is(303);
        let page = site.anyone().open(TALK);
        page.reads("This comment was removed.").lacks("Second");
        reader.post(TALK, &[("act", "remove"), ("id", &id)]).is(404);
        reader.post("/scripts/with-lock/comments", &[("act", "remove"), ("id", &id)]).is(404);
    }

    /// A new account says little, and is told when it may again; a known one is not counted.
    fn comments_of_new_accounts_are_limited(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.set("limit.comments-hour", "1");
        let mut reader = site.sign_in("reader");
        say(&mut reader, "One").is(303);
        let page = say(&mut reader, "Two, which was much to type");
        page.is(429).says("retry-after", "3600").has("Two, which was much to type");
        assert_eq!(site.count("comments"), 1);
        site.establish("reader");
        say(&mut reader, "Two").is(303);
    }

    /// A picture would count as a download of whoever reads; headings are below those of the page.
    fn comments_have_no_pictures(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        grown(site, "reader");
        let mut reader = site.sign_in("reader");
        let said = say(&mut reader, "![mine](/s/with-lock/1)\n\n# Loud");
        let page = reader.follow(&said);
        page.reads("Loud").lacks("src=\"/s/").lacks("alt=\"mine\"");
        assert_eq!(page.body.matches("<h1").count(), 1);
    }

    /// A script that is closed takes no comments and no stars.
    fn closed_scripts_are_not_talked_about(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut author = site.as_author();
        author.post("/scripts/tidy/edit/", &[("act", "withdraw"), ("number", ""), ("reason", "Old")]).is(303);
        let mut reader = site.sign_in("reader");
        reader.open(TALK).lacks("name=\"body\"");
        reader.post(TALK, &[("body", "Pity")]).is(409);
        reader.post("/scripts/tidy/rate", &[("stars", "1")]).is(409);
    }

    /// 1 to 5, one each, to be changed and taken back; not for one's own.
    fn stars_are_given(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let rate = "/scripts/tidy/rate";
        let score = || {
            let of = |column: &str| {
                let sql = format!("SELECT CAST({column} AS BIGINT) FROM scripts WHERE name = 'tidy'");
                site.value::<i64>(&sql, &[])
            };
            (of("rating_n"), of("rating_sum"), of("rating_score"))
        };
        assert_eq!(score(), (0, 0, 3_000));
        let mut reader = site.sign_in("reader");
        let mut form = reader.form(PAGE, rate);
        form.set("stars", "5");
        let rated = reader.submit(&form);
        reader.follow(&rated).reads("Your stars are counted");
        assert_eq!(score(), (1, 5, 3_333));
        site.sign_in("other").post(rate, &[("stars", "1")]).is(303);
        assert_eq!(score(), (2, 6, 3_000));
        reader.post(rate, &[("stars", "4")]).is(303);
        assert_eq!(score(), (2, 5, 2_857));
        reader.post(rate, &[("stars", "0")]).is(303);
        assert_eq!(score(), (1, 1, 2_666));
        for stars in ["6", "-1", "five", ""] {
            reader.post(rate, &[("stars", stars)]).is(422);
        }
        assert_eq!(score(), (1, 1, 2_666));
        site.as_author().post(rate, &[("stars", "5")]).is(403);
        site.as_author().open(PAGE).lacks("action=\"/scripts/tidy/rate\"");
        site.anyone().post(rate, &[("stars", "5")]).is(401);
        reader.get(rate).is(405);
    }

    /// Scripts, versions and comments are reported once, with a reason; the answer comes to the account page.
    fn reports_are_made_and_answered(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut reader = site.sign_in("reader");
        let mut form = reader.form(FLAG, FLAG);
        reader.submit(&form).refuses("reason");
        form.set("reason", "other").set("text", "Too short");
        let page = reader.submit(&form);
        page.refuses("text").has("Too short").has("value=\"other\" selected");
        form.set("reason", "broken").set("text", "Prints nothing");
        reader.submit(&form).is(303);
        reader.submit(&form).refuses("reason");
        // Other things of it are other reports.
        reader.post(FLAG, &[("version", "1"), ("reason", "licence")]).is(303);
        say(&mut reader, "Look at this").is(303);
        let id = comment_id(site);
        let mut other = site.sign_in("other");
        other.open(&format!("{FLAG}?comment={id}")).has("Look at this");
        other.post(FLAG, &[("comment", &id), ("reason", "spam")]).is(303);
        for target in ["comment=999", "comment=x", "version=9", "version=x"] {
            other.get(&format!("{FLAG}?{target}")).is(404);
        }
        other.get(&format!("/scripts/with-lock/flag?comment={id}")).is(404);
        assert_eq!(site.count("flags WHERE status = 'open'"), 3);
        let sql = "UPDATE flags SET status = 'upheld', answer = 'Mended <soon>', decided_at = ? WHERE reason = 'broken'";
        site.execute(sql, &[(now() + 1).into()]);
        reader.open("/account/").reads("Your report about tidy was upheld").reads("Mended <soon>");
        site.anyone().get(FLAG).is(401);
    }

    /// Not too many, and none after several without reason.
    fn reports_are_limited(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.set("limit.flags-day", "1");
        let mut reader = site.sign_in("reader");
        reader.post(FLAG, &[("reason", "spam"), ("text", "")]).is(303);
        let page = reader.post(FLAG, &[("version", "1"), ("reason", "broken"), ("text", "Really")]);
        page.is(429).says("retry-after", "86400").has("Really");
        site.set("limit.flags-day", "100");
        for _ in 0..3 {
            let sql = "INSERT INTO flags (script_id, account_id, reason, status, created_at, decided_at) \
                       SELECT s.id, ?, 'spam', 'unfounded', 1, ? FROM scripts s WHERE s.name = 'tidy'";
            site.execute(sql, &[site.id_of("reader").into(), now().into()]);
        }
        let page = reader.post(FLAG, &[("version", "1"), ("reason", "broken")]);
        page.is(403).reads("Several of your reports were unfounded");
    }
}
