//! How many sessions are alive, in each store.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{DAY, HOUR, Site, on_each_store};
use harmonious_session::{MemoryStore, Settings};

#[test]
fn who_is_there_is_counted_while_he_is_alive() {
    on_each_store(|site| {
        let sessions = &site.sessions;
        assert_eq!(sessions.count().unwrap(), 0);
        let (mut ann, mut visitor) = (site.browser(), site.browser());
        ann.login("ann");
        visitor.request(|session| session.set("a", b"1").unwrap());
        // Who only looks has no session.
        site.browser().get("a");
        assert_eq!(sessions.count().unwrap(), 2);
        // One millisecond before the hour without use is over, and when it is.
        site.clock.advance(HOUR - Duration::from_millis(1));
        assert_eq!(sessions.count().unwrap(), 2);
        assert_eq!(ann.user().as_deref(), Some("ann"));
        site.clock.advance(Duration::from_millis(1));
        assert_eq!(sessions.count().unwrap(), 1);
        assert_eq!(visitor.get("a"), None);
        // After a day it is over, however much it is used.
        for _ in 0..2 * 22 + 1 {
            site.clock.advance(HOUR / 2);
            assert_eq!(ann.user().as_deref(), Some("ann"));
        }
        assert_eq!(sessions.count().unwrap(), 1);
        site.clock.advance(HOUR / 2);
        assert_eq!((sessions.count().unwrap(), ann.user()), (0, None));
        ann.login("ann");
        assert_eq!(sessions.count().unwrap(), 1);
        sessions.revoke_all("ann", None).unwrap();
        assert_eq!(sessions.count().unwrap(), 0);
    });
}

#[test]
fn a_count_follows_the_settings_of_the_moment() {
    let store = Arc::new(MemoryStore::default());
    let site = Site::new(store.clone());
    site.browser().login("ann");
    for (idle, absolute, count) in [
        (HOUR, DAY, 1),
        (Duration::MAX, Duration::MAX, 1),
        (Duration::from_secs(60), DAY, 0),
        (HOUR, Duration::from_secs(60), 0),
    ] {
        let settings = Settings {
            idle,
            absolute,
            ..Settings::default()
        };
        let other = Site::with(store.clone(), settings);
        other.clock.advance(HOUR / 2);
        assert_eq!(
            other.sessions.count().unwrap(),
            count,
            "{idle:?} {absolute:?}"
        );
    }
}
