//! The services `session.*` of a test, and [`Told`]: what its templates are told of the session.

use serde::{Deserialize, Serialize};

use super::draft::{Draft, Flash};
use super::services::{Running, encode};
use super::store::Store;
use crate::db::bytes;
use crate::error::{Error, Result};
use crate::session::OpenSession;

#[derive(Deserialize)]
struct Key<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    key: &'a str,
    #[serde(with = "bytes")]
    value: Vec<u8>,
}

#[derive(Deserialize)]
struct User<'a> {
    user: &'a str,
}

#[derive(Deserialize)]
struct FlashMessage<'a> {
    kind: &'a str,
    text: &'a str,
}

#[derive(Deserialize)]
struct HandleOf<'a> {
    handle: &'a str,
}

#[derive(Serialize)]
struct Found<'a>(#[serde(serialize_with = "bytes::serialize")] &'a [u8]);

/// Whether a service is about any user's sessions and needs none of one's own.
pub fn is_of_any(service: &str) -> bool {
    matches!(service, "session.of" | "session.end_all" | "session.count")
}

/// Answers a message for the session.
pub fn answer(
    draft: &mut Draft,
    store: &mut Store,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>> {
    match service {
        "session.get" => {
            let Key { key } = rmp_serde::from_slice(message)?;
            encode(&draft.get(key).map(Found))
        }
        "session.set" => {
            let KeyValue { key, value } = rmp_serde::from_slice(message)?;
            encode(&draft.set(key, &value)?)
        }
        "session.remove" => {
            let Key { key } = rmp_serde::from_slice(message)?;
            encode(&draft.remove(key)?)
        }
        "session.user" => encode(&draft.user()),
        "session.sign_in" => {
            let User { user } = rmp_serde::from_slice(message)?;
            encode(&draft.sign_in(store, user)?)
        }
        "session.sign_out" => encode(&draft.destroy()),
        "session.renew" => encode(&draft.renew(store)),
        "session.flash" => {
            let FlashMessage { kind, text } = rmp_serde::from_slice(message)?;
            encode(&draft.flash(store, kind, text)?)
        }
        "session.csrf_token" => encode(&draft.csrf_token(store)),
        "session.all" => encode(&all(draft, store)),
        "session.of" => {
            let User { user } = rmp_serde::from_slice(message)?;
            encode(&of(draft, store, user))
        }
        "session.end_all" => {
            let User { user } = rmp_serde::from_slice(message)?;
            encode(&end_all(draft, store, user))
        }
        "session.count" => encode(&store.count()),
        "session.revoke" => {
            let HandleOf { handle } = rmp_serde::from_slice(message)?;
            encode(&revoke(draft, store, handle))
        }
        "session.revoke_others" => encode(
            &draft
                .user()
                .map_or(0, |user| store.remove_others(user, draft.handle())),
        ),
        _ => Err(Error::internal(format!(
            "a server has no service {service:?}"
        ))),
    }
}

fn all(draft: &Draft, store: &Store) -> Vec<OpenSession> {
    draft
        .user()
        .map_or_else(Vec::new, |user| of(draft, store, user))
}

/// The session of the request ends with it, as by signing out.
fn end_all(draft: &mut Draft, store: &mut Store, user: &str) -> u64 {
    let own = match draft.user() == Some(user) {
        true => draft.handle().map(str::to_owned),
        false => None,
    };
    if draft.user() == Some(user) {
        draft.destroy();
    }
    store.remove_others(user, own.as_deref()) + u64::from(own.is_some())
}

fn of(draft: &Draft, store: &Store, user: &str) -> Vec<OpenSession> {
    let open = store.of_user(user).into_iter().map(|record| OpenSession {
        handle: record.handle.clone(),
        is_this: draft.handle() == Some(record.handle.as_str()),
        created_ms: record.created_ms,
        seen_ms: record.seen_ms,
        user_agent: record.user_agent.clone(),
        address: record.address.clone(),
    });
    open.collect()
}

fn revoke(draft: &Draft, store: &mut Store, handle: &str) -> bool {
    let of_user = draft.user().map(|user| store.of_user(user));
    let mut of_user = of_user.into_iter().flatten();
    of_user.any(|record| record.handle == handle) && store.remove(handle)
}

/// What a template of the server can use beside its context; see
/// [`Site::template_told`](super::Site::template_told).
pub struct Told<'r> {
    running: &'r Running<'r>,
}

impl<'r> Told<'r> {
    pub(super) fn new(running: &'r Running<'r>) -> Told<'r> {
        Told { running }
    }

    /// `user`: who is signed in.
    ///
    /// ```
    /// use harmonious::testing::Site;
    ///
    /// Site::new().template_told(|_, _, told| format!("{:?}", told.user()));
    /// ```
    #[must_use]
    pub fn user(&self) -> Option<String> {
        (self.running).session(|draft, _| draft.user().map(str::to_owned))
    }

    /// `request.language`: the code of the visitor's language; see [`Site::locales`](super::Site::locales).
    ///
    /// ```
    /// use harmonious::testing::Site;
    ///
    /// Site::new().template_told(|name, _, told| format!("{name} in {}", told.language()));
    /// ```
    #[must_use]
    pub fn language(&self) -> String {
        super::locales::speech(self.running).code().to_owned()
    }

    /// `flash`: the messages that wait; they are shown by whoever takes them.
    ///
    /// ```
    /// use harmonious::testing::Site;
    ///
    /// Site::new().template_told(|_, _, told| told.flash().into_iter().map(|flash| flash.text).collect());
    /// ```
    #[must_use]
    pub fn flash(&self) -> Vec<Flash> {
        self.running.session(|draft, _| draft.take_flashes())
    }

    /// `csrf_token`.
    ///
    /// ```
    /// use harmonious::testing::Site;
    ///
    /// Site::new().template_told(|_, _, told| told.csrf_token());
    /// ```
    #[must_use]
    pub fn csrf_token(&self) -> String {
        self.running.session(Draft::csrf_token)
    }

    /// `csrf_field`: the token as a hidden field of a form.
    ///
    /// ```
    /// use harmonious::testing::Site;
    ///
    /// Site::new().template_told(|_, _, told| format!("<form method=\"post\">{}</form>", told.csrf_field()));
    /// ```
    #[must_use]
    pub fn csrf_field(&self) -> String {
        let token = self.csrf_token();
        format!("<input type=\"hidden\" name=\"csrf_token\" value=\"{token}\">")
    }
}
