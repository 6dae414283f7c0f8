//! Who asks, and what they may do.

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Me, Role, Script, Status};
use crate::store::{accounts, now, scripts, settings, talk};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A version sent in.
    Submission,
    Comment,
    Flag,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// The limits that administrators set: the setting, what it is without one, and its span in seconds.
pub const LIMITS: [(&str, i64, i64); 5] = [
    ("limit.submissions-hour", 3, HOUR),
    ("limit.submissions-day", 10, DAY),
    ("limit.submissions-week", 20, WEEK),
    ("limit.comments-hour", 5, HOUR),
    ("limit.flags-day", 10, DAY),
];

/// Unfounded flags in 30 days after which somebody may flag nothing for that long.
const FLAGS_UNFOUNDED: i64 = 3;

/// The names that the cookie of a session has, over http and over https.
const SESSION_COOKIES: [&str; 2] = ["session", "__Host-session"];

/// Whether the visitor comes with a session; without one nothing is asked of any store.
#[must_use]
pub fn has_session(req: &Request) -> bool {
    SESSION_COOKIES
        .iter()
        .any(|name| req.cookie(name).is_some())
}

/// Who is signed in; nobody if the account is blocked or gone.
pub fn me(req: &Request) -> Result<Option<Me>> {
    if !has_session(req) {
        return Ok(None);
    }
    match req.session().user()?.and_then(|user| user.parse().ok()) {
        Some(id) => accounts::me(&req.db(), id),
        None => Ok(None),
    }
}

/// Whoever is signed in and has that role.
///
/// # Errors
/// 401 if nobody is signed in, 403 without the role.
pub fn must(req: &Request, role: Role) -> Result<Me> {
    let Some(me) = me(req)? else {
        return Err(Error::unauthorized(req.t("error.sign-in", context! {})));
    };
    match me.has(role) {
        true => Ok(me),
        false => Err(Error::forbidden(req.t("error.role", context! {}))),
    }
}

/// The signed in maintainer of the script that the path names.
///
/// # Errors
/// 401, 404 for a script that is not there for this visitor, 403 for one of somebody else.
pub fn maintains(req: &Request) -> Result<(Me, Script)> {
    let me = must(req, Role::Member)?;
    let script = scripts::find(&req.db(), req.param("name")?)?.or_404()?;
    if scripts::maintained_by(&req.db(), &script, me.id)? {
        return Ok((me, script));
    }
    match may_see(Some(&me), &script) {
        true => Err(Error::forbidden(req.t("error.maintainers", context! {}))),
        false => Err(Error::not_found("")),
    }
}

/// Whether a visitor who does not maintain it may see a script: one without a published version is for reviewers.
#[must_use]
pub fn may_see(me: Option<&Me>, script: &Script) -> bool {
    script.status != Status::Draft || me.is_some_and(|me| me.has(Role::Reviewer))
}

/// Sends whoever has a password that somebody else chose to the page that changes it.
pub fn change_first(req: &Request) -> Result<Flow> {
    const PAGE: &str = "/account/password";
    match me(req)? {
        Some(me) if me.must_change && req.path() != PAGE => Ok(Response::redirect(PAGE).into()),
        _ => Ok(Flow::Continue),
    }
}

/// Refuses what is too much: of an account that is new, and of one address.
///
/// # Errors
/// 429, 403 for flags of somebody whose flags were unfounded.
pub fn limits(req: &Request, me: &Me, what: What) -> Result<()> {
    let (name, per_hour) = match what {
        What::Submission => ("submissions", 20),
        What::Comment => ("comments", 30),
        What::Flag => ("flags", 20),
    };
    req.limit(name, &address(req), per_hour, Duration::from_secs(3_600))?;
    let db = req.db();
    if what == What::Flag && talk::flags_since(&db, me.id, now() - 30 * DAY)?.1 >= FLAGS_UNFOUNDED {
        return Err(Error::forbidden(req.t("error.flags", context! {})));
    }
    if me.established && what != What::Flag {
        return Ok(());
    }
    for (setting, usual, span) in LIMITS {
        if !setting.starts_with(&format!("limit.{name}-")) {
            continue;
        }
        let since = now() - span;
        let done = match what {
            What::Submission => accounts::submitted_since(&db, me.id, since)?,
            What::Comment => talk::comments_since(&db, me.id, since)?,
            What::Flag => talk::flags_since(&db, me.id, since)?.0,
        };
        if done >= settings::get_or(&db, setting, usual)? {
            return Err(Error::too_many_requests(span.unsigned_abs()));
        }
    }
    Ok(())
}

/// Refuses what one account does too often, right or wrong.
///
/// # Errors
/// 429.
pub fn often(req: &Request, me: &Me, what: &str, per_hour: u32) -> Result<()> {
    const SPAN: Duration = Duration::from_secs(3_600);
    req.limit(what, &me.id.to_string(), per_hour, SPAN)
}

/// The visitor's address, as limits count it.
#[must_use]
pub fn address(req: &Request) -> String {
    req.client_address().to_string()
}

/// So many letters and digits that nobody can guess: 5 bits each.
pub fn secret(letters: usize) -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; letters];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}
