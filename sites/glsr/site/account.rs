//! The pages below `/account/`: what an account has in hand, and what it says of itself.

use harmonious::prelude::*;

use crate::model::{Account, Me, Role, Wrong};
use crate::rules::{self, Kind};
use crate::store::accounts::{self, Scripts};
use crate::store::{notices, scripts, versions};
use crate::{forms, reset, sign, who};

/// Characters of what members say of themselves, and of what they call a key.
const NAME_MAX: usize = 80;
const PROFILES_PER_HOUR: u32 = 30;
const ABOUT_MAX: usize = 2_000;
const LABEL_MAX: usize = 60;
/// Keys of one account, revoked ones included.
const KEYS_MAX: usize = 20;

/// An invitation that waits for an answer.
#[derive(Serialize)]
struct Invitation {
    script: i64,
    name: String,
    by: String,
}

/// A version in hand.
#[derive(Serialize)]
struct InHand {
    script: String,
    version: crate::model::Version,
}

/// Scripts, what is in hand, invitations, and what happened since the member last said that it was seen.
pub fn index(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Member)?;
    let db = req.db();
    let hand = versions::in_hand(&db, me.id)?;
    let hand: Vec<InHand> = hand
        .into_iter()
        .map(|(script, version)| InHand { script, version })
        .collect();
    let invitations: Vec<Invitation> = scripts::invitations(&db, me.id)?
        .into_iter()
        .map(|(script, name, by)| Invitation { script, name, by })
        .collect();
    let since = me.seen_at.unwrap_or(me.created_at - 1);
    let context = context! {
        hand,
        invitations,
        scripts => scripts::maintained(&db, me.id)?,
        notices => notices::since(&db, me.id, since)?,
        me,
    };
    req.render("index.html", context)
}

/// Answers an invitation (`act=accept|decline`, `script`), or says that the notices are seen (`act=seen`).
pub fn answer(req: &Request) -> Result<Response> {
    const HERE: &str = "/account/";
    let me = who::must(req, Role::Member)?;
    let form = req.form()?;
    let act = form.text("act")?;
    if act == "seen" {
        accounts::seen(&req.db(), me.id, &who::address(req))?;
        return forms::done(req, "seen", HERE);
    }
    if !["accept", "decline"].contains(&act) {
        return Err(Error::unprocessable(req.t("error.act", context! {})));
    }
    let script: i64 = form.parse("script")?;
    let answered = req.db().transaction(|tx| {
        // What was taken back meanwhile, or answered, is none any more.
        let asked = scripts::invitations(&tx, me.id)?;
        if !asked.iter().any(|(id, ..)| *id == script) {
            return Ok(false);
        }
        match act {
            "accept" => scripts::accept(&tx, script, me.id),
            _ => scripts::leave(&tx, script, me.id).map(|()| true),
        }
    })?;
    let key = if act == "accept" {
        "accepted"
    } else {
        "declined"
    };
    match answered {
        true => forms::done(req, key, HERE),
        false => Err(Error::conflict(req.t("error.changed", context! {}))),
    }
}

/// What a member says of himself.
pub fn profile_form(req: &Request) -> Result<Response> {
    let account = own(req)?.1;
    let (name, email, about) = (account.name, account.email, account.about);
    let typed = context! { name, email, about, website => account.website };
    forms::page(req, "profile.html", typed)
}

/// Changes it.
pub fn profile(req: &Request) -> Result<Response> {
    let (me, account) = own(req)?;
    let form = req.form()?;
    let field = |name: &str| rules::tidy(form.get(name).unwrap_or_default());
    let (typed_name, email) = (field("name"), field("email"));
    let (about, website) = (field("about"), field("website"));
    let name = match typed_name.as_str() {
        "" => account.alias.as_str(),
        name => name,
    };
    let mut wrong: Vec<Wrong> = [
        rules::free_text("name", name, NAME_MAX, Kind::Line),
        rules::free_text("about", &about, ABOUT_MAX, Kind::Lines),
        rules::address("website", &website),
    ]
    .into_iter()
    .filter_map(std::result::Result::err)
    .collect();
    wrong.extend(forms::email_wrong(&email));
    if wrong.is_empty() {
        who::often(req, &me, "profiles", PROFILES_PER_HOUR)?;
        let saved = req
            .db()
            .transaction(|tx| accounts::describe(&tx, me.id, name, &email, &about, &website));
        match saved {
            Err(error) if error.kind() == "unique" => {
                wrong.push(Wrong::new("email", "email_taken"));
            }
            saved => {
                saved?;
                return forms::done(req, "saved", "/account/profile");
            }
        }
    }
    let typed = context! { name => typed_name, email, about, website };
    forms::again(req, "profile.html", typed, &wrong)
}

/// The form of another password.
pub fn password_form(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Member)?;
    req.provide("must_change", &me.must_change)?;
    forms::page(req, "password.html", context! {})
}

/// Another password; all other sessions end.
pub fn password(req: &Request) -> Result<Response> {
    let (me, account) = own(req)?;
    let form = req.form()?;
    req.provide("must_change", &me.must_change)?;
    let mut wrong = forms::new_password(&form, &account.alias);
    let new = form.get("password").unwrap_or_default();
    if form.get("current") == Some(new) && wrong.is_empty() {
        wrong.push(Wrong::new("password", "password_old"));
    }
    match is_me(req, &account, &form) {
        Ok(true) => {}
        Ok(false) => wrong.insert(0, Wrong::new("current", "password_current")),
        Err(error) => return forms::wait(req, "password.html", context! {}, "current", error),
    }
    if !wrong.is_empty() {
        return forms::again(req, "password.html", context! {}, &wrong);
    }
    let hash = req.hash_password(new)?;
    accounts::set_password(&req.db(), me.id, &hash, false)?;
    req.session().revoke_others()?;
    req.session().renew()?;
    forms::done(req, "password", "/account/")
}

/// Whether the field `current` holds the password of the account.
///
/// # Errors
/// 429 after too many tries.
fn is_me(req: &Request, account: &Account, form: &Form) -> Result<bool> {
    let typed = form.get("current").unwrap_or_default();
    Ok(req
        .check_login(&account.alias, typed, account.password.as_deref())?
        .ok)
}

/// The keys of a member, and the form for another one.
pub fn keys_form(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Member)?;
    show_keys(req, &me)?;
    forms::page(req, "keys.html", context! {})
}

/// Adds a key (`act=add`), or revokes one (`act=revoke`, `id`).
pub fn keys(req: &Request) -> Result<Response> {
    const HERE: &str = "/account/keys";
    let me = who::must(req, Role::Member)?;
    let form = req.form()?;
    match form.text("act")? {
        "add" => {
            let label = rules::tidy(form.get("label").unwrap_or_default());
            let typed = forms::file_or(&form, "public_key")?;
            let wrong = add_key(req, &me, &typed, &label)?;
            if wrong.is_empty() {
                return forms::done(req, "key-added", HERE);
            }
            show_keys(req, &me)?;
            let typed = context! { public_key => typed.trim(), label };
            forms::again(req, "keys.html", typed, &wrong)
        }
        "revoke" => match revoke_key(req, &me, form.parse("id")?)? {
            true => forms::done(req, "key-revoked", HERE),
            false => Err(Error::conflict(req.t("error.changed", context! {}))),
        },
        _ => Err(Error::unprocessable(req.t("error.act", context! {}))),
    }
}

fn revoke_key(req: &Request, me: &Me, id: i64) -> Result<bool> {
    req.db()
        .transaction(|tx| accounts::revoke_key(&tx, me.id, id))
}

fn add_key(req: &Request, me: &Me, typed: &str, label: &str) -> Result<Vec<Wrong>> {
    let mut wrong = Vec::new();
    wrong.extend(rules::free_text("label", label, LABEL_MAX, Kind::Line).err());
    let key = match typed.trim() {
        "" => Err(Wrong::new("public_key", "required")),
        typed => sign::public_key(typed),
    };
    if accounts::keys(&req.db(), me.id)?.len() >= KEYS_MAX {
        let n = rules::number(KEYS_MAX);
        let (field, key) = ("public_key", "many");
        wrong.push(Wrong { field, key, n });
    }
    let (key, id) = match key.and_then(|key| sign::key_id(&key).map(|id| (key, id))) {
        Ok(read) => read,
        Err(one) => {
            wrong.insert(0, one);
            return Ok(wrong);
        }
    };
    if wrong.is_empty() {
        match accounts::add_key(&req.db(), me.id, &id, &key, label) {
            Err(error) if error.kind() == "unique" => {
                wrong.push(Wrong::new("public_key", "key_taken"));
            }
            added => drop(added?),
        }
    }
    Ok(wrong)
}

/// Gives the template `keys`.
fn show_keys(req: &Request, me: &Me) -> Result<()> {
    req.provide("keys", &accounts::keys(&req.db(), me.id)?)
}

/// Where the member is signed in; moments in seconds.
pub fn sessions(req: &Request) -> Result<Response> {
    who::must(req, Role::Member)?;
    let all = req.session().all()?;
    let sessions: Vec<Context> = all
        .iter()
        .map(|session| {
            let (since, seen) = (session.created_ms / 1_000, session.seen_ms / 1_000);
            context! { session, since, seen }
        })
        .collect();
    req.render("sessions.html", context! { sessions })
}

/// Ends another session (`handle`), or all others (`act=others`).
pub fn end_sessions(req: &Request) -> Result<Response> {
    const HERE: &str = "/account/sessions";
    who::must(req, Role::Member)?;
    let form = req.form()?;
    if form.get("act") == Some("others") {
        req.session().revoke_others()?;
        return forms::done(req, "sessions-ended", HERE);
    }
    match req.session().revoke(form.text("handle")?)? {
        true => forms::done(req, "session-ended", HERE),
        false => Err(Error::conflict(req.t("error.changed", context! {}))),
    }
}

/// The form that deletes an account.
pub fn delete_form(req: &Request) -> Result<Response> {
    who::must(req, Role::Member)?;
    forms::page(req, "delete.html", context! { scripts => "stay" })
}

/// Deletes it: `scripts=stay|go`, `keep_name`.
pub fn delete(req: &Request) -> Result<Response> {
    let (me, account) = own(req)?;
    let form = req.form()?;
    let which = form.get("scripts").unwrap_or_default();
    let keep_name = form.checked("keep_name");
    let kept = if keep_name { "on" } else { "" };
    let typed = context! { scripts => which, keep_name => kept };
    let mut wrong = Vec::new();
    match is_me(req, &account, &form) {
        Ok(true) => {}
        Ok(false) => wrong.push(Wrong::new("current", "password_current")),
        Err(error) => return forms::wait(req, "delete.html", typed, "current", error),
    }
    let scripts = match which {
        "stay" => Some(Scripts::Stay),
        "go" => Some(Scripts::Go),
        _ => {
            wrong.push(Wrong::new("scripts", "required"));
            None
        }
    };
    let Some(scripts) = scripts.filter(|_| wrong.is_empty()) else {
        return forms::again(req, "delete.html", typed, &wrong);
    };
    let gone = req.db().transaction(|tx| {
        match accounts::delete(&tx, me.id, scripts, keep_name)? {
            true => Ok(()),
            // What was done so far is undone.
            false => Err(Error::conflict("")),
        }
    });
    match gone {
        Err(error) if error.status() == 409 => {
            let wrong = [Wrong::new("current", "last_admin")];
            return forms::again(req, "delete.html", typed, &wrong);
        }
        gone => gone?,
    }
    req.session().end_all(&me.id.to_string())?;
    Ok(Response::redirect("/"))
}

/// The form behind the link of an administrator.
pub fn reset_form(req: &Request) -> Result<Response> {
    let link = req.query("link").unwrap_or_default();
    let Some(account) = reset::account(req, &link)? else {
        return over(req);
    };
    req.provide("alias", &account.alias)?;
    forms::page(req, "reset.html", context! { link })
}

/// Another password by such a link; all sessions end, and no token is good any more.
pub fn reset(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let link = form.get("link").unwrap_or_default();
    let Some(account) = reset::account(req, link)? else {
        return over(req);
    };
    let wrong = forms::new_password(&form, &account.alias);
    if !wrong.is_empty() {
        req.provide("alias", &account.alias)?;
        return forms::again(req, "reset.html", context! { link }, &wrong);
    }
    let hash = req.hash_password(form.get("password").unwrap_or_default())?;
    req.db().transaction(|tx| {
        // Of two who come by the same link the second finds another password than the one that was forgotten.
        if !accounts::replace_password(&tx, &account, &hash)? {
            return Err(Error::conflict(req.t("error.changed", context! {})));
        }
        accounts::revoke_tokens(&tx, account.id)
    })?;
    req.session().end_all(&account.id.to_string())?;
    forms::done(req, "password-reset", "/sign-in")
}

/// A link that is good no more, or never was.
fn over(req: &Request) -> Result<Response> {
    req.provide("alias", "")?;
    forms::answer(req, "reset.html", context! { link => "" }, &[], 410)
}

/// Who is signed in, with all of the account.
fn own(req: &Request) -> Result<(Me, Account)> {
    let me = who::must(req, Role::Member)?;
    let account = accounts::by_id(&req.db(), me.id)?.or_404()?;
    Ok((me, account))
}
