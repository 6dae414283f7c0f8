//! Sessions as browsers see them: ids, expiry, logins and logouts, lists, what is written when.

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::{DAY, HOUR, MINUTE, Site, on_each_store};
use harmonious_session::config::{
    SEEN_WRITE_EVERY, SESSION_KEYS_MAX, SESSIONS_PER_USER_MAX, STORE_RETRY_AFTER,
};
use harmonious_session::{
    EndReason, Flash, Handle, MemoryStore, SessionError, SessionId, Settings,
};

fn in_memory() -> Site {
    Site::new(std::sync::Arc::new(MemoryStore::default()))
}

#[test]
fn a_session_is_made_when_something_is_put_in() {
    on_each_store(|site| {
        let mut browser = site.browser();
        let changed = browser.request(|session| {
            assert_eq!(session.get("a").unwrap(), None);
            assert!(!session.exists().unwrap());
            session.csrf_token().unwrap();
            session.take_flashes().unwrap();
            session.remove("a").unwrap();
            session.renew().unwrap();
        });
        assert!(!changed);
        assert_eq!(site.store.calls(), (0, 0));
        assert!(browser.request(|session| session.set("a", b"1").unwrap()));
        assert!(
            browser
                .cookie
                .as_ref()
                .unwrap()
                .starts_with("__Host-session=")
        );
        assert_eq!(browser.get("a").unwrap(), b"1");
        assert_eq!(browser.user(), None);
    });
}

#[test]
fn an_id_that_the_visitor_chose_is_never_taken_over() {
    on_each_store(|site| {
        let chosen = SessionId::draw().unwrap().to_cookie_value();
        let mut victim = site.browser();
        victim.cookie = Some(format!("__Host-session={chosen}"));
        assert!(victim.request(|session| session.set("a", b"1").unwrap()));
        assert!(!victim.cookie.as_ref().unwrap().contains(&chosen));

        // One that exists, planted before the login, is nothing after it.
        let mut attacker = site.browser();
        attacker.request(|session| session.set("a", b"attacker's").unwrap());
        let mut victim = attacker.clone();
        victim.login("ann");
        assert_ne!(victim.cookie, attacker.cookie);
        assert_eq!(victim.user().as_deref(), Some("ann"));
        assert_eq!((attacker.user(), attacker.get("a")), (None, None));
    });
}

#[test]
fn after_logout_nothing_can_be_replayed() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.login("ann");
        browser.request(|session| session.set("a", b"1").unwrap());
        let mut copy = browser.clone();
        let late = copy.session();
        late.set("late", b"1").unwrap();

        assert!(browser.request(|session| {
            session.destroy().unwrap();
            assert_eq!(session.user().unwrap(), None);
            assert!(!session.exists().unwrap());
        }));
        assert_eq!(browser.cookie, None, "the browser is told to forget it");
        assert_eq!((copy.user(), copy.get("a")), (None, None));
        assert_eq!(site.sessions.of_user("ann").unwrap(), []);
        // A request that was under way does not bring it back.
        let error = late.commit().unwrap_err();
        assert!(matches!(error, SessionError::Gone) && error.status() == 503);
        assert_eq!(copy.get("late"), None);
        assert!(matches!(site.ended.lock()[..], [(_, EndReason::Destroyed)]));
    });
}

#[test]
fn cookies_that_we_never_wrote_cost_no_store_anything() {
    let site = in_memory();
    let mut good = site.browser();
    good.request(|session| session.set("a", b"1").unwrap());
    let pair = good.cookie.clone().unwrap();
    site.store.calls();
    let forged = [
        format!("{pair}; {pair}"),
        format!("{pair}A"),
        pair[..pair.len() - 1].to_owned(),
        format!("{pair}="),
        pair.replace("__Host-", ""),
        pair.replace("__Host-session", "__Secure-session"),
        "__Host-session=".to_owned(),
        "__Host-session=../../etc/passwd".to_owned(),
        format!("__Host-session={}", "A".repeat(10_000)),
        format!("{pair}; x={}", "A".repeat(20_000)),
    ];
    for cookie in forged {
        let mut browser = site.browser();
        browser.cookie = Some(cookie.clone());
        assert_eq!(browser.get("a"), None, "{cookie:.60}");
    }
    assert_eq!(site.store.calls(), (0, 0));
    // Of the right form but unknown: the store is asked once.
    let mut browser = site.browser();
    browser.cookie = Some(format!("__Host-session={}", "A".repeat(43)));
    assert!(!browser.request(|session| {
        assert_eq!(session.get("a").unwrap(), None);
        assert_eq!(session.user().unwrap(), None);
    }));
    assert_eq!(site.store.calls(), (1, 0));
    // What was set without TLS is nothing with it.
    let mut plain = site.browser();
    plain.secure = false;
    plain.request(|session| session.set("a", b"1").unwrap());
    assert!(plain.cookie.as_ref().unwrap().starts_with("session="));
    assert!(plain.get("a").is_some());
    plain.secure = true;
    assert_eq!(plain.get("a"), None);
}

#[test]
fn a_session_that_is_not_used_expires() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("a", b"1").unwrap());
        for _ in 0..3 {
            site.clock.advance(HOUR - MINUTE);
            assert!(browser.get("a").is_some());
        }
        site.clock.advance(HOUR);
        assert_eq!(browser.get("a"), None);
        // Also for a request that read it in time and writes too late? It was used, so it lives.
        browser.request(|session| session.set("a", b"2").unwrap());
        assert_eq!(site.sessions.sweep().unwrap(), 1);
        assert_eq!(browser.get("a").unwrap(), b"2");
    });
}

#[test]
fn a_session_ends_however_much_it_is_used() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("a", b"1").unwrap());
        for _ in 0..47 {
            site.clock.advance(HOUR / 2);
            assert!(browser.get("a").is_some());
        }
        // A new id is no new life, a login is.
        browser.request(|session| session.renew().unwrap());
        let mut other = browser.clone();
        other.login("ann");
        site.clock.advance(HOUR / 2);
        assert_eq!(browser.get("a"), None);
        assert!(other.get("a").is_some());
    });
}

#[test]
fn a_short_life_is_prolonged_by_use_too() {
    let settings = Settings {
        idle: Duration::from_secs(20),
        ..Settings::default()
    };
    let site = Site::with(std::sync::Arc::new(MemoryStore::default()), settings);
    let mut browser = site.browser();
    browser.request(|session| session.set("a", b"1").unwrap());
    for _ in 0..50 {
        site.clock.advance(Duration::from_secs(15));
        assert!(browser.get("a").is_some());
    }
    site.clock.advance(Duration::from_secs(20));
    assert_eq!(browser.get("a"), None);
}

#[test]
fn shorter_limits_hold_for_sessions_that_are_there() {
    let store = std::sync::Arc::new(MemoryStore::default());
    let site = Site::new(store.clone());
    let mut browser = site.browser();
    browser.request(|session| session.set("a", b"1").unwrap());
    let settings = Settings {
        idle: MINUTE,
        ..Settings::default()
    };
    let stricter = Site::with(store, settings);
    stricter.clock.advance(MINUTE);
    browser.sessions = stricter.sessions;
    assert_eq!(browser.get("a"), None);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("a", b"1").unwrap());
        assert_eq!(site.store.calls(), (0, 1));
        for _ in 0..10 {
            browser.request(|session| {
                assert_eq!(session.keys().unwrap(), ["a"]);
                session.set("a", b"1").unwrap();
                session.remove("b").unwrap();
                session.csrf_token().unwrap();
                assert!(session.commit().unwrap().is_none());
            });
        }
        assert_eq!(site.store.calls(), (10, 0));
        // A request that does not look at it costs nothing.
        browser.request(|_| {});
        assert_eq!(site.store.calls(), (0, 0));
        // When it was last seen is written now and then.
        site.clock.advance(SEEN_WRITE_EVERY);
        browser.get("a");
        browser.get("a");
        assert_eq!(site.store.calls(), (2, 1));
        browser.request(|session| {
            session.set("a", b"2").unwrap();
            session.set("b", b"2").unwrap();
        });
        assert_eq!(site.store.calls(), (1, 1));
    });
}

#[test]
fn what_a_handler_did_before_it_failed_did_not_happen() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.login("ann");
        let session = browser.session();
        session.set("a", b"1").unwrap();
        session.set_user(None).unwrap();
        drop(session);
        assert_eq!(
            (browser.user().as_deref(), browser.get("a")),
            (Some("ann"), None)
        );
    });
}

#[test]
fn a_store_that_is_down_is_an_error_and_nothing_is_acknowledged() {
    let site = in_memory();
    let mut browser = site.browser();
    browser.request(|session| session.set("a", b"1").unwrap());
    let session = browser.session();
    session.set("a", b"2").unwrap();
    site.store.fails.store(true, Ordering::SeqCst);
    assert_eq!(browser.session().get("a").unwrap_err().status(), 503);
    let error = session.commit().unwrap_err();
    assert_eq!(error.status(), 503);
    assert_eq!(error.retry_after(), Some(STORE_RETRY_AFTER));
    site.store.fails.store(false, Ordering::SeqCst);
    assert_eq!(browser.get("a").unwrap(), b"1");
    // The same draft can be written once the store is back.
    session.commit().unwrap();
    assert_eq!(browser.get("a").unwrap(), b"2");
}

#[test]
fn leaving_a_user_ends_the_session() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("cart", b"1").unwrap());
        browser.login("ann");
        assert!(
            browser.get("cart").is_some(),
            "a login keeps the visitor's values"
        );
        let anns = browser.clone();
        browser.request(|session| session.set("secret", b"ann's").unwrap());
        browser.login("bob");
        assert_eq!(
            (browser.user().as_deref(), browser.get("secret")),
            (Some("bob"), None)
        );
        assert_eq!(anns.clone().user(), None);
        browser.request(|session| {
            session.set_user(None).unwrap();
            session.flash("info", "bye").unwrap();
        });
        assert_eq!((browser.user(), browser.get("cart")), (None, None));
        browser.request(|session| assert_eq!(session.take_flashes().unwrap()[0].text, "bye"));
        let reasons: Vec<EndReason> = site.ended.lock().iter().map(|(_, r)| *r).collect();
        assert_eq!(reasons, [EndReason::Destroyed; 2]);
        for user in ["", &"u".repeat(300)] {
            assert!(browser.session().set_user(Some(user)).is_err());
        }
    });
}

#[test]
fn a_renewed_session_keeps_its_name_and_its_values() {
    on_each_store(|site| {
        let mut browser = site.browser();
        let mut handle = None;
        browser.request(|session| handle = Some(session.owner().unwrap()));
        let old = browser.clone();
        browser.request(|session| session.renew().unwrap());
        assert_ne!(old.cookie, browser.cookie);
        assert_eq!(old.session().handle().unwrap(), None);
        assert_eq!(browser.session().handle().unwrap(), handle);
        assert!(site.ended.lock().is_empty());
    });
}

#[test]
fn who_wrote_under_the_old_id_is_told_so() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| {
            session.set("a", b"1").unwrap();
            session.flash("info", "x").unwrap();
        });
        let (reader, writer) = (browser.session(), browser.session());
        assert_eq!(reader.take_flashes().unwrap().len(), 1);
        writer.set("a", b"planted").unwrap();
        browser.login("ann");
        assert!(matches!(writer.commit(), Err(SessionError::Gone)));
        assert_eq!(browser.get("a").unwrap(), b"1");
        // That a message was shown is no loss.
        assert!(reader.commit().unwrap().is_none());
    });
}

#[test]
fn flashes_are_shown_once_and_none_is_lost() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.flash("info", "one").unwrap());
        let (a, b) = (browser.session(), browser.session());
        for (session, text) in [(&a, "two"), (&b, "three")] {
            session.flash("error", text).unwrap();
        }
        a.commit().unwrap();
        b.commit().unwrap();
        browser.request(|session| {
            assert!(
                session.keys().unwrap().is_empty(),
                "they are no keys of the author's"
            );
            assert!(session.set("~flash/x", b"").is_err());
            let flashes = session.take_flashes().unwrap();
            assert_eq!(flashes.len(), 3);
            let one = Flash {
                kind: "info".into(),
                text: "one".into(),
            };
            assert_eq!(flashes[0], one);
        });
        browser.request(|session| assert!(session.take_flashes().unwrap().is_empty()));
        assert!(browser.session().flash("info", &"x".repeat(5000)).is_err());
    });
}

#[test]
fn sessions_are_listed_and_revoked() {
    on_each_store(|site| {
        let mut browsers: Vec<_> = (0..4).map(|_| site.browser()).collect();
        for browser in &mut browsers {
            browser.login("ann");
            site.clock.advance(MINUTE);
        }
        let mut bob = site.browser();
        bob.login("bob");
        let bobs = bob.session().handle().unwrap().unwrap();
        let list = site.sessions.of_user("ann").unwrap();
        assert_eq!(list.len(), 4);
        assert!(list.windows(2).all(|two| two[0].seen_ms > two[1].seen_ms));
        assert_eq!(
            (list[0].address.as_str(), list[0].user_agent.as_str()),
            ("192.0.2.1", "Mozilla/5.0")
        );
        // Nobody revokes what is somebody else's.
        assert!(!site.sessions.revoke("ann", &bobs).unwrap());
        assert!(
            !site
                .sessions
                .revoke("ann", &Handle::draw().unwrap())
                .unwrap()
        );
        assert!(site.sessions.revoke("ann", &list[3].handle).unwrap());
        assert_eq!(browsers[0].user(), None);
        let own = browsers[3].session().handle().unwrap().unwrap();
        assert_eq!(site.sessions.revoke_all("ann", Some(&own)).unwrap(), 2);
        assert_eq!(browsers[2].user(), None);
        assert_eq!(browsers[3].user().as_deref(), Some("ann"));
        assert_eq!(site.sessions.revoke_all("ann", None).unwrap(), 1);
        assert_eq!(bob.user().as_deref(), Some("bob"));
        let ended = site.ended.lock();
        assert!(
            ended.len() == 4
                && ended
                    .iter()
                    .all(|(_, reason)| *reason == EndReason::Revoked)
        );
    });
}

#[test]
fn nobody_has_more_sessions_than_fit_in_a_list() {
    on_each_store(|site| {
        let mut first = site.browser();
        first.login("ann");
        for _ in 0..SESSIONS_PER_USER_MAX {
            site.clock.advance(Duration::from_secs(1));
            site.browser().login("ann");
        }
        assert_eq!(first.user(), None, "the one not seen for longest went");
        assert_eq!(
            site.sessions.of_user("ann").unwrap().len(),
            SESSIONS_PER_USER_MAX
        );
    });
}

#[test]
fn two_that_fit_alone_do_not_grow_beyond_the_limit_together() {
    on_each_store(|site| {
        let mut browser = site.browser();
        browser.request(|session| session.set("a", b"1").unwrap());
        let (a, b) = (browser.session(), browser.session());
        for number in 0..SESSION_KEYS_MAX - 1 {
            a.set(&format!("a{number}"), b"").unwrap();
            b.set(&format!("b{number}"), b"").unwrap();
        }
        a.commit().unwrap();
        assert!(matches!(b.commit(), Err(SessionError::Full)));
        let keys = browser.session().keys().unwrap();
        assert!(keys.len() == SESSION_KEYS_MAX && !keys.contains(&"b0".to_owned()));
    });
}

#[test]
fn the_cookie_lives_as_long_as_the_session_may() {
    let site = in_memory();
    let session = site.browser().session();
    session.set("a", b"1").unwrap();
    let cookie = session.commit().unwrap().unwrap();
    let age = format!("Max-Age={}", DAY.as_secs());
    assert!(
        cookie.to_str().unwrap().contains(&age),
        "{}",
        cookie.to_str().unwrap()
    );
    let settings = Settings {
        lasting: false,
        cookie: "sid".to_owned(),
        ..Settings::default()
    };
    let site = Site::with(std::sync::Arc::new(MemoryStore::default()), settings);
    let session = site.browser().session();
    session.set("a", b"1").unwrap();
    let cookie = session.commit().unwrap().unwrap();
    let cookie = cookie.to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-sid=") && !cookie.contains("Max-Age"),
        "{cookie}"
    );
}
