//! `/api/v1/review/`: the queue of reviewers, and their decisions about versions.

use harmonious::prelude::*;

use super::submissions;
use crate::model::{Script, Status, Version, Wrong};
use crate::rules::{self, Kind};
use crate::store::{review, scripts, versions};
use crate::{api, findings, flow, view};

/// Characters of a reason.
const REASON_MAX: usize = 2_000;

/// `GET /api/v1/review/`: versions that wait, urgent ones first, then the oldest; how much else waits.
pub fn queue(req: &Request) -> Result<Response> {
    api::reviewer(req)?;
    let queue = review::queue(&req.db())?;
    let pending: Vec<Value> = queue
        .pending
        .iter()
        .map(|one| {
            json!({
                "id": one.id,
                "script": one.script,
                "title": one.title,
                "label": one.label,
                "urgent": one.urgent,
                "author": one.author_alias,
                "author_name": one.author_name,
                "submitted_at": one.submitted_at,
                "latest": one.latest,
                "findings": one.findings,
            })
        })
        .collect();
    Ok(Response::json(&json!({
        "pending": pending,
        "waiting": {
            "appeals": queue.appeals.len(),
            "flags": queue.flags.len(),
            "comments": queue.comments.len(),
            "edits": queue.edits.len(),
        },
    })))
}

/// `GET /api/v1/review/ID`: a version that was sent in, with its text.
pub fn show(req: &Request) -> Result<Response> {
    api::reviewer(req)?;
    let (script, version) = sent_in(req)?;
    answer(req, &script, &version)
}

/// A decision, as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    decision: Verdict,
    /// As it was when it was read: `GET` says it.
    seen: String,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Approve,
    Refuse,
}

/// `POST /api/v1/review/ID`: approves or refuses it, with a reason.
pub fn decide(req: &Request) -> Result<Response> {
    let me = api::reviewer(req)?;
    let (script, version) = sent_in(req)?;
    let sent: Decision = req.json()?;
    let reason = rules::tidy(&sent.reason);
    let mut wrong: Vec<Wrong> = Vec::new();
    wrong.extend(rules::free_text("reason", &reason, REASON_MAX, Kind::Lines).err());
    if sent.decision == Verdict::Refuse && reason.is_empty() {
        wrong.push(Wrong::new("reason", "required"));
    }
    if !wrong.is_empty() {
        return Ok(api::refused(req, &wrong));
    }
    let approve = sent.decision == Verdict::Approve;
    flow::decide(req, &me, version.id, &sent.seen, approve, &reason)?;
    let now = versions::by_id(&req.db(), version.id)?.or_404()?;
    answer(req, &script, &now)
}

fn sent_in(req: &Request) -> Result<(Script, Version)> {
    let id: i64 = req.param_as("id")?;
    let version = versions::by_id(&req.db(), id)?.or_404()?;
    if version.status == Status::Draft {
        return Err(Error::not_found(""));
    }
    let script = scripts::by_id(&req.db(), version.script_id)?.or_404()?;
    Ok((script, version))
}

fn answer(req: &Request, script: &Script, version: &Version) -> Result<Response> {
    let findings = findings::of(req, &req.db(), version.id)?;
    let text = versions::body(&req.db(), &version.sha256)?;
    let address = view::address(req)?;
    let mut shape = submissions::shape(script, version, &findings);
    shape["text"] = text.into();
    shape["seen"] = version.seen().into();
    shape["page"] = format!("{address}/review/{}", version.id).into();
    Ok(Response::json(&shape))
}
