//! Who maintains a script: invitations, and handing it over.

use harmonious::prelude::*;

use crate::model::{Account, Author, Me, Script, Wrong};
use crate::store::{accounts, scripts};
use crate::{flow, forms, rules, who};

/// Maintainers of one script beside its owner, those who are only invited included.
const PEOPLE_MAX: usize = 20;
const INVITATIONS_PER_HOUR: u32 = 20;

/// Who maintains the script, and the forms of its owner.
pub fn form(req: &Request) -> Result<Response> {
    let (me, script) = who::maintains(req)?;
    show(req, &me, &script)?;
    forms::page(req, "people.html", context! { alias => "" })
}

/// Does what `act` says: `invite remove hand-over` of the owner, `leave` of the others.
pub fn change(req: &Request) -> Result<Response> {
    let (me, script) = who::maintains(req)?;
    let form = req.form()?;
    let act = form.text("act")?;
    let here = format!("/scripts/{}/edit/people", script.name);
    if act == "leave" && script.owner_id != Some(me.id) {
        req.db()
            .transaction(|tx| scripts::leave(&tx, script.id, me.id))?;
        return forms::done(req, "left", "/account/");
    }
    if script.owner_id != Some(me.id) {
        return Err(Error::forbidden(req.t("error.owner", context! {})));
    }
    if act != "remove" {
        // Nobody is asked into what was taken down.
        flow::open(req, &script)?;
    }
    match act {
        "invite" => {
            let alias = rules::tidy(form.get("alias").unwrap_or_default()).to_lowercase();
            match invite(req, &me, &script, &alias)? {
                Ok(()) => forms::done(req, "invited", &here),
                Err(wrong) => {
                    show(req, &me, &script)?;
                    forms::again(req, "people.html", context! { alias }, &[wrong])
                }
            }
        }
        "remove" => {
            let account: i64 = form.parse("account")?;
            req.db()
                .transaction(|tx| scripts::leave(&tx, script.id, account))?;
            forms::done(req, "removed", &here)
        }
        "hand-over" => {
            let account: i64 = form.parse("account")?;
            let heir = accounts::by_id(&req.db(), account)?.filter(is_somebody);
            let given = match heir {
                Some(heir) => req
                    .db()
                    .transaction(|tx| scripts::hand_over(&tx, &script, heir.id))?,
                None => false,
            };
            match given {
                true => forms::done(req, "handed-over", &here),
                false => Err(Error::conflict(req.t("error.changed", context! {}))),
            }
        }
        _ => Err(Error::unprocessable(req.t("error.act", context! {}))),
    }
}

fn invite(req: &Request, me: &Me, script: &Script, alias: &str) -> Result<Result<(), Wrong>> {
    let refuse = |key| Ok(Err(Wrong::new("alias", key)));
    let db = req.db();
    let Some(account) = accounts::by_alias(&db, alias)?.filter(is_somebody) else {
        return refuse("alias_unknown");
    };
    let (there, asked) = (&script.maintainers, scripts::invited(&db, script.id)?);
    let among = |all: &[Author]| all.iter().any(|one| one.id == Some(account.id));
    if account.id == me.id || among(there) {
        return refuse("alias_maintains");
    }
    if among(&asked) {
        return refuse("alias_invited");
    }
    if there.len() + asked.len() >= PEOPLE_MAX {
        return Ok(Err(Wrong {
            field: "alias",
            key: "many",
            n: rules::number(PEOPLE_MAX),
        }));
    }
    who::often(req, me, "invitations", INVITATIONS_PER_HOUR)?;
    scripts::invite(&db, script.id, account.id, me.id)?;
    Ok(Ok(()))
}

/// Whether somebody can sign in to it.
fn is_somebody(account: &Account) -> bool {
    account.status == "active" && account.password.is_some()
}

/// Gives the template `script`, `invited` and whether the visitor `owns` it.
fn show(req: &Request, me: &Me, script: &Script) -> Result<()> {
    req.provide("invited", &scripts::invited(&req.db(), script.id)?)?;
    req.provide("owns", &(script.owner_id == Some(me.id)))?;
    req.provide("script", script)
}
