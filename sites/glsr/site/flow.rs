//! The way of a script from its author to the public. What a form, the API and a task have in common.

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::{Entry, Finding, Me, Meta, NewVersion, Script, Source, Status, Version, Wrong};
use crate::rules::{self, Limits};
use crate::store::{accounts, review, scripts, talk, versions};
use crate::who::What;

mod moves;

use crate::{checking, forms, moderation, who};
pub use moves::{again, appeal, drop_draft, is_draft, may, sign, take_back, withdraw};

/// Bytes of a script, unless `[config] script-bytes-max` says otherwise.
pub(crate) const SCRIPT_BYTES_MAX: usize = 256 * 1024;
/// Characters of a changelog and of a label.
const CHANGELOG_MAX: usize = 8_000;
pub(crate) const LABEL_MAX: usize = 40;
const FILE_NAME_MAX: usize = 80;
/// Drafts of one account at a time; each may be as large as a script.
const DRAFTS_MAX: i64 = 20;
/// What one account does in an hour at most: drafts made, drafts saved, what is said about scripts changed. Each
/// leaves something in the database, for an hour or for good.
const DRAFTS_PER_HOUR: u32 = 60;
const SAVES_PER_HOUR: u32 = 120;
const EDITS_PER_HOUR: u32 = 60;

/// What authors say about a version.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    pub changelog: &'a str,
    pub label: &'a str,
    pub urgent: bool,
    /// `web` or `api`.
    pub from: &'a str,
}

/// A new script with its first draft; the key of the version, or what is wrong.
pub fn submit_new(
    req: &Request,
    me: &Me,
    meta: &Meta,
    source: Source,
    about: &About<'_>,
) -> Result<Result<i64, Vec<Wrong>>> {
    who::often(req, me, "drafts", DRAFTS_PER_HOUR)?;
    let mut wrong = rules::meta(meta, &Limits::default());
    wrong.extend(forms::places(&req.db(), meta)?);
    let text = taken(req, &source, about, &mut wrong)?;
    wrong.extend(drafts_wrong(&req.db(), me)?);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let file = file_name(&source.file_name, &meta.name);
    let made = req.db().transaction(|tx| {
        let script = scripts::create(&tx, me, meta)?;
        let draft = versions::draft(&tx, script, me, &about.version(&text, &file))?;
        looked_at(&tx, script, draft, &text)?;
        Ok(draft)
    });
    match made {
        Err(error) if error.kind() == "unique" => Ok(Err(vec![Wrong::new("name", "name_taken")])),
        made => made.map(Ok),
    }
}

/// A new draft of a script; the key of the version, or what is wrong.
pub fn new_version(
    req: &Request,
    me: &Me,
    script: &Script,
    source: Source,
    about: &About<'_>,
) -> Result<Result<i64, Vec<Wrong>>> {
    open(req, script)?;
    who::often(req, me, "drafts", DRAFTS_PER_HOUR)?;
    let mut wrong = Vec::new();
    let text = taken(req, &source, about, &mut wrong)?;
    wrong.extend(drafts_wrong(&req.db(), me)?);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let file = file_name(&source.file_name, &script.name);
    let new = about.version(&text, &file);
    let made = req.db().transaction(|tx| {
        let draft = versions::draft(&tx, script.id, me, &new)?;
        looked_at(&tx, script.id, draft, &text)?;
        Ok(draft)
    });
    made.map(Ok)
}

/// Changes a draft; or what is wrong.
pub fn save(
    req: &Request,
    me: &Me,
    script: &Script,
    draft: &Version,
    source: Source,
    about: &About<'_>,
) -> Result<Result<(), Vec<Wrong>>> {
    who::often(req, me, "saves", SAVES_PER_HOUR)?;
    let mut wrong = Vec::new();
    let text = taken(req, &source, about, &mut wrong)?;
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let typed = if source.file_name.is_empty() {
        &draft.file_name
    } else {
        &source.file_name
    };
    let file = file_name(typed, &script.name);
    let saved = req.db().transaction(|tx| {
        versions::save(&tx, draft.id, me, &about.version(&text, &file))?;
        looked_at(&tx, script.id, draft.id, &text)
    });
    saved.map_err(|error| conflict(req, error, draft))?;
    Ok(Ok(()))
}

/// A version that nobody decides about, such as an import's: checked as far as that needs no program, and published.
/// Its key. In a transaction.
pub fn bring_in(db: &Db<'_>, by: &Me, script: i64, new: &NewVersion<'_>) -> Result<i64> {
    let id = versions::draft(db, script, by, new)?;
    let script = scripts::by_id(db, script)?.or_404()?;
    let findings = checking::pure(db, &script, id, new.text)?;
    versions::submit(db, id, &findings)?;
    versions::publish(db, id, None, "")?;
    Ok(id)
}

/// Puts a draft into the queue, with what all checks find.
///
/// # Errors
/// 409 if it is no draft any more, 429 if that is too much.
pub fn send_in(req: &Request, me: &Me, version: i64) -> Result<()> {
    let draft = versions::by_id(&req.db(), version)?.or_404()?;
    let script = scripts::by_id(&req.db(), draft.script_id)?.or_404()?;
    open(req, &script)?;
    // What somebody else wrote counts as his, too: who sends it in is not the way round a limit.
    who::limits(req, me, What::Submission)?;
    if let Some(author) = draft.author_id.filter(|author| *author != me.id)
        && let Some(author) = accounts::me(&req.db(), author)?
    {
        who::limits(req, &author, What::Submission)?;
    }
    let findings = found(req, &script, &draft)?;
    let sent = req.db().transaction(|tx| {
        // What was checked is what is sent in.
        let now = versions::by_id(&tx, version)?.or_404()?;
        match now.sha256 == draft.sha256 {
            true => versions::submit(&tx, version, &findings),
            false => Err(Error::conflict("")),
        }
    });
    sent.map_err(|error| conflict(req, error, &draft))
}

/// Runs all checks on a version again and keeps what they find.
pub fn check_again(req: &Request, version: &Version) -> Result<()> {
    let script = scripts::by_id(&req.db(), version.script_id)?.or_404()?;
    let findings = found(req, &script, version)?;
    req.db()
        .transaction(|tx| versions::set_findings(&tx, version.id, &findings))
}

/// Approves or refuses a pending version as it was `seen` ([`Version::seen`]), with a reason for its author and for
/// all.
///
/// # Errors
/// 403 for a script of his own while there is another reviewer; 409 if somebody decided already, the author changed
/// it meanwhile, or the script was taken down, which only refusals outlive.
pub fn decide(
    req: &Request,
    me: &Me,
    version: i64,
    seen: &str,
    approve: bool,
    reason: &str,
) -> Result<()> {
    let pending = versions::by_id(&req.db(), version)?.or_404()?;
    let script = scripts::by_id(&req.db(), pending.script_id)?.or_404()?;
    if approve {
        open(req, &script)?;
    }
    let alone = moderation::towards(&req.db(), me, &script, &pending)?.admit(req)?;
    let done = req.db().transaction(|tx| {
        scripts::touch(&tx, script.id)?;
        versions::still(&tx, version, seen)?;
        match approve {
            true => drop(versions::publish(&tx, version, Some(me.id), reason)?),
            false => versions::refuse(&tx, version, me.id, reason)?,
        }
        let entry = Entry {
            actor: Some((me.id, &me.alias)),
            action: if approve { "approve" } else { "refuse" },
            script: Some(script.id),
            version: Some(version),
            subject: &script.name,
            reason: &moderation::told(reason, alone),
            ..Entry::default()
        };
        talk::log(&tx, &entry)
    });
    done.map_err(|error| conflict(req, error, &pending))
}

/// Decides an appeal, by somebody else than who refused, if there is somebody else.
///
/// # Errors
/// 403 for the one who refused or an own script, 409 if somebody decided already.
pub fn decide_appeal(
    req: &Request,
    me: &Me,
    appeal: &review::Appeal,
    granted: bool,
    answer: &str,
) -> Result<()> {
    let refused = versions::by_id(&req.db(), appeal.version_id)?.or_404()?;
    let script = scripts::by_id(&req.db(), refused.script_id)?.or_404()?;
    if appeal.status != "open" {
        return Err(conflict(req, Error::conflict(""), &refused));
    }
    if granted {
        open(req, &script)?;
    }
    let stand = moderation::towards_appeal(&req.db(), me, appeal, &script, &refused)?;
    let alone = stand.admit(req)?;
    let done = req.db().transaction(|tx| {
        talk::decide_appeal(&tx, me, appeal.id, granted, answer)?;
        let entry = Entry {
            actor: Some((me.id, &me.alias)),
            action: if granted { "grant" } else { "reject" },
            script: Some(script.id),
            version: Some(refused.id),
            subject: &script.name,
            reason: &moderation::told(answer, alone),
            ..Entry::default()
        };
        talk::log(&tx, &entry)
    });
    done.map_err(|error| conflict(req, error, &refused))
}

/// Changes what is said about a script; or what is wrong. The name stays as it is.
pub fn edit(
    req: &Request,
    me: &Me,
    script: &Script,
    mut meta: Meta,
) -> Result<Result<(), Vec<Wrong>>> {
    open(req, script)?;
    who::often(req, me, "edits", EDITS_PER_HOUR)?;
    meta.name.clone_from(&script.name);
    let mut wrong = rules::meta(&meta, &Limits::default());
    if meta.license == script.license {
        // What an import left open may stay so.
        wrong.retain(|one| one.field != "license");
    }
    wrong.extend(forms::places(&req.db(), &meta)?);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    req.db().transaction(|tx| {
        scripts::touch(&tx, script.id)?;
        // As it is by now: somebody else may have edited it meanwhile.
        let script = scripts::by_id(&tx, script.id)?.or_404()?;
        scripts::edit(&tx, me, &script, &meta)
    })?;
    Ok(Ok(()))
}

impl<'a> About<'a> {
    fn version<'b>(&self, text: &'b str, file_name: &'b str) -> NewVersion<'b>
    where
        'a: 'b,
    {
        NewVersion {
            text,
            file_name,
            changelog: self.changelog,
            label: self.label,
            urgent: self.urgent,
            source: self.from,
        }
    }
}

/// The text as it is kept; what is wrong with it or with what is said about it goes to `wrong`.
fn taken(
    req: &Request,
    source: &Source,
    about: &About<'_>,
    wrong: &mut Vec<Wrong>,
) -> Result<String> {
    for (field, text, max, kind) in [
        (
            "changelog",
            about.changelog,
            CHANGELOG_MAX,
            rules::Kind::Lines,
        ),
        ("label", about.label, LABEL_MAX, rules::Kind::Line),
        (
            "file_name",
            &*source.file_name,
            FILE_NAME_MAX,
            rules::Kind::Line,
        ),
    ] {
        wrong.extend(rules::free_text(field, text, max, kind).err());
    }
    match text(req, source)? {
        Ok(text) => Ok(text),
        Err(one) => {
            wrong.push(one);
            Ok(String::new())
        }
    }
}

/// The text of a script as it is kept; or what is wrong with it.
pub fn text(req: &Request, source: &Source) -> Result<Result<String, Wrong>> {
    let max = req
        .config::<Option<usize>>("script-bytes-max")?
        .unwrap_or(SCRIPT_BYTES_MAX);
    Ok(rules::source(source.clone(), max).map(|(text, _)| text))
}

/// The findings of all checks, those of the encoding too.
fn found(req: &Request, script: &Script, version: &Version) -> Result<Vec<Finding>> {
    let text = versions::body(&req.db(), &version.sha256)?;
    checking::all(req, script, version, &text)
}

/// Keeps what the checks find that need no program, so that an author sees it before anybody else looks.
fn looked_at(db: &Db<'_>, script: i64, version: i64, text: &str) -> Result<()> {
    let script = scripts::by_id(db, script)?.or_404()?;
    let findings = checking::pure(db, &script, version, text)?;
    versions::set_findings(db, version, &findings)
}

/// What is wrong if somebody has more drafts in hand than anybody needs.
fn drafts_wrong(db: &Db<'_>, me: &Me) -> Result<Option<Wrong>> {
    let many = versions::drafts_of(db, me.id)? >= DRAFTS_MAX;
    Ok(many.then_some(Wrong {
        field: "source",
        key: "drafts_many",
        n: DRAFTS_MAX,
    }))
}

/// What was taken down stays so.
///
/// # Errors
/// 409 for a script that was taken down.
pub(crate) fn open(req: &Request, script: &Script) -> Result<()> {
    match script.status {
        Status::Removed => Err(Error::conflict(req.t("error.removed", context! {}))),
        _ => Ok(()),
    }
}

/// Says who was first.
fn conflict(req: &Request, error: Error, version: &Version) -> Error {
    if error.status() != 409 {
        return error;
    }
    let now = versions::by_id(&req.db(), version.id).ok().flatten();
    let text = match now.and_then(|now| now.decider) {
        Some(alias) => req.t("error.decided", context! { alias }),
        None => req.t("error.changed", context! {}),
    };
    Error::conflict(text)
}

/// The last part of a file's name, in letters that every system has; without one the script's own.
pub(crate) fn file_name(typed: &str, script: &str) -> String {
    let base = typed.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._+-".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = base.trim().chars().map(plain).take(FILE_NAME_MAX).collect();
    let name = name.trim_start_matches('.');
    match name {
        "" => script.to_owned(),
        some => some.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_of_files_are_plain() {
        assert_eq!(file_name("C:\\tmp\\a b.sh", "x"), "a_b.sh");
        assert_eq!(file_name("../.profile", "x"), "profile");
        assert_eq!(file_name("é\"x", "x"), "__x");
        assert_eq!(file_name(" ", "x"), "x");
    }
}
