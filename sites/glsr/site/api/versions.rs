//! `/api/v1/scripts/NAME/versions/`: what was published, new versions, signatures.

use harmonious::prelude::*;

use super::sent::Sent;
use super::submissions;
use crate::model::{Page, Status, Version};
use crate::store::{after, versions};
use crate::{api, flow, view};

/// `GET /api/v1/scripts/NAME/versions/`: the newest first.
pub fn list(req: &Request) -> Result<Response> {
    let size = api::limit(req)?;
    let script = api::script(req)?;
    let below = match req.query("cursor") {
        None => None,
        Some(typed) => {
            let number: i32 = typed.parse().map_err(|_| api::bad_cursor(req))?;
            Some(number.into())
        }
    };
    let page = Page::cut(after::versions(&req.db(), script.id, below, size)?, 1, size);
    let address = view::address(req)?;
    let items = page.items.iter();
    let items = items.map(|version| shape(&address, &script.name, version));
    let last = page.items.last().filter(|_| page.more);
    let next = last.and_then(|version| version.number);
    Ok(api::listed(
        req,
        items.collect(),
        next.map(|number| number.to_string()),
    ))
}

/// `POST /api/v1/scripts/NAME/versions/`: a draft, or with `submit` a version in the queue.
pub fn create(req: &Request) -> Result<Response> {
    let (me, script) = api::maintains(req, "submit")?;
    let sent = req.json::<Sent>()?.tidied();
    submissions::room(req, &me)?;
    match flow::new_version(req, &me, &script, sent.source(), &sent.about())? {
        Ok(id) => submissions::made(req, &me, id, sent.submit),
        Err(wrong) => Ok(api::refused(req, &wrong)),
    }
}

/// `GET /api/v1/scripts/NAME/versions/3`.
pub fn show(req: &Request) -> Result<Response> {
    let script = api::script(req)?;
    let version = numbered(req, script.id)?;
    let address = view::address(req)?;
    Ok(Response::json(&shape(&address, &script.name, &version)))
}

/// A signature, as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    /// The text of the `.minisig` file.
    signature: String,
}

/// `PUT /api/v1/scripts/NAME/versions/3`: the signature of that version, in place of one that is there.
pub fn sign(req: &Request) -> Result<Response> {
    let (_, script) = api::maintains(req, "sign")?;
    let version = numbered(req, script.id)?;
    let sent: Signature = req.json()?;
    if version.status != Status::Published {
        return Err(Error::new(410, req.t("api.closed", context! {})));
    }
    match flow::sign(req, &script, &version, &sent.signature)? {
        Ok(()) => show(req),
        Err(wrong) => Ok(api::refused(req, &[wrong])),
    }
}

fn numbered(req: &Request, script: i64) -> Result<Version> {
    let number: i64 = req.param_as("number")?;
    versions::by_number(&req.db(), script, number)?.or_404()
}

/// A version as it is answered; what was taken back or down has its reason and no file.
#[must_use]
pub fn shape(address: &str, name: &str, version: &Version) -> Value {
    let number = version.number.unwrap_or_default();
    let raw = format!("{address}/s/{name}/{number}");
    let there = version.status == Status::Published;
    let signed = there && version.signature.is_some();
    json!({
        "script": name,
        "number": number,
        "label": version.label,
        "status": version.status,
        "sha256": version.sha256,
        "bytes": version.bytes,
        "lines": version.lines,
        "file_name": version.file_name,
        "changelog": if version.status == Status::Removed { "" } else { &version.changelog },
        "author": version.author_alias,
        "author_name": version.author_name,
        "decided_at": version.decided_at,
        "reason": if there { "" } else { &version.reason },
        "signing_key": version.signing_key,
        "page": format!("{address}/scripts/{name}/{number}"),
        "raw": there.then(|| raw.clone()),
        "signature": signed.then(|| format!("{raw}.minisig")),
    })
}
