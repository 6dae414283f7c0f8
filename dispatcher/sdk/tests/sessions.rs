//! Sessions, logins and sealed texts in tests of modules: what the server promises holds there too.

#![forbid(unsafe_code)]

use std::time::Duration;

use harmonious::prelude::*;
use harmonious::testing::{self, Flash, Reply, Site, Visitor};

/// One handler that does what the last segment of the path says, to what the query says.
#[handle(GET, POST)]
fn act(req: &Request) -> Result<Response> {
    let session = req.session();
    let what = req.query("q").unwrap_or_default();
    let text = match req.rest() {
        ["get"] => format!("{:?}", session.get::<String>("value")?),
        ["set"] => done(session.set("value", &what)?),
        ["remove"] => done(session.remove("value")?),
        ["user"] => format!("{:?}", session.user()?),
        ["sign-in"] => done(session.sign_in(&what)?),
        ["sign-out"] => done(session.sign_out()?),
        ["sign-over"] => {
            session.sign_out()?;
            done(session.set("value", &what)?)
        }
        ["renew"] => done(session.renew()?),
        ["flash"] => done(session.flash("info", &what)?),
        ["token"] => session.csrf_token()?,
        ["all"] => return Ok(Response::json(&session.all()?)),
        ["revoke"] => session.revoke(&what)?.to_string(),
        ["revoke-and-set"] => {
            session.revoke(&what)?;
            done(session.set("value", "late")?)
        }
        ["of"] => return Ok(Response::json(&session.of(&what)?)),
        ["end-all"] => session.end_all(&what)?.to_string(),
        ["count"] => session.count()?.to_string(),
        ["revoke-others"] => session.revoke_others()?.to_string(),
        ["break"] => {
            session.sign_in("ann")?;
            session.set("value", "kept?")?;
            return Err(Error::internal("a page that breaks"));
        }
        ["refuse"] => {
            session.flash("error", "kept")?;
            return Err(Error::forbidden("no"));
        }
        ["render"] => return req.render("index.html", context! {}),
        ["hash"] => req.hash_password(&what)?,
        ["login"] => {
            let hash = testing::hash_password("secret");
            req.check_login("ann", &what, Some(&hash))?.ok.to_string()
        }
        ["stored-login"] => {
            let login = req.check_login("ann", "secret", Some(&what))?;
            format!("{} {:?}", login.ok, login.new_hash.is_some())
        }
        ["theme"] if what.is_empty() => {
            let mut response = Response::text(req.cookie("theme").unwrap_or_default());
            response.remove_cookie("theme");
            return Ok(response);
        }
        ["theme"] => return Ok(Response::text("").with_cookie(("theme", what))),
        ["seal"] => req.seal("link", &what, 60)?,
        ["unseal"] => format!("{:?}", req.unseal("link", &what)?),
        _ => return Err(decline()),
    };
    Ok(Response::text(text))
}

#[export]
fn remember(req: &Request, value: String) -> Result<Option<String>> {
    let before = req.session().get("value")?;
    req.session().set("value", &value)?;
    Ok(before)
}

fn done((): ()) -> String {
    "done".to_owned()
}

fn ask(visitor: &Visitor<'_>, act: &str, what: &str) -> Reply {
    visitor.get(&format!("/{act}?q={what}")).rest(1).send()
}

fn text(visitor: &Visitor<'_>, act: &str, what: &str) -> String {
    let reply = ask(visitor, act, what);
    assert_eq!(reply.status(), 200, "{act} {what}");
    reply.text()
}

fn id(visitor: &Visitor<'_>) -> String {
    visitor.cookie("session").expect("a session")
}

#[test]
fn a_value_is_kept_for_its_visitor_alone() {
    let site = Site::new();
    let (ann, bob) = (site.visitor(), site.visitor());
    assert_eq!(text(&ann, "get", ""), "None");
    assert!(
        !ann.has_session() && ann.cookie("session").is_none(),
        "to look makes none"
    );
    text(&ann, "set", "1");
    text(&bob, "set", "2");
    assert_eq!(text(&ann, "get", ""), "Some(\"1\")");
    assert_eq!(text(&bob, "get", ""), "Some(\"2\")");
    assert_eq!(ann.value::<String>("value").as_deref(), Some("1"));
    text(&ann, "remove", "");
    assert_eq!(ann.value::<String>("value"), None);
    assert!(ann.has_session(), "an empty one is one");
    let stranger = site.get("/get").rest(1).send();
    assert_eq!(stranger.text(), "None");
}

#[test]
fn the_answer_that_begins_a_session_has_its_cookie() {
    let site = Site::new();
    let ann = site.visitor();
    let reply = ask(&ann, "set", "1");
    let cookie = reply.header("set-cookie").unwrap();
    assert_eq!(
        cookie,
        format!(
            "session={}; HttpOnly; SameSite=Lax; Path=/; Max-Age=7776000",
            id(&ann)
        )
    );
    assert_eq!(reply.header("cache-control"), Some("private, no-store"));
    assert_eq!(ask(&ann, "set", "2").header("set-cookie"), None);
    // It is all that a session needs, and two of it are none.
    let by_hand = site.get("/get").rest(1).cookie("session", &id(&ann));
    assert_eq!(by_hand.send().text(), "Some(\"2\")");
    let twice = by_hand.cookie("session", "planted");
    assert_eq!(twice.send().text(), "None");
}

#[test]
fn a_visitor_keeps_cookies_until_they_are_taken_away() {
    let site = Site::new();
    let (ann, bob) = (site.visitor(), site.visitor());
    text(&ann, "theme", "dark%20%C3%A9;");
    assert_eq!(text(&bob, "theme", ""), "");
    assert_eq!(text(&ann, "theme", ""), "dark é;");
    assert_eq!(text(&ann, "theme", ""), "");
    assert_eq!(ann.cookie("theme"), None);
    assert_eq!(ann.cookie("session"), None);
}

#[test]
fn a_login_keeps_the_values_and_changes_the_id() {
    let site = Site::new();
    let ann = site.visitor();
    text(&ann, "set", "cart");
    let (before, token) = (id(&ann), text(&ann, "token", ""));
    text(&ann, "sign-in", "ann");
    assert_eq!(
        (ann.user().as_deref(), text(&ann, "user", "").as_str()),
        (Some("ann"), "Some(\"ann\")")
    );
    assert_eq!(ann.value::<String>("value").as_deref(), Some("cart"));
    assert_ne!(id(&ann), before);
    assert_ne!(text(&ann, "token", ""), token);
    let stolen = site.get("/user").rest(1).cookie("session", &before).send();
    assert_eq!(stolen.text(), "None");
    // As somebody else: an empty session.
    text(&ann, "sign-in", "bob");
    assert_eq!(ann.user().as_deref(), Some("bob"));
    assert_eq!(ann.value::<String>("value"), None);
    assert_eq!(ask(&ann, "sign-in", "").status(), 500);
}

#[test]
fn to_sign_out_ends_all_that_it_holds() {
    let site = Site::new();
    let ann = site.visitor().signed_in("ann").with("value", "1");
    let before = id(&ann);
    let reply = ask(&ann, "sign-out", "");
    assert!(
        reply
            .header("set-cookie")
            .unwrap()
            .starts_with("session=; ")
    );
    assert!(!ann.has_session() && ann.cookie("session").is_none());
    let stolen = site.get("/get").rest(1).cookie("session", &before).send();
    assert_eq!(stolen.text(), "None");
    // What is set after it goes into a new one.
    let ann = site.visitor().signed_in("ann").with("other", "1");
    text(&ann, "sign-over", "2");
    assert_eq!((ann.user(), ann.value::<String>("other")), (None, None));
    assert_eq!(ann.value::<String>("value").as_deref(), Some("2"));
}

#[test]
fn a_renewed_session_has_another_id_and_the_same_values() {
    let site = Site::new();
    let ann = site.visitor().signed_in("ann").with("value", "1");
    let before = id(&ann);
    text(&ann, "renew", "");
    assert_ne!(id(&ann), before);
    assert_eq!(text(&ann, "get", ""), "Some(\"1\")");
    assert_eq!(ann.user().as_deref(), Some("ann"));
    // Without a session there is nothing to renew.
    let bob = site.visitor();
    text(&bob, "renew", "");
    assert!(!bob.has_session());
}

#[test]
fn a_page_that_breaks_keeps_nothing() {
    let site = Site::new();
    let ann = site.visitor().with("value", "before");
    let before = id(&ann);
    let reply = ask(&ann, "break", "");
    assert_eq!((reply.status(), reply.header("set-cookie")), (500, None));
    assert_eq!((ann.user(), id(&ann)), (None, before));
    assert_eq!(ann.value::<String>("value").as_deref(), Some("before"));
    // A refusal is no broken page.
    assert_eq!(ask(&ann, "refuse", "").status(), 403);
    assert_eq!(ann.flashes(), [Flash::new("error", "kept")]);
}

#[test]
fn templates_are_told_of_the_session() {
    let site = Site::new().template_told(|name, _, told| {
        let flashes: Vec<String> = told.flash().into_iter().map(|flash| flash.text).collect();
        let field = told.csrf_field();
        assert!(field.contains(&told.csrf_token()));
        format!("{name} {:?} {flashes:?} {field}", told.user())
    });
    let ann = site.visitor().signed_in("ann");
    text(&ann, "flash", "one");
    text(&ann, "flash", "two");
    assert_eq!(ann.flashes().len(), 2);
    let token = text(&ann, "token", "");
    assert_eq!(
        text(&ann, "render", ""),
        format!(
            "index.html Some(\"ann\") [\"one\", \"two\"] \
             <input type=\"hidden\" name=\"csrf_token\" value=\"{token}\">"
        )
    );
    assert!(ann.flashes().is_empty(), "they were shown");
    let bob = site.visitor();
    assert!(text(&bob, "render", "").starts_with("index.html None [] <input"));
    assert!(!bob.has_session(), "a token makes none");
}

#[test]
fn a_user_sees_all_sessions_and_ends_others() {
    let site = Site::new();
    let phone = site.visitor().signed_in("ann");
    let desk = site.visitor().signed_in("ann");
    let bob = site.visitor().signed_in("bob");
    site.advance(Duration::from_secs(120));
    let seen = desk.get("/user").rest(1).client("192.0.2.1");
    seen.header("User-Agent", "Desk/1").send();
    let all: Vec<harmonious::OpenSession> = ask(&desk, "all", "").json();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].user_agent.as_str(), all[0].address.as_str()),
        ("Desk/1", "192.0.2.1")
    );
    assert!(all[0].is_this && !all[1].is_this);
    assert_eq!(all[0].seen_ms - all[1].seen_ms, 120_000);
    assert_eq!(all[0].created_ms, all[1].created_ms);
    assert_eq!(text(&bob, "revoke", &all[1].handle), "false");
    assert_eq!(text(&desk, "revoke", &all[1].handle), "true");
    assert_eq!((phone.user(), desk.user().as_deref()), (None, Some("ann")));
    let phone = site.visitor().signed_in("ann");
    assert_eq!(text(&desk, "revoke-others", ""), "1");
    assert!(!phone.has_session() && desk.has_session() && bob.has_session());
    assert_eq!(text(&site.visitor(), "revoke-others", ""), "0");
    assert_eq!(text(&site.visitor(), "all", ""), "[]");
}

#[test]
fn an_administrator_sees_and_ends_the_sessions_of_others() {
    let site = Site::new();
    let (desk, phone) = (
        site.visitor().signed_in("ann"),
        site.visitor().signed_in("ann"),
    );
    let (bob, guest) = (site.visitor().signed_in("bob"), site.visitor());
    text(&guest, "set", "1");
    assert_eq!(text(&bob, "count", ""), "4");
    let of = |user: &str| -> Vec<harmonious::OpenSession> { ask(&bob, "of", user).json() };
    assert_eq!(of("ann").len(), 2);
    assert!(of("ann").iter().all(|one| !one.is_this) && of("bob")[0].is_this);
    assert_eq!(of("nobody"), []);
    assert_eq!(text(&bob, "end-all", "ann"), "2");
    assert_eq!(text(&bob, "end-all", "ann"), "0");
    assert!(!desk.has_session() && !phone.has_session() && guest.has_session());
    // One's own ends with the request.
    assert_eq!(text(&bob, "end-all", "bob"), "1");
    assert!(!bob.has_session() && bob.cookie("session").is_none());
    site.advance(Duration::from_secs(15 * 24 * 3600));
    assert_eq!(text(&guest, "count", ""), "0");
}

#[test]
fn an_ended_session_takes_nothing_more() {
    let site = Site::new();
    let ann = site.visitor().signed_in("ann");
    let all: Vec<harmonious::OpenSession> = ask(&ann, "all", "").json();
    assert_eq!(ask(&ann, "revoke-and-set", &all[0].handle).status(), 503);
    assert!(!ann.has_session());
    let ann = site.visitor().signed_in("ann");
    let all: Vec<harmonious::OpenSession> = ask(&ann, "all", "").json();
    assert_eq!(text(&ann, "revoke", &all[0].handle), "true");
    assert!(!ann.has_session());
}

#[test]
fn a_session_that_is_not_used_ends() {
    let site = Site::new();
    let ann = site.visitor().signed_in("ann");
    let day = Duration::from_secs(24 * 3600);
    site.advance(13 * day);
    assert_eq!(text(&ann, "user", ""), "Some(\"ann\")");
    site.advance(13 * day);
    assert_eq!(text(&ann, "user", ""), "Some(\"ann\")");
    site.advance(14 * day);
    assert_eq!(text(&ann, "user", ""), "None");
}

#[test]
fn an_export_of_a_visitor_has_the_session() {
    let site = Site::new();
    let ann = site.visitor();
    assert_eq!(
        ann.call::<Option<String>>("remember", ("1",)).unwrap(),
        None
    );
    let before: Option<String> = ann.call("remember", ("2",)).unwrap();
    assert_eq!(before.as_deref(), Some("1"));
    assert_eq!(ann.value::<String>("value").as_deref(), Some("2"));
    // Without a visitor it is of nobody.
    assert_eq!(
        site.call::<Option<String>>("remember", ("3",)).unwrap(),
        None
    );
}

#[test]
fn passwords_are_hashed_and_checked() {
    let site = Site::new();
    let ann = site.visitor();
    assert_eq!(
        text(&ann, "hash", "secret"),
        testing::hash_password("secret")
    );
    assert_eq!(text(&ann, "login", "secret"), "true");
    assert_eq!(text(&ann, "login", "other"), "false");
    let old = testing::outdated_password_hash("secret");
    assert_eq!(text(&ann, "stored-login", &old), "true true");
    assert_eq!(ask(&ann, "stored-login", "secret").status(), 500);
    assert_eq!(ask(&ann, "hash", &"x".repeat(1025)).status(), 422);
}

#[test]
fn a_test_takes_the_place_of_a_service() {
    let site = Site::new().service("login", |_| Err(Error::too_many_requests(60)));
    let reply = ask(&site.visitor(), "login", "secret");
    assert_eq!(
        (reply.status(), reply.header("retry-after")),
        (429, Some("60"))
    );
}

#[test]
fn a_sealed_text_opens_until_its_time_is_over() {
    let site = Site::new();
    let ann = site.visitor();
    let sealed = text(&ann, "seal", "hello");
    assert_eq!(text(&ann, "unseal", &sealed), "Some(\"hello\")");
    assert_eq!(text(&ann, "unseal", &sealed[1..]), "None");
    site.advance(Duration::from_secs(60));
    assert_eq!(text(&ann, "unseal", &sealed), "None");
}
