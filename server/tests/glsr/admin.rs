//! Administrators and editors.

use crate::common::*;

/// Lines of the log with this action: subject and reason.
fn logged(site: &Site, action: &str) -> Vec<(String, String)> {
    let db = site.db();
    let sql = "SELECT subject, reason FROM moderation_log WHERE action = ? ORDER BY id";
    let rows = db.query(sql, &[action.into()]).unwrap();
    let text = |at, row: &harmonious_db::Row| row.at::<String>(at).unwrap();
    rows.iter()
        .map(|row| (text(0, row), text(1, row)))
        .collect()
}

fn roles(site: &Site, alias: &str) -> i64 {
    site.value(
        "SELECT CAST(roles AS BIGINT) FROM accounts WHERE alias = ?",
        &[alias.into()],
    )
}

on_each! {
    /// The first page has the figures of the site, and downloads day by day.
    fn figures_are_those_of_the_site(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let day = now() / 86_400;
        for (back, n) in [(0, 7), (1, 35), (400, 1_000)] {
            let sql = "INSERT INTO downloads (version_id, script_id, day, n) \
                       SELECT latest_id, id, ?, ? FROM scripts WHERE name = 'tidy'";
            site.execute(sql, &[(day - back).into(), n.into()]);
        }
        let page = site.as_admin().open("/admin/");
        page.reads(&format!("Active accounts {}", site.count("accounts WHERE status = 'active'")));
        page.reads(&format!("Published versions {}", site.count("versions WHERE status = 'published'")));
        page.reads("Downloads 1042");
        let backend = match site.backend {
            Backend::Sqlite => "(sqlite)",
            Backend::Postgres => "(postgres)",
        };
        page.reads(backend).reads("iB ");
        page.has("max=\"35\" value=\"35\"").has("max=\"35\" value=\"7\"").lacks("1000");
    }

    /// Roles need the administrator's own password, take effect at once, and are in the log.
    fn roles_are_given_and_taken(site: &Site) {
        let path = format!("/admin/accounts/{}", site.id_of("reader"));
        let mut reader = site.sign_in("reader");
        reader.get("/review/").is(403);
        let mut keeper = site.sign_in("keeper");
        let found = keeper.open("/admin/accounts/?q=READ");
        found.has(&format!("href=\"{path}\"")).lacks(">author<");
        let page = keeper.open(&path);
        page.reads("Account reader").lacks(" checked");
        let wrong = [("act", "roles"), ("role", "reviewer"), ("password", "wrong horse 17")];
        let page = keeper.post(&path, &wrong);
        page.refuses("password").has("value=\"reviewer\" checked");
        assert_eq!(roles(site, "reader"), 0);
        let right = [("act", "roles"), ("role", "reviewer"), ("role", "editor"), ("password", PASSWORD)];
        let done = keeper.post(&path, &right);
        keeper.follow(&done).reads("The roles are set").has("value=\"editor\" checked");
        assert_eq!(roles(site, "reader"), 3);
        reader.get("/review/").is(200);
        reader.get("/editor/news").is(200);
        reader.get("/admin/").is(403);
        keeper.post(&path, &[("act", "roles"), ("password", PASSWORD)]).is(303);
        assert_eq!(roles(site, "reader"), 0);
        reader.get("/review/").is(403);
        let lines = [("reader".to_owned(), "reviewer, editor".to_owned()), ("reader".to_owned(), "member".to_owned())];
        assert_eq!(logged(site, "roles"), lines);
    }

    /// The last administrator stays one, and is not blocked; not even two who take it from each other at once.
    fn somebody_administrates(site: &Site) {
        let take = |from: &str| [("act", "roles"), ("password", PASSWORD)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .chain([("of".to_owned(), from.to_owned())])
            .collect::<Vec<_>>();
        let (mut admin, mut keeper) = (site.as_admin(), site.sign_in("keeper"));
        let (a, k) = (site.id_of("admin"), site.id_of("keeper"));
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let mut both = Vec::new();
            for (client, other, name) in [(&mut admin, k, "keeper"), (&mut keeper, a, "admin")] {
                let path = format!("/admin/accounts/{other}");
                client.open(&path);
                let fields = take(name);
                both.push(scope.spawn(move || {
                    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                    client.post(&path, &fields).status
                }));
            }
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // One is done; the other one comes too late: it is refused, or has no right to ask any more.
        assert!(answers.contains(&303) && answers.iter().any(|status| [403, 422].contains(status)), "{answers:?}");
        let admins = "accounts WHERE roles >= 4 AND status = 'active' AND password IS NOT NULL";
        assert_eq!(site.count(admins), 1);
        let last: String = site.value("SELECT alias FROM accounts WHERE roles >= 4", &[]);
        let (mut last, path) = (site.sign_in(&last), format!("/admin/accounts/{}", site.id_of(&last)));
        last.post(&path, &[("act", "roles"), ("password", PASSWORD)]).refuses("roles");
        let block = [("act", "block"), ("reason", "Me"), ("password", PASSWORD)];
        last.post(&path, &block).refuses("reason");
        assert_eq!(site.count(admins), 1);
    }

    /// Who is blocked is signed out everywhere, cannot sign in, and can be let in again.
    fn accounts_are_blocked(site: &Site) {
        let path = format!("/admin/accounts/{}", site.id_of("reader"));
        let mut reader = site.sign_in("reader");
        let mut admin = site.as_admin();
        admin.post(&path, &[("act", "block"), ("password", PASSWORD)]).refuses("reason");
        let page = admin.post(&path, &[("act", "block"), ("reason", "Spam & more"), ("password", "")]);
        page.refuses("password").has("Spam &amp; more</textarea>");
        assert!(reader.is_signed_in());
        let done = admin.post(&path, &[("act", "block"), ("reason", "Spam & more"), ("password", PASSWORD)]);
        admin.follow(&done).reads("blocked").has("value=\"unblock\"");
        assert!(!reader.is_signed_in());
        let mut form = site.anyone().open("/sign-in").form("/sign-in");
        form.set("alias", "reader").set("password", PASSWORD);
        site.anyone().submit(&form).is(422);
        assert_eq!(logged(site, "block"), [("reader".to_owned(), "Spam & more".to_owned())]);
        admin.post(&path, &[("act", "unblock"), ("password", PASSWORD)]).is(303);
        assert!(site.sign_in("reader").is_signed_in());
        assert_eq!(logged(site, "unblock").len(), 1);
    }

    /// Sessions are seen with their browsers and ended, from both pages.
    fn sessions_are_seen_and_ended(site: &Site) {
        let id = site.id_of("reader");
        let path = format!("/admin/accounts/{id}");
        let browser = || {
            let mut client = site.anyone().with("User-Agent", "a-browser/7");
            client.sign_in("reader", PASSWORD);
            client
        };
        let (mut one, mut two, mut admin) = (browser(), browser(), site.as_admin());
        let page = admin.open(&path);
        assert_eq!(page.body.matches("a-browser/7").count(), 2, "{page:?}");
        admin.open("/admin/online?q=reader").has(&format!("href=\"{path}\"")).reads("sessions are open");
        let token = site.token("reader", "comment");
        let mut program = site.anyone();
        program.api("GET", "/api/v1/me", &token, &serde_json::Value::Null).is(200);
        let done = admin.post(&path, &[("act", "sessions")]);
        program.api("GET", "/api/v1/me", &token, &serde_json::Value::Null).is(401);
        admin.follow(&done).reads("All sessions of this account ended").lacks("a-browser/7");
        assert!(!one.is_signed_in() && !two.is_signed_in());
        let mut three = browser();
        admin.post("/admin/online", &[("account", &id.to_string())]).is(303);
        assert!(!three.is_signed_in() && admin.is_signed_in());
        assert_eq!(logged(site, "sessions").len(), 2);
        admin.open("/admin/online?q=reader").lacks(&path);
    }

    /// The link for a new password is shown once, to who typed his own; the site's own account has none.
    fn links_for_new_passwords(site: &Site) {
        let mut admin = site.as_admin();
        let path = format!("/admin/accounts/{}", site.id_of("reader"));
        admin.post(&path, &[("act", "reset"), ("password", "x")]).refuses("password").lacks("/reset?link=");
        let page = admin.post(&path, &[("act", "reset"), ("password", PASSWORD)]);
        page.is(200).has("://localhost/reset?link=");
        admin.open(&path).lacks("/reset?link=");
        assert_eq!(logged(site, "reset"), [("reader".to_owned(), String::new())]);
        let own = format!("/admin/accounts/{}", site.id_of("glsr"));
        admin.open(&own).lacks("value=\"reset\"");
        admin.post(&own, &[("act", "reset"), ("password", PASSWORD)]).is(409);
    }

    /// A script of an account is taken down, with the reason in the log; one of somebody else is not.
    fn scripts_are_taken_down(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut admin = site.as_admin();
        let path = format!("/admin/accounts/{}", site.id_of("author"));
        admin.open(&path).has("<option>tidy</option>");
        admin.post(&path, &[("act", "remove"), ("script", "tidy")]).refuses("reason");
        let fields = [("act", "remove"), ("script", "tidy"), ("reason", "Not yours")];
        let other = format!("/admin/accounts/{}", site.id_of("other"));
        admin.post(&other, &fields).is(404);
        admin.post(&path, &fields).is(303);
        assert_eq!(site.count("scripts WHERE name = 'tidy' AND status = 'removed'"), 1);
        assert_eq!(logged(site, "remove"), [("tidy".to_owned(), "Not yours".to_owned())]);
        admin.post(&path, &fields).is(409);
    }

    /// Limits are whole numbers; what is set holds, and only changes are in the log.
    fn limits_are_set(site: &Site) {
        let mut admin = site.as_admin();
        let mut form = admin.form("/admin/limits", "/admin/limits");
        assert_eq!((form.get("submissions-hour"), form.get("flags-day")), (Some("3"), Some("10")));
        for bad in ["", "-1", "1.5", "many", "100001"] {
            admin.submit(form.set("submissions-hour", bad)).refuses("submissions-hour");
        }
        admin.submit(form.set("submissions-hour", "7")).is(303);
        let form = admin.form("/admin/limits", "/admin/limits");
        assert_eq!(form.get("submissions-hour"), Some("7"));
        assert_eq!(logged(site, "limits"), [("submissions-hour 7".to_owned(), String::new())]);
        admin.submit(&form).is(303);
        assert_eq!(logged(site, "limits").len(), 1);
    }

    /// What goes wrong in the server is on the page of errors.
    fn errors_are_seen(site: &Site) {
        let mut admin = site.as_admin();
        admin.open("/admin/errors").reads("Nothing here");
        // A version without its text: no page can do that, a broken database can.
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let id: i64 = site.value("SELECT latest_id FROM scripts WHERE name = 'tidy'", &[]);
        site.execute("ALTER TABLE findings RENAME TO findings_gone", &[]);
        let answer = admin.try_ask(Ask::get(&format!("/review/{id}")));
        answer.is(500).lacks("findings");
        site.execute("ALTER TABLE findings_gone RENAME TO findings", &[]);
        let page = admin.open("/admin/errors");
        page.has(&format!("/review/{id}")).reads("500").has("review/[id=u64]");
        admin.open("/admin/").reads("Errors since the start 1");
    }

    /// News: written, changed, removed; on the first page at once.
    fn editors_write_news(site: &Site) {
        let mut editor = site.as_editor();
        let mut form = editor.form("/editor/news", "/editor/news");
        let page = editor.submit(form.set("act", "save").set("subject", "").set("body", "Come <b>all</b>"));
        page.refuses("subject").has("Come &lt;b&gt;all");
        editor.submit(form.set("subject", "A new machine")).is(303);
        site.anyone().open("/").has("A new machine");
        let id: i64 = site.value("SELECT id FROM news WHERE subject = 'A new machine'", &[]);
        let mut form = editor.form(&format!("/editor/news?edit={id}"), "/editor/news");
        assert_eq!(form.get("subject"), Some("A new machine"));
        editor.submit(form.set("act", "save").set("subject", "An old machine")).is(303);
        site.anyone().open("/").has("An old machine").lacks("A new machine");
        editor.submit(form.set("act", "remove")).is(303);
        site.anyone().open("/").lacks("An old machine");
        editor.submit(form.set("act", "remove")).is(404);
        let lines: Vec<_> = logged(site, "news").into_iter().map(|line| line.0).collect();
        assert_eq!(lines, ["A new machine", "An old machine"]);
        assert_eq!(logged(site, "drop-news").len(), 1);
    }

    /// Categories: added below others, renamed, removed when they are empty.
    fn editors_grow_the_tree(site: &Site) {
        let (mut editor, mut adder) = (site.as_editor(), site.as_editor());
        let mut add = |parent: &str, slug: &str| {
            let fields = [("act", "save"), ("parent", parent), ("slug", slug), ("name", "Some & more")];
            adder.post("/editor/categories", &fields)
        };
        add("sysadmin", "backup").is(303);
        add("sysadmin", "backup").refuses("slug");
        for bad in ["", "Big", "a/b", "a b", "-a", "été"] {
            add("", bad).refuses("slug");
        }
        add("sysadmin/backup", "tape").is(303);
        add("sysadmin/backup/tape", "old").refuses("parent");
        add("nowhere", "x").is(404);
        editor.open("/editor/categories").has("sysadmin/backup/tape");
        site.anyone().open("/").has("href=\"/browse/category/sysadmin/backup\"").has("Some &amp; more");
        Script::new("tidy", "#!/bin/sh\necho tidy\n").category("sysadmin/backup/tape").publish(site);
        let mut form = editor.form("/editor/categories?edit=sysadmin/backup/tape", "/editor/categories");
        assert_eq!(form.get("name"), Some("Some & more"));
        editor.submit(form.set("act", "remove")).refuses("name");
        editor.submit(form.set("act", "save").set("name", "Tapes").set("position", "x")).refuses("position");
        editor.submit(form.set("position", "3")).is(303);
        assert_eq!(site.count("categories WHERE path = 'sysadmin/backup/tape' AND name = 'Tapes' AND position = 3"), 1);
        add("", "empty").is(303);
        editor.post("/editor/categories", &[("act", "remove"), ("path", "empty")]).is(303);
        assert_eq!(site.count("categories WHERE path = 'empty'"), 0);
        assert_eq!((logged(site, "category").len(), logged(site, "drop-category").len()), (4, 1));
    }

    /// Languages: what is wrong with a pattern is told; those of scripts stay.
    fn editors_keep_languages(site: &Site) {
        let mut editor = site.as_editor();
        let fields = |slug, outline| [
            ("act", "save"), ("slug", slug), ("name", "Zig"), ("extensions", " zig  zon "), ("outline", outline),
            ("checker", ""),
        ];
        editor.post("/editor/languages", &fields("zig", "^pub fn\n(")).refuses("outline");
        let endless = "((a{1,900}){1,900}){1,900}";
        editor.post("/editor/languages", &fields("zig", endless)).refuses("outline");
        editor.post("/editor/languages", &fields("Zig", "")).refuses("slug");
        editor.post("/editor/languages", &fields("sh", "")).refuses("slug");
        editor.post("/editor/languages", &fields("zig", r"^pub fn (\w+)")).is(303);
        let kept = r"languages WHERE slug = 'zig' AND extensions = 'zig zon' AND outline = '^pub fn (\w+)' AND highlight = 'plain'";
        assert_eq!(site.count(kept), 1);
        let mut form = editor.form("/editor/languages?edit=zig", "/editor/languages");
        editor.submit(form.set("act", "save").set("checker", "rm")).refuses("checker");
        editor.submit(form.set("checker", "").set("name", "Zig 2")).is(303);
        editor.submit(form.set("act", "remove")).is(303);
        assert_eq!(site.count("languages WHERE slug = 'zig'"), 0);
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        editor.post("/editor/languages", &[("act", "remove"), ("old", "sh")]).refuses("name");
        assert_eq!((logged(site, "language").len(), logged(site, "drop-language").len()), (2, 1));
    }

    /// A pinned script is on the first page until its time is over; drafts cannot be pinned.
    fn editors_pin_scripts(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let mut editor = site.as_editor();
        let pin = |script, days| [("act", "pin"), ("script", script), ("text", "Look at this"), ("days", days)];
        editor.post("/editor/pins", &pin("nothing", "3")).refuses("script");
        for bad in ["0", "367", "soon", ""] {
            editor.post("/editor/pins", &pin("tidy", bad)).refuses("days");
        }
        editor.post("/editor/pins", &pin("tidy", "3")).is(303);
        site.anyone().open("/").has("Look at this");
        let left: i64 = site.value("SELECT pinned_until FROM scripts WHERE name = 'tidy'", &[]);
        assert!((left - now() - 3 * 86_400).abs() < 3_600);
        editor.open("/editor/pins").has("Look at this");
        editor.post("/editor/pins", &[("act", "unpin"), ("script", "tidy")]).is(303);
        site.anyone().open("/").lacks("Look at this");
        let lines: Vec<_> = logged(site, "pin").into_iter().map(|line| line.0).collect();
        assert_eq!(lines, ["tidy"]);
        assert_eq!(logged(site, "unpin").len(), 1);
    }

    /// The pages in French have no key that is missing.
    fn staff_reads_french(site: &Site) {
        site.publish("tidy", "#!/bin/sh\necho tidy\n");
        let id: i64 = site.value("SELECT latest_id FROM scripts WHERE name = 'tidy'", &[]);
        let account = site.id_of("author");
        let mut admin = site.as_admin().with("Accept-Language", "fr");
        for (path, words) in [
            ("/review/".to_owned(), "File d’attente"),
            (format!("/review/{id}"), "Supprimer cette version"),
            ("/editor/news".to_owned(), "Écrire une actualité"),
            ("/editor/categories".to_owned(), "Nouvelle catégorie"),
            ("/editor/languages".to_owned(), "Nouveau langage"),
            ("/editor/pins".to_owned(), "Épingler un script"),
            ("/admin/".to_owned(), "Taille de la base de données"),
            ("/admin/accounts/".to_owned(), "Alias ou nom"),
            (format!("/admin/accounts/{account}"), "Votre propre mot de passe"),
            ("/admin/limits".to_owned(), "Propositions par heure"),
            ("/admin/errors".to_owned(), "Rien"),
            ("/admin/online".to_owned(), "sessions sont ouvertes"),
        ] {
            let page = admin.open(&path);
            page.has("<html lang=\"fr\"").reads(words);
            assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        }
    }
}
