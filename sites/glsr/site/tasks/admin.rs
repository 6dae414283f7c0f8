//! `admin`: accounts, for whoever has the machine but no administrator that can sign in.

use harmonious::prelude::*;

use super::words::Words;
use crate::model::{Account, Entry, NewAccount, Role, Roles};
use crate::store::{accounts, talk};
use crate::{rules, who};

/// Letters of a password, 5 bits each.
const PASSWORD_LETTERS: usize = 20;

/// `admin create ALIAS`, `admin reset ALIAS`, `admin grant ALIAS [reviewer] [editor] [admin]`: makes an account with
/// all roles; sets a new password, which its owner has to change; gives roles, `admin` if none is named.
///
/// # Errors
/// Wrong words; an alias that cannot be one, is taken, or is nobody's.
pub fn run(req: &Request, args: &[String]) -> Result<()> {
    let usage =
        "admin create ALIAS | admin reset ALIAS | admin grant ALIAS [reviewer] [editor] [admin]";
    let words = Words::read(usage, args, 2..=5, &[])?;
    let (what, alias, rest) = (words.plain[0], words.plain[1], &words.plain[2..]);
    match (what, rest) {
        ("create", []) => create(req, alias),
        ("reset", []) => reset(req, alias),
        ("grant", []) => grant(req, alias, &["admin"]),
        ("grant", roles) => grant(req, alias, roles),
        ("create" | "reset", [more, ..]) => Err(Error::bad_request(format!(
            "{more:?} is one word too many: usage: {usage}"
        ))),
        _ => Err(Error::bad_request(format!(
            "there is no \"admin {what}\": usage: {usage}"
        ))),
    }
}

fn create(req: &Request, alias: &str) -> Result<()> {
    // The reserved ones are for the site and for whoever installs it.
    if let Err(wrong) = rules::alias(alias)
        && wrong.key != "alias_reserved"
    {
        return Err(Error::unprocessable(format!(
            "{alias:?} cannot be an alias: 2 to 32 of a-z 0-9 _ -, a letter or digit first"
        )));
    }
    let password = who::secret(PASSWORD_LETTERS)?;
    let hash = req.hash_password(&password)?;
    let new = NewAccount {
        alias,
        name: alias,
        password: Some(&hash),
        roles: Roles::ALL.0,
        must_change: true,
        ..NewAccount::default()
    };
    let made = req.db().transaction(|tx| {
        let id = accounts::create(&tx, &new)?;
        talk::log(&tx, &entry("create", id, alias, "reviewer, editor, admin"))
    });
    match made {
        Err(error) if error.kind() == "unique" => Err(Error::conflict(format!(
            "{alias:?} is taken: \"admin grant\" gives roles, \"admin reset\" a password"
        ))),
        Err(error) => Err(error),
        Ok(()) => {
            tell(alias, &password);
            Ok(())
        }
    }
}

fn reset(req: &Request, alias: &str) -> Result<()> {
    let account = found(req, alias)?;
    let password = who::secret(PASSWORD_LETTERS)?;
    let hash = req.hash_password(&password)?;
    req.db().transaction(|tx| {
        accounts::set_password(&tx, account.id, &hash, true)?;
        accounts::revoke_tokens(&tx, account.id)?;
        talk::log(&tx, &entry("reset", account.id, alias, ""))
    })?;
    let ended = req.session().end_all(&account.id.to_string())?;
    tell(alias, &password);
    println!("Sessions ended: {ended}.");
    if account.status == "blocked" {
        println!("The account is blocked: an administrator lets it in again.");
    }
    Ok(())
}

fn grant(req: &Request, alias: &str, names: &[&str]) -> Result<()> {
    let mut added = 0;
    for name in names {
        let role = match *name {
            "reviewer" => Role::Reviewer,
            "editor" => Role::Editor,
            "admin" => Role::Admin,
            other => {
                return Err(Error::bad_request(format!(
                    "there is no role {other:?}: reviewer, editor or admin"
                )));
            }
        };
        added |= role.bit();
    }
    let account = found(req, alias)?;
    let roles = Roles(account.roles.0 | added);
    let all = names.join(", ");
    req.db().transaction(|tx| {
        accounts::set_roles(&tx, account.id, roles.0)?;
        talk::log(&tx, &entry("roles", account.id, alias, &all))
    })?;
    println!("{alias} has the roles: {all}.");
    Ok(())
}

/// An account that is not gone, and not the site's own: nobody signs in as that.
fn found(req: &Request, alias: &str) -> Result<Account> {
    let account = accounts::by_alias(&req.db(), alias)?;
    match account.filter(|account| account.status != "gone") {
        Some(account) if account.alias == crate::start::SITE_ALIAS => Err(Error::unprocessable(
            format!("{alias:?} is the site's own account: nobody signs in to it"),
        )),
        Some(account) => Ok(account),
        None => Err(Error::not_found(format!("no account {alias:?}"))),
    }
}

/// What was done from the command line is in the log as done by the site.
fn entry<'a>(action: &'a str, account: i64, alias: &'a str, reason: &'a str) -> Entry<'a> {
    Entry {
        action,
        account: Some(account),
        subject: alias,
        reason,
        note: "by a task",
        ..Entry::default()
    }
}

/// The one time that it is to be seen.
fn tell(alias: &str, password: &str) {
    println!("{alias} has the password {password}");
    println!("It is shown once. Whoever signs in with it at /sign-in chooses another one.");
}
