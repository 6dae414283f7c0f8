//! Accounts of authors: from signing up to deleting it all, and who maintains a script.

use crate::common::*;

const OTHER: &str = "another horse 18";
const PEOPLE: &str = "/scripts/tidy/edit/people";

/// The form of `path` that goes there, with these fields.
fn send(client: &mut Client, path: &str, fields: &[(&str, &str)]) -> Page {
    let mut form = client.form(path, path.split('?').next().unwrap());
    for (name, value) in fields {
        form.set(name, value);
    }
    client.submit(&form)
}

/// Invites somebody who says yes.
fn join(site: &Site, owner: &mut Client, alias: &str) {
    owner
        .post(PEOPLE, &[("act", "invite"), ("alias", alias)])
        .is(303);
    let script: i64 = site.value("SELECT id FROM scripts WHERE name = 'tidy'", &[]);
    let fields = [("act", "accept"), ("script", &*script.to_string())];
    site.sign_in(alias).post("/account/", &fields).is(303);
}

/// The alias of who owns it; nothing if nobody does.
fn owner(site: &Site) -> String {
    let sql = "SELECT COALESCE(a.alias, '') FROM scripts s LEFT JOIN accounts a ON a.id = s.owner_id \
               WHERE s.name = 'tidy'";
    site.value(sql, &[])
}

on_each! {
    /// The question is answered once, by people; then one is where one wanted to go.
    fn people_sign_up(site: &Site) {
        let mut visitor = site.anyone().from("10.0.0.1");
        let mut form = visitor.form("/sign-up?next=/submit", "/sign-up");
        form.set("alias", "Ada").set("password", PASSWORD).set("again", PASSWORD);
        form.set("captcha", "wrong");
        let page = visitor.submit(&form);
        page.refuses("captcha");
        // A question is good for one try, whatever came of it.
        let mut used = form.clone();
        used.answer_captcha();
        visitor.submit(&used).refuses("captcha");
        let mut form = page.form("/sign-up");
        assert_eq!(form.get("alias"), Some("Ada"));
        form.set("password", PASSWORD).set("again", PASSWORD).set("url2", "http://spam.example");
        form.answer_captcha();
        let page = visitor.submit(&form);
        page.refuses("captcha");
        let mut form = page.form("/sign-up");
        form.set("password", PASSWORD).set("again", PASSWORD).answer_captcha();
        let page = visitor.submit(&form);
        assert_eq!(page.is(303).location(), "/submit");
        visitor.open("/account/").has("href=\"/authors/ada\"");
        // Elsewhere it leads nowhere.
        let mut other = site.anyone().from("10.0.0.1");
        let mut form = other.form("/sign-up?next=//evil.example/", "/sign-up");
        form.set("alias", "eve").set("password", PASSWORD).set("again", PASSWORD).answer_captcha();
        assert_eq!(other.submit(&form).is(303).location(), "/account/");
    }

    /// What is wrong stands beside its field; passwords are typed again.
    fn accounts_that_cannot_be(site: &Site) {
        site.execute("UPDATE accounts SET email = 'a@b.example' WHERE alias = 'other'", &[]);
        for (field, value, wrong) in [
            ("alias", "admin", "alias"),
            ("alias", "author", "alias"),
            ("alias", "a b", "alias"),
            ("email", "nowhere", "email"),
            ("email", "a@b.example", "email"),
            ("name", "a\u{202e}b", "name"),
            ("again", "something else", "again"),
            ("password", "short", "password"),
            ("password", "password123", "password"),
        ] {
            let mut visitor = site.anyone().from("10.0.0.2");
            let mut form = visitor.form("/sign-up", "/sign-up");
            form.set("alias", "ada").set("password", PASSWORD).set("again", PASSWORD);
            form.set(field, value).answer_captcha();
            let page = visitor.submit(&form);
            page.refuses(wrong).lacks(PASSWORD);
        }
        assert_eq!(site.count("accounts WHERE alias = 'ada'"), 0);
    }

    /// Five an hour from one address; the page says when to come back, and keeps what was typed.
    fn addresses_sign_up_seldom(site: &Site) {
        for number in 1..=5 {
            site.anyone().from("10.0.0.3").sign_up(&format!("ada{number}")).is(303);
        }
        let page = site.anyone().from("10.0.0.3").sign_up("ada6");
        page.is(429).reads("Too often: try again in").has("value=\"ada6\"");
        assert!(page.header("retry-after").is_some());
        site.anyone().from("10.0.0.4").sign_up("ada6").is(303);
    }

    /// Wrong passwords have an end; the form says until when, and does not say what was wrong.
    fn guessing_is_slow(site: &Site) {
        let mut visitor = site.anyone().from("10.0.0.5");
        for _ in 0..5 {
            let page = send(&mut visitor, "/sign-in", &[("alias", "author"), ("password", "guess guess")]);
            page.refuses("alias").has("value=\"author\"");
        }
        let page = send(&mut visitor, "/sign-in", &[("alias", "author"), ("password", PASSWORD)]);
        page.is(429).reads("Too often: try again in").has("value=\"author\"");
        assert!(page.header("retry-after").is_some());
        // Nobody of that name: the same.
        let page = send(&mut visitor, "/sign-in", &[("alias", "nobody"), ("password", PASSWORD)]);
        page.refuses("alias");
        // Blocked: the same.
        site.execute("UPDATE accounts SET status = 'blocked' WHERE alias = 'reader'", &[]);
        let mut other = site.anyone().from("10.0.0.6");
        send(&mut other, "/sign-in", &[("alias", "reader"), ("password", PASSWORD)]).refuses("alias");
        // After signing in one goes on.
        let page = send(&mut other, "/sign-in?next=/submit", &[("alias", "other"), ("password", PASSWORD)]);
        assert_eq!(page.is(303).location(), "/submit");
        other.post("/sign-out", &[]).is(303);
        assert!(!other.is_signed_in());
    }

    /// A password that somebody else chose is changed before anything else.
    fn first_passwords_are_changed(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.execute("UPDATE accounts SET must_change = TRUE WHERE alias = 'reader'", &[]);
        let mut reader = site.anyone();
        let page = send(&mut reader, "/sign-in?next=/submit", &[("alias", "reader"), ("password", PASSWORD)]);
        assert_eq!(page.is(303).location(), "/account/password");
        for path in ["/submit", "/account/", "/account/keys", "/scripts/tidy/flag"] {
            assert_eq!(reader.get(path).is(303).location(), "/account/password", "{path}");
        }
        let page = reader.post("/scripts/tidy/comments", &[("body", "Hello")]);
        assert_eq!(page.is(303).location(), "/account/password");
        let fields = |current, new, again| [("current", current), ("password", new), ("again", again)];
        let path = "/account/password";
        reader.open(path).reads("Somebody else knows your password");
        send(&mut reader, path, &fields("wrong", OTHER, OTHER)).refuses("current");
        send(&mut reader, path, &fields(PASSWORD, PASSWORD, PASSWORD)).refuses("password");
        send(&mut reader, path, &fields(PASSWORD, OTHER, "else")).refuses("again");
        send(&mut reader, path, &fields(PASSWORD, "reader", "reader")).refuses("password");
        send(&mut reader, path, &fields(PASSWORD, OTHER, OTHER)).is(303);
        reader.open("/submit");
        site.anyone().sign_in("reader", OTHER);
    }

    /// Sessions are listed, and end: one, all others, those of an old password.
    fn sessions_end(site: &Site) {
        let mut here = site.as_author();
        here.open("/account/sessions");
        here.post("/account/sessions", &[("act", "others")]).is(303);
        let (mut there, mut far) = (site.as_author(), site.as_author());
        let page = here.open("/account/sessions");
        page.reads("this one");
        let forms = Form::all(&page.body);
        let handles: Vec<&str> = forms.iter().filter_map(|form| form.get("handle")).collect();
        assert_eq!(handles.len(), 2);
        here.post("/account/sessions", &[("handle", handles[0])]).is(303);
        here.post("/account/sessions", &[("handle", handles[0])]).is(409);
        let left = |one: &mut Client| i32::from(one.is_signed_in());
        assert_eq!(left(&mut there) + left(&mut far), 1);
        here.post("/account/sessions", &[("act", "others")]).is(303);
        assert_eq!(left(&mut there) + left(&mut far), 0);
        let mut again = site.as_author();
        let fields = [("current", PASSWORD), ("password", OTHER), ("again", OTHER)];
        send(&mut here, "/account/password", &fields).is(303);
        assert!(here.is_signed_in());
        assert!(!again.is_signed_in());
    }

    /// A link of an administrator sets another password, once, and ends all sessions.
    fn forgotten_passwords_are_set(site: &Site) {
        let mut lost = site.sign_in("reader");
        // A token that somebody else may have made goes as well.
        let token = site.token("reader", "comment");
        site.anyone().api("GET", "/api/v1/me", &token, &serde_json::Value::Null).is(200);
        let here = format!("/admin/accounts/{}", site.id_of("reader"));
        let page = site.as_admin().post(&here, &[("act", "reset"), ("password", PASSWORD)]);
        let (_, link) = page.is(200).body.split_once("/reset?link=").unwrap();
        let link = unescaped(link.split('<').next().unwrap().trim());
        let path = format!("/reset?link={link}");
        let mut visitor = site.anyone();
        visitor.open(&path).reads("reader");
        send(&mut visitor, &path, &[("password", "short"), ("again", "short")]).refuses("password");
        send(&mut visitor, &path, &[("password", OTHER), ("again", OTHER)]).is(303);
        assert!(!lost.is_signed_in());
        site.anyone().api("GET", "/api/v1/me", &token, &serde_json::Value::Null).is(401);
        site.anyone().sign_in("reader", OTHER);
        for dead in [path.as_str(), "/reset?link=made-up", "/reset"] {
            visitor.get(dead).is(410).reads("This link is good no more");
        }
        let again = [("link", link.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
        visitor.post("/reset", &again).is(410);
    }

    /// What members say of themselves is shown as text.
    fn profiles_are_changed(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.execute("UPDATE accounts SET email = 'a@b.example' WHERE alias = 'other'", &[]);
        let mut author = site.as_author();
        let path = "/account/profile";
        for (field, value) in [
            ("email", "A@B"),
            ("email", "a@b.example"),
            ("website", "javascript:alert(1)"),
            ("name", &*"x".repeat(81)),
            ("about", &*"x".repeat(2_001)),
        ] {
            let page = send(&mut author, path, &[(field, value)]);
            page.refuses(field).has(value);
        }
        let fields = [
            ("name", "Ada <L>"),
            ("website", "https://ada.example/"),
            ("about", "# Hello\n<script>"),
        ];
        send(&mut author, path, &fields).is(303);
        let page = site.anyone().open("/authors/author");
        page.has("Ada &lt;L&gt;").has("https://ada.example/").lacks("<script>\n");
        site.anyone().open("/scripts/tidy/").has("Ada &lt;L&gt;");
        // Without a name it is the alias.
        send(&mut author, path, &[("name", " ")]).is(303);
        site.anyone().open("/scripts/tidy/").lacks("Ada");
    }

    /// Owners invite; whoever says yes maintains; others may go, and be given all of it.
    fn scripts_have_maintainers(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut author = site.as_author();
        for alias in ["nobody", "glsr", "author", ""] {
            author.post(PEOPLE, &[("act", "invite"), ("alias", alias)]).refuses("alias");
        }
        author.post(PEOPLE, &[("act", "invite"), ("alias", "Other")]).is(303);
        author.post(PEOPLE, &[("act", "invite"), ("alias", "other")]).refuses("alias");
        let mut other = site.sign_in("other");
        other.get("/scripts/tidy/edit/").is(403);
        let script = site.value::<i64>("SELECT id FROM scripts WHERE name = 'tidy'", &[]).to_string();
        other.open("/account/").reads("author asks you to maintain tidy");
        other.post("/account/", &[("act", "decline"), ("script", &script)]).is(303);
        other.post("/account/", &[("act", "accept"), ("script", &script)]).is(409);
        join(site, &mut author, "other");
        other.open("/scripts/tidy/edit/");
        site.anyone().open("/scripts/tidy/").has("/authors/other");
        // Not an owner.
        for act in ["invite", "remove", "hand-over"] {
            let account = site.id_of("author").to_string();
            other.post(PEOPLE, &[("act", act), ("alias", "reader"), ("account", &account)]).is(403);
        }
        let reader = site.id_of("reader").to_string();
        author.post(PEOPLE, &[("act", "hand-over"), ("account", &reader)]).is(409);
        assert_eq!(owner(site), "author");
        let account = site.id_of("other").to_string();
        author.post(PEOPLE, &[("act", "hand-over"), ("account", &account)]).is(303);
        assert_eq!(owner(site), "other");
        author.open("/scripts/tidy/edit/");
        author.post(PEOPLE, &[("act", "remove"), ("account", &account)]).is(403);
        author.post(PEOPLE, &[("act", "leave")]).is(303);
        author.get("/scripts/tidy/edit/").is(403);
        other.post(PEOPLE, &[("act", "leave")]).is(422);
        join(site, &mut other, "reader");
        other.post(PEOPLE, &[("act", "remove"), ("account", &reader)]).is(303);
        site.sign_in("reader").get("/scripts/tidy/edit/").is(403);
    }

    /// Scripts that stay go to who maintains them too, or to nobody; the account is forgotten.
    fn accounts_are_deleted(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        site.publish("alone", "#!/bin/sh\necho alone\n");
        let mut author = site.as_author();
        join(site, &mut author, "other");
        let mut form = author.form("/scripts/with-lock/comments", "/scripts/with-lock/comments");
        form.set("body", "I was here").answer_captcha();
        author.submit(&form).is(303);
        author.post("/scripts/with-lock/rate", &[("stars", "5")]).is(303);
        let rated = "scripts WHERE name = 'with-lock' AND rating_n = 1 AND rating_sum = 5";
        assert_eq!(site.count(rated), 1);
        let page = send(&mut author, "/account/delete", &[("current", "wrong"), ("scripts", "stay")]);
        page.refuses("current");
        send(&mut author, "/account/delete", &[("current", PASSWORD), ("scripts", "some")]).refuses("scripts");
        let page = send(&mut author, "/account/delete", &[("current", PASSWORD), ("scripts", "stay")]);
        assert_eq!(page.is(303).location(), "/");
        assert!(!author.is_signed_in());
        assert_eq!(owner(site), "other");
        assert_eq!(site.count("scripts WHERE name = 'with-lock' AND rating_n = 0 AND rating_sum = 0"), 1);
        assert_eq!(site.anyone().get("/s/alone").body, "#!/bin/sh\necho alone\n");
        site.anyone().open("/scripts/alone/").reads("former author").lacks("/authors/author");
        let talk = site.anyone().open("/scripts/with-lock/comments");
        talk.reads("I was here").reads("former author");
        site.anyone().open("/search?author=author&q=alone").lacks("/scripts/alone/");
        send(&mut author, "/sign-in", &[("alias", "author"), ("password", PASSWORD)]).refuses("alias");
        author.sign_up("author").refuses("alias");
        let kept = "accounts WHERE alias = 'author' AND status = 'gone' AND password IS NULL AND email IS NULL";
        assert_eq!(site.count(kept), 1);
    }

    /// Scripts that go are withdrawn; their names stay with them if that was wanted.
    fn scripts_go_with_their_author(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut author = site.as_author();
        let mut form = author.form("/scripts/tidy/edit/version", "/scripts/tidy/edit/version");
        form.set("source", "#!/bin/sh\necho tidier\n");
        author.submit(&form).is(303);
        let fields = [("current", PASSWORD), ("scripts", "go"), ("keep_name", "on")];
        send(&mut author, "/account/delete", &fields).is(303);
        site.anyone().get("/s/tidy").is(410);
        site.anyone().get("/scripts/tidy/").is(200);
        assert_eq!(site.count("versions WHERE status = 'draft'"), 0);
        let name: String = site.value("SELECT owner_name FROM scripts WHERE name = 'tidy'", &[]);
        assert!(!name.is_empty());
    }

    /// The last administrator stays.
    fn somebody_administrates(site: &Site) {
        site.execute("UPDATE accounts SET status = 'blocked' WHERE alias = 'keeper'", &[]);
        let mut admin = site.as_admin();
        let fields = [("current", PASSWORD), ("scripts", "stay")];
        send(&mut admin, "/account/delete", &fields).refuses("current").reads("You are the last administrator");
        assert!(admin.is_signed_in());
        site.execute("UPDATE accounts SET status = 'active' WHERE alias = 'keeper'", &[]);
        send(&mut admin, "/account/delete", &fields).is(303);
    }

    /// Pages of members are for them alone.
    fn visitors_are_asked_to_sign_in(site: &Site) {
        for path in ["", "profile", "password", "keys", "sessions", "delete"].map(|page| format!("/account/{page}")) {
            let page = site.anyone().get(&path);
            page.is(401).has(&format!("/sign-in?next={path}"));
        }
        site.anyone().get("/submit").is(401).has("/sign-in?next=/submit");
    }
}
