//! Links by which somebody who forgot the password sets a new one: made by an administrator, good for a day and
//! for one time, since they end with the password that was.

use harmonious::prelude::*;

use crate::model::Account;
use crate::store::accounts;
use crate::{rules, view};

/// Seconds for which a link is good.
pub const LINK_S: u64 = 24 * 3_600;
/// Letters of the hash by which a link knows the password that was.
const MARK: usize = 32;

/// The link for an account; whoever has it can sign in as that account.
pub fn link(req: &Request, account: &Account) -> Result<String> {
    let sealed = req.seal("reset", &text(account), LINK_S)?;
    Ok(format!("{}/reset?link={sealed}", view::address(req)?))
}

/// Whose link that is; None if it is over, was used, or is none, or its account is not active.
pub fn account(req: &Request, sealed: &str) -> Result<Option<Account>> {
    let Some(sealed) = req.unseal("reset", sealed)? else {
        return Ok(None);
    };
    let id = sealed.split_once(' ').and_then(|(id, _)| id.parse().ok());
    let Some(id) = id else { return Ok(None) };
    let account = accounts::by_id(&req.db(), id)?;
    Ok(account.filter(|account| account.status == "active" && text(account) == sealed))
}

/// The account and the password that it has: another one makes another text.
fn text(account: &Account) -> String {
    let was = account.password.as_deref().unwrap_or_default();
    format!("{} {}", account.id, &rules::sha256(was.as_bytes())[..MARK])
}
