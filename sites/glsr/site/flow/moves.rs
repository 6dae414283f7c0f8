//! What authors do with a version that is there: take back, throw away, try again, appeal, withdraw, sign.

use harmonious::prelude::*;

use super::{DRAFTS_PER_HOUR, conflict, drafts_wrong, open};
use crate::model::{Me, Script, Status, Version, Wrong};
use crate::rules::{self, By};
use crate::store::{accounts, scripts, talk, versions};
use crate::{sign, who};

/// Characters of an appeal, and of the reason for which something is withdrawn.
const APPEAL_MAX: usize = 4_000;
const REASON_MAX: usize = 1_000;

/// Whether a version may go that way now: `rules::next` as an answer.
///
/// # Errors
/// 409 with why not.
pub fn may(req: &Request, from: Status, to: Status, by: By) -> Result<()> {
    rules::next(from, to, by)
        .map_err(|key| Error::conflict(req.t(&format!("state.{key}"), context! {})))
}

/// Takes a pending version back: it is a draft again.
///
/// # Errors
/// 409 if it is not pending (any more).
pub fn take_back(req: &Request, version: &Version) -> Result<()> {
    may(req, version.status, Status::Draft, By::Author)?;
    versions::take_back(&req.db(), version.id).map_err(|error| conflict(req, error, version))
}

/// Only drafts are changed and thrown away.
///
/// # Errors
/// 409 for any other version.
pub fn is_draft(req: &Request, version: &Version) -> Result<()> {
    match version.status {
        Status::Draft => Ok(()),
        _ => Err(Error::conflict(req.t("error.no-draft", context! {}))),
    }
}

/// Throws a draft away.
///
/// # Errors
/// 409 if it is no draft (any more).
pub fn drop_draft(req: &Request, version: &Version) -> Result<()> {
    is_draft(req, version)?;
    req.db()
        .transaction(|tx| versions::drop_draft(&tx, version.id))
        .map_err(|error| conflict(req, error, version))
}

/// A refused version once more: the key of the draft with the same text, or what is wrong.
///
/// # Errors
/// 409 if it was not refused.
pub fn again(
    req: &Request,
    me: &Me,
    script: &Script,
    refused: &Version,
) -> Result<Result<i64, Vec<Wrong>>> {
    open(req, script)?;
    who::often(req, me, "drafts", DRAFTS_PER_HOUR)?;
    may(req, refused.status, Status::Draft, By::Author)?;
    if let Some(wrong) = drafts_wrong(&req.db(), me)? {
        return Ok(Err(vec![wrong]));
    }
    let made = req.db().transaction(|tx| {
        let draft = versions::again(&tx, refused.id, me)?;
        versions::set_findings(&tx, draft, &versions::findings(&tx, refused.id)?)?;
        Ok(draft)
    });
    made.map(Ok).map_err(|error| conflict(req, error, refused))
}

/// Asks another reviewer to look at a refusal; or what is wrong with the text.
///
/// # Errors
/// 409 if that was done already, or the version was not refused.
pub fn appeal(
    req: &Request,
    me: &Me,
    script: &Script,
    refused: &Version,
    text: &str,
) -> Result<Result<(), Vec<Wrong>>> {
    open(req, script)?;
    may(req, refused.status, Status::Published, By::Appeal)?;
    let wrong = needed("appeal", text, APPEAL_MAX);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let asked = req
        .db()
        .transaction(|tx| talk::appeal(&tx, me, refused.id, text));
    match asked {
        Err(error) if error.status() == 409 => {
            Err(Error::conflict(req.t("error.appealed", context! {})))
        }
        asked => asked.map(|_| Ok(())),
    }
}

/// Takes published versions back, one or all, with a reason for all; or what is wrong with that.
///
/// # Errors
/// 409 if there is none.
pub fn withdraw(
    req: &Request,
    me: &Me,
    script: &Script,
    only: Option<&Version>,
    reason: &str,
) -> Result<Result<(), Vec<Wrong>>> {
    open(req, script)?;
    let from = only.map_or(script.status, |version| version.status);
    may(req, from, Status::Withdrawn, By::Author)?;
    let wrong = needed("reason", reason, REASON_MAX);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let only = only.map(|version| version.id);
    let done = req
        .db()
        .transaction(|tx| versions::close(&tx, me.id, script.id, only, Status::Withdrawn, reason));
    match done {
        Err(error) if error.status() == 409 => {
            Err(Error::conflict(req.t("error.changed", context! {})))
        }
        done => done.map(Ok),
    }
}

/// Puts a signature beside a version, if a key of one of its maintainers made it over its very bytes; or why not.
pub fn sign(
    req: &Request,
    script: &Script,
    version: &Version,
    minisig: &str,
) -> Result<Result<(), Wrong>> {
    open(req, script)?;
    let db = req.db();
    let keys = accounts::keys_for(&db, script.id)?;
    let publics: Vec<&str> = keys.iter().map(|key| &*key.public_key).collect();
    let text = versions::body(&db, &version.sha256)?;
    let at = match sign::verify_any(&publics, minisig, text.as_bytes()) {
        Ok(at) => at,
        Err(wrong) if wrong.key == "signature_key" => {
            let revoked = match sign::signer(minisig) {
                Ok(id) => accounts::is_revoked(&db, script.id, &id)?,
                Err(_) => false,
            };
            let key = match (revoked, publics.is_empty()) {
                (true, _) => "signature_revoked",
                (false, true) => "signature_nokey",
                (false, false) => wrong.key,
            };
            return Ok(Err(Wrong::new("signature", key)));
        }
        Err(wrong) => return Ok(Err(wrong)),
    };
    let signed = db.transaction(|tx| {
        scripts::touch(&tx, script.id)?;
        // A draft may have got another text meanwhile.
        let now = versions::by_id(&tx, version.id)?.or_404()?;
        match now.sha256 == version.sha256 {
            true => versions::set_signature(&tx, version.id, minisig, publics[at]),
            false => Err(Error::conflict("")),
        }
    });
    signed.map_err(|error| conflict(req, error, version))?;
    Ok(Ok(()))
}

/// What is wrong with a text that has to be there.
fn needed(field: &'static str, text: &str, chars_max: usize) -> Vec<Wrong> {
    match text {
        "" => vec![Wrong::new(field, "required")],
        text => rules::free_text(field, text, chars_max, rules::Kind::Lines)
            .err()
            .into_iter()
            .collect(),
    }
}
