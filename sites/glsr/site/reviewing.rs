//! The pages of reviewers: the queue, a version, a flag, an appeal, comments and edits that wait.

use harmonious::Db;
use harmonious::prelude::*;

use crate::fields::Fields;
use crate::model::{Finding, Me, Role, Script, Status, Version, Wrong};
use crate::moderation::{self, Follow, Stand};
use crate::store::{review, scripts, talk, versions};
use crate::{checking, findings, flow, forms, rules, who};

/// Characters of a reason and of an answer.
const REASON_MAX: usize = 2_000;

const VERSION: &str = "[id=u64].html";

/// All that waits. With `?part=1` the answer is the list alone, for the page that looks for news by itself.
pub fn queue(req: &Request) -> Result<Response> {
    let queue = review::queue(&req.db())?;
    let part = req.query("part").is_some();
    let template = if part { "_queue.html" } else { "index.html" };
    req.render(template, context! { queue })
}

/// One version with all that helps to decide about it.
pub fn version(req: &Request) -> Result<Response> {
    let (me, version) = (who::must(req, Role::Reviewer)?, asked(req)?);
    version_page(req, &me, &version, "", &[])
}

/// Decides about it: `act` is `approve`, `refuse`, `check`, `remove` or `remove-all`.
pub fn act(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Reviewer)?;
    let version = versions::by_id(&req.db(), req.param_as("id")?)?.or_404()?;
    if version.status == Status::Draft {
        // Its author took it back while somebody looked at it.
        return Err(Error::conflict(req.t("error.changed", context! {})));
    }
    let form = req.form()?;
    let act = form.text("act")?;
    if act == "check" {
        flow::check_again(req, &version)?;
        return forms::done(req, "checked-again", &format!("/review/{}", version.id));
    }
    let mut fields = Fields::new(&form);
    let mut reason = fields.lines("reason", REASON_MAX);
    if act != "approve" {
        reason = fields.needed("reason", reason);
    }
    if !fields.wrong.is_empty() {
        return version_page(req, &me, &version, fields.raw("reason"), &fields.wrong);
    }
    let script = scripts::by_id(&req.db(), version.script_id)?.or_404()?;
    // What the reviewer read is what is decided about.
    let seen = fields.raw("seen");
    let (done, key) = match act {
        "approve" => (
            flow::decide(req, &me, version.id, seen, true, &reason),
            "approved",
        ),
        "refuse" => (
            flow::decide(req, &me, version.id, seen, false, &reason),
            "refused",
        ),
        "remove" => (
            moderation::take_down(req, &me, &script, Some(version.id), &reason),
            "taken-down",
        ),
        "remove-all" => (
            moderation::take_down(req, &me, &script, None, &reason),
            "taken-down",
        ),
        _ => return Err(Error::bad_request(req.t("review.act", context! {}))),
    };
    match done {
        Ok(()) => forms::done(req, key, "/review/"),
        Err(error) if error.status() == 409 => {
            // Somebody was faster: the page as it is by now, if there is still something to see.
            let Ok(version) = asked(req) else {
                return Err(error);
            };
            req.provide("conflict", error.title())?;
            let page = version_page(req, &me, &version, fields.raw("reason"), &[])?;
            Ok(page.with_status(409))
        }
        Err(error) => Err(error),
    }
}

/// One flag, and what is flagged.
pub fn flag(req: &Request) -> Result<Response> {
    flag_page(req, context! {}, &[])
}

/// Answers it: `verdict` is `upheld` or `unfounded`, `follow` what then becomes of what was flagged.
pub fn answer_flag(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Reviewer)?;
    let flag = review::flag(&req.db(), req.param_as("id")?)?.or_404()?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let answer = fields.lines("answer", REASON_MAX);
    let answer = fields.needed("answer", answer);
    let verdict = fields.raw("verdict");
    if !matches!(verdict, "upheld" | "unfounded") {
        fields.wrong.push(Wrong::new("verdict", "choose"));
    }
    let follow = match fields.raw("follow") {
        "comment" => Follow::Comment,
        "version" => Follow::Version,
        "script" => Follow::Script,
        _ => Follow::Nothing,
    };
    if !fields.wrong.is_empty() {
        let typed =
            context! { answer => fields.raw("answer"), verdict, follow => fields.raw("follow") };
        return flag_page(req, typed, &fields.wrong);
    }
    moderation::answer_flag(req, &me, &flag, verdict == "upheld", &answer, follow)?;
    forms::done(req, "answered", "/review/")
}

/// One appeal, and the refusal that it is against.
pub fn appeal(req: &Request) -> Result<Response> {
    appeal_page(req, context! {}, &[])
}

/// Decides it: `verdict` is `grant` or `reject`.
pub fn decide_appeal(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Reviewer)?;
    let appeal = review::appeal(&req.db(), req.param_as("id")?)?.or_404()?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let answer = fields.lines("answer", REASON_MAX);
    let answer = fields.needed("answer", answer);
    let verdict = fields.raw("verdict");
    if !matches!(verdict, "grant" | "reject") {
        fields.wrong.push(Wrong::new("verdict", "choose"));
    }
    if !fields.wrong.is_empty() {
        let typed = context! { answer => fields.raw("answer"), verdict };
        return appeal_page(req, typed, &fields.wrong);
    }
    flow::decide_appeal(req, &me, &appeal, verdict == "grant", &answer)?;
    forms::done(req, "answered", "/review/")
}

/// Decides about a held comment (`comment`, `act` is `show` or `remove`) or an edit (`edit`, `act` is `seen` or
/// `revert`).
pub fn talk(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Reviewer)?;
    let form = req.form()?;
    let db = req.db();
    match form.text("act")? {
        act @ ("show" | "remove") => {
            let comment = talk::comment(&db, form.parse("comment")?)?.or_404()?;
            moderation::decide_comment(req, &me, &comment, act == "show")?;
        }
        act @ ("seen" | "revert") => {
            let edit = review::edit(&db, form.parse("edit")?)?.or_404()?;
            moderation::decide_edit(req, &me, &edit, act == "seen")?;
        }
        _ => return Err(Error::bad_request(req.t("review.act", context! {}))),
    }
    forms::done(req, "review-done", "/review/")
}

/// What the page of a version shows.
#[derive(Serialize)]
struct Shown<'a> {
    version: &'a Version,
    script: Script,
    text: String,
    /// The published version that it is compared with, and its text.
    before: Option<Version>,
    before_text: String,
    split: bool,
    findings: Vec<Finding>,
    alike: Vec<checking::LookAlike>,
    appeal: Option<review::Appeal>,
    stand: Stand,
    /// What a decision is about: [`Version::seen`].
    seen: String,
    may_remove: bool,
}

fn version_page(
    req: &Request,
    me: &Me,
    version: &Version,
    reason: &str,
    wrong: &[Wrong],
) -> Result<Response> {
    let db = req.db();
    let script = scripts::by_id(&db, version.script_id)?.or_404()?;
    let text = versions::body(&db, &version.sha256)?;
    let before = before(&db, &script, version)?;
    let before_text = match &before {
        Some(before) => rules::visible(&versions::body(&db, &before.sha256)?),
        None => String::new(),
    };
    let shown = Shown {
        stand: moderation::towards(&db, me, &script, version)?,
        alike: checking::look_alikes(&db, &script, version, &text)?,
        appeal: review::appeal_of(&db, version.id)?,
        may_remove: matches!(version.status, Status::Published | Status::Withdrawn),
        findings: findings::of(req, &db, version.id)?,
        split: req.query("view").as_deref() == Some("split"),
        text: rules::visible(&text),
        seen: version.seen(),
        version,
        script,
        before,
        before_text,
    };
    req.provide("shown", &shown)?;
    forms::again(req, VERSION, context! { reason }, wrong)
}

/// What a version is compared with: the latest published one; a published one with the one before it.
fn before(db: &Db<'_>, script: &Script, version: &Version) -> Result<Option<Version>> {
    match version.number {
        Some(number) => versions::by_number(db, script.id, number - 1),
        None => match script.latest_id {
            Some(latest) => versions::by_id(db, latest),
            None => Ok(None),
        },
    }
}

/// The version that the path names; drafts are their authors' own.
fn asked(req: &Request) -> Result<Version> {
    let version = versions::by_id(&req.db(), req.param_as("id")?)?;
    version
        .filter(|version| version.status != Status::Draft)
        .or_404()
}

fn flag_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    let (me, db) = (who::must(req, Role::Reviewer)?, req.db());
    let flag = review::flag(&db, req.param_as("id")?)?.or_404()?;
    let script = scripts::by_id(&db, flag.script_id)?.or_404()?;
    let comment = match flag.comment_id {
        Some(id) => talk::comment(&db, id)?,
        None => None,
    };
    req.provide(
        "stand",
        &moderation::towards_flag(&db, &me, &flag, &script)?,
    )?;
    req.provide("flag", &flag)?;
    req.provide("comment", &comment)?;
    req.provide("script", &script)?;
    forms::again(req, VERSION, typed, wrong)
}

fn appeal_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    let (me, db) = (who::must(req, Role::Reviewer)?, req.db());
    let appeal = review::appeal(&db, req.param_as("id")?)?.or_404()?;
    let version = versions::by_id(&db, appeal.version_id)?.or_404()?;
    let script = scripts::by_id(&db, version.script_id)?.or_404()?;
    let stand = moderation::towards_appeal(&db, &me, &appeal, &script, &version)?;
    req.provide("stand", &stand)?;
    req.provide("appeal", &appeal)?;
    req.provide("version", &version)?;
    req.provide("script", &script)?;
    forms::again(req, VERSION, typed, wrong)
}
