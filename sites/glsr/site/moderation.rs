//! What reviewers and administrators do about what others wrote, each step with its line in the log.

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::{Comment, Entry, Me, Script, Status, Version};
use crate::store::review::{Appeal, Edit, Flag};
use crate::store::{review, scripts, talk, versions};

/// What the log says of a decision about one's own, which only somebody may make who is the only reviewer.
pub(crate) const ALONE: &str = "(decided by the only reviewer, who is concerned himself)";

/// Where somebody stands towards what is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// It is nothing of his.
    Free,
    /// It is his own, or he decided about it before; there is no other reviewer, so he may, and the log says so.
    Alone,
    /// It is his own, and others can decide.
    Barred,
}

/// What follows from a flag that is upheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Nothing,
    /// The flagged comment goes.
    Comment,
    /// The flagged version is taken down.
    Version,
    /// The script is taken down.
    Script,
}

impl Stand {
    /// Whether he may decide, and alone.
    ///
    /// # Errors
    /// 403 if he may not.
    pub fn admit(self, req: &Request) -> Result<bool> {
        match self {
            Stand::Free => Ok(false),
            Stand::Alone => Ok(true),
            Stand::Barred => Err(Error::forbidden(req.t("error.own", context! {}))),
        }
    }
}

/// Towards a version: it is his own if he sent it in or maintains the script.
pub fn towards(db: &Db<'_>, me: &Me, script: &Script, version: &Version) -> Result<Stand> {
    let own = version.author_id == Some(me.id) || scripts::maintained_by(db, script, me.id)?;
    stand(db, me, own)
}

/// Towards an appeal: also if he refused.
pub fn towards_appeal(
    db: &Db<'_>,
    me: &Me,
    appeal: &Appeal,
    script: &Script,
    version: &Version,
) -> Result<Stand> {
    match appeal.refused_by == Some(me.id) {
        true => stand(db, me, true),
        false => towards(db, me, script, version),
    }
}

/// Towards a flag: his own script or comment, or his own report.
pub fn towards_flag(db: &Db<'_>, me: &Me, flag: &Flag, script: &Script) -> Result<Stand> {
    let comment = match flag.comment_id {
        Some(id) => talk::comment(db, id)?,
        None => None,
    };
    let own = flag.alias.as_ref() == Some(&me.alias)
        || comment.is_some_and(|comment| comment.account_id == Some(me.id))
        || scripts::maintained_by(db, script, me.id)?;
    stand(db, me, own)
}

fn stand(db: &Db<'_>, me: &Me, own: bool) -> Result<Stand> {
    Ok(match own {
        false => Stand::Free,
        true if review::is_only_reviewer(db, me.id)? => Stand::Alone,
        true => Stand::Barred,
    })
}

/// A reason as the log has it for all.
#[must_use]
pub fn told(reason: &str, alone: bool) -> String {
    match (alone, reason) {
        (false, reason) => reason.to_owned(),
        (true, "") => ALONE.to_owned(),
        (true, reason) => format!("{reason} {ALONE}"),
    }
}

/// Takes a published version down, or all of a script; its pages stay, with the reason.
///
/// # Errors
/// 409 if there is nothing (any more) that could be taken down.
pub fn take_down(
    req: &Request,
    me: &Me,
    script: &Script,
    only: Option<i64>,
    reason: &str,
) -> Result<()> {
    let done = req
        .db()
        .transaction(|tx| remove(&tx, me, script, only, reason));
    done.map_err(|error| changed(req, error))
}

/// Answers a flag, and does what follows from it. The log names neither who reported it nor what it says.
///
/// # Errors
/// 403 for what is his own while there is another reviewer, 409 if somebody was faster.
pub fn answer_flag(
    req: &Request,
    me: &Me,
    flag: &Flag,
    upheld: bool,
    answer: &str,
    follow: Follow,
) -> Result<()> {
    let script = scripts::by_id(&req.db(), flag.script_id)?.or_404()?;
    let alone = towards_flag(&req.db(), me, flag, &script)?.admit(req)?;
    let done = req.db().transaction(|tx| {
        // The stamps first: see `store`.
        scripts::touch(&tx, script.id)?;
        if !talk::answer_flag(&tx, me, flag.id, upheld, answer)? {
            return Err(Error::conflict(""));
        }
        let entry = Entry {
            actor: Some((me.id, &me.alias)),
            action: if upheld { "uphold" } else { "unfounded" },
            script: Some(script.id),
            version: flag.version_id,
            subject: &script.name,
            reason: &told(answer, alone),
            note: &flag.reason,
            ..Entry::default()
        };
        talk::log(&tx, &entry)?;
        match (follow, flag.comment_id, flag.version_id) {
            _ if !upheld => Ok(()),
            (Follow::Comment, Some(id), _) => match talk::comment(&tx, id)? {
                Some(comment) => drop_comment(&tx, me, &script, &comment, answer),
                None => Ok(()),
            },
            (Follow::Version, _, Some(id)) => remove(&tx, me, &script, Some(id), answer),
            (Follow::Script, _, _) => remove(&tx, me, &script, None, answer),
            _ => Ok(()),
        }
    });
    done.map_err(|error| changed(req, error))
}

/// Lets a held comment through, or takes it away.
///
/// # Errors
/// 403 for his own while there is another reviewer, 409 if it is not held (any more).
pub fn decide_comment(req: &Request, me: &Me, comment: &Comment, show: bool) -> Result<()> {
    let script = scripts::by_id(&req.db(), comment.script_id)?.or_404()?;
    let own =
        comment.account_id == Some(me.id) || scripts::maintained_by(&req.db(), &script, me.id)?;
    let alone = stand(&req.db(), me, own)?.admit(req)?;
    let done = req.db().transaction(|tx| {
        if !talk::let_through(&tx, comment)? {
            return Err(Error::conflict(""));
        }
        if !show {
            return drop_comment(&tx, me, &script, comment, &told("", alone));
        }
        log_comment(&tx, me, &script, comment, "show-comment", &told("", alone))
    });
    done.map_err(|error| changed(req, error))
}

/// Marks an edit as seen, or puts back what was there before.
///
/// # Errors
/// 403 for his own while there is another reviewer, 409 if somebody was faster.
pub fn decide_edit(req: &Request, me: &Me, edit: &Edit, stays: bool) -> Result<()> {
    let script = scripts::by_id(&req.db(), edit.script_id)?.or_404()?;
    let own = edit.alias.as_ref() == Some(&me.alias)
        || scripts::maintained_by(&req.db(), &script, me.id)?;
    let alone = stand(&req.db(), me, own)?.admit(req)?;
    let done = req.db().transaction(|tx| {
        if stays {
            return match review::seen(&tx, me, edit.id)? {
                true => Ok(()),
                false => Err(Error::conflict("")),
            };
        }
        review::revert(&tx, me, edit)?;
        let entry = Entry {
            actor: Some((me.id, &me.alias)),
            action: "revert",
            script: Some(edit.script_id),
            subject: &edit.script,
            reason: &told(&edit.field, alone),
            ..Entry::default()
        };
        talk::log(&tx, &entry)
    });
    done.map_err(|error| changed(req, error))
}

/// Takes versions down; in a transaction.
fn remove(db: &Db<'_>, me: &Me, script: &Script, only: Option<i64>, reason: &str) -> Result<()> {
    let Some(version) = only else {
        return scripts::remove(db, me, script, reason);
    };
    versions::close(db, me.id, script.id, Some(version), Status::Removed, reason)?;
    let entry = Entry {
        actor: Some((me.id, &me.alias)),
        action: "remove",
        script: Some(script.id),
        version: Some(version),
        subject: &script.name,
        reason,
        ..Entry::default()
    };
    talk::log(db, &entry)
}

fn drop_comment(
    db: &Db<'_>,
    me: &Me,
    script: &Script,
    comment: &Comment,
    reason: &str,
) -> Result<()> {
    talk::unsay(db, comment)?;
    log_comment(db, me, script, comment, "comment", reason)
}

fn log_comment(
    db: &Db<'_>,
    me: &Me,
    script: &Script,
    comment: &Comment,
    action: &str,
    reason: &str,
) -> Result<()> {
    let entry = Entry {
        actor: Some((me.id, &me.alias)),
        action,
        script: Some(script.id),
        account: comment.account_id,
        subject: &script.name,
        reason,
        ..Entry::default()
    };
    talk::log(db, &entry)
}

/// Says that somebody was faster.
fn changed(req: &Request, error: Error) -> Error {
    match error.status() {
        409 => Error::conflict(req.t("error.changed", context! {})),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_who_decided_alone() {
        assert_eq!(told("good", false), "good");
        assert_eq!(told("", true), ALONE);
        assert_eq!(told("good", true), format!("good {ALONE}"));
    }
}
