//! `/api/v1/submissions/ID`: a version from its draft to the decision about it.

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Finding, Me, Script, Version};
use crate::store::{scripts, versions};
use crate::{api, findings, flow};

/// Drafts that one account may make in an hour: each keeps a text.
const DRAFTS_PER_HOUR: u32 = 60;
const HOUR: Duration = Duration::from_secs(3_600);

/// Refuses more drafts than anybody writes.
///
/// # Errors
/// 429.
pub(super) fn room(req: &Request, me: &Me) -> Result<()> {
    req.limit("api-drafts", &me.id.to_string(), DRAFTS_PER_HOUR, HOUR)
}

/// The answer to a new version: 201, where it is. One that is to go into the queue and may not is not kept.
pub(super) fn made(req: &Request, me: &Me, id: i64, submit: bool) -> Result<Response> {
    if submit && let Err(error) = flow::send_in(req, me, id) {
        req.db().transaction(|tx| versions::drop_draft(&tx, id))?;
        return Err(error);
    }
    Ok(answer(req, id)?
        .with_status(201)
        .with_header("location", &format!("/api/v1/submissions/{id}")))
}

/// `GET /api/v1/submissions/ID`: status, reason, findings.
pub fn show(req: &Request) -> Result<Response> {
    let me = api::who(req, "submit")?;
    let (_, version) = own(req, &me)?;
    answer(req, version.id)
}

/// What is to be done with it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// Into the queue.
    Submit,
    /// Out of the queue: a draft again.
    TakeBack,
    /// Away with the draft.
    Drop,
    /// A new draft of what was refused.
    TryAgain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    act: Act,
}

/// `POST /api/v1/submissions/ID`.
pub fn act(req: &Request) -> Result<Response> {
    let me = api::who(req, "submit")?;
    let (script, version) = own(req, &me)?;
    if !scripts::maintained_by(&req.db(), &script, me.id)? {
        return Err(Error::forbidden(req.t("error.maintainers", context! {})));
    }
    let order: Order = req.json()?;
    match order.act {
        Act::Submit => flow::send_in(req, &me, version.id)?,
        Act::TakeBack => flow::take_back(req, &version)?,
        Act::Drop => {
            flow::drop_draft(req, &version)?;
            return Ok(Response::no_content());
        }
        Act::TryAgain => {
            room(req, &me)?;
            return match flow::again(req, &me, &script, &version)? {
                Ok(id) => made(req, &me, id, false),
                Err(wrong) => Ok(api::refused(req, &wrong)),
            };
        }
    }
    answer(req, version.id)
}

/// The version of the path, for who sent it in or maintains its script.
fn own(req: &Request, me: &Me) -> Result<(Script, Version)> {
    let id: i64 = req.param_as("id")?;
    let version = versions::by_id(&req.db(), id)?.or_404()?;
    let script = scripts::by_id(&req.db(), version.script_id)?.or_404()?;
    let seen =
        version.author_id == Some(me.id) || scripts::maintained_by(&req.db(), &script, me.id)?;
    match seen {
        true => Ok((script, version)),
        false => Err(Error::not_found("")),
    }
}

fn answer(req: &Request, id: i64) -> Result<Response> {
    let version = versions::by_id(&req.db(), id)?.or_404()?;
    let script = scripts::by_id(&req.db(), version.script_id)?.or_404()?;
    let findings = findings::of(req, &req.db(), id)?;
    Ok(Response::json(&shape(&script, &version, &findings)))
}

/// A version as those see it who work on it.
#[must_use]
pub fn shape(script: &Script, version: &Version, findings: &[Finding]) -> Value {
    json!({
        "id": version.id,
        "script": script.name,
        "status": version.status,
        "number": version.number,
        "label": version.label,
        "file_name": version.file_name,
        "changelog": version.changelog,
        "urgent": version.urgent,
        "sha256": version.sha256,
        "bytes": version.bytes,
        "author": version.author_alias,
        "created_at": version.created_at,
        "submitted_at": version.submitted_at,
        "decided_at": version.decided_at,
        "decided_by": version.decider,
        "reason": version.reason,
        "findings": findings,
    })
}
