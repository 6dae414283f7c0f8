//! The raw files of a script: its text, its checksum, its signature, and what is known about it, for programs.

use harmonious::prelude::*;

use crate::model::{Script, Status, Version};
use crate::store::{scripts, stats, versions};
use crate::{rules, view, who};

/// A file of a script: `latest` or the number of a version, with `.sha256`, `.minisig` or `.json` behind it or
/// nothing; of the latest one `sha256`, `minisig` and `meta.json`, too. The text itself counts as a download.
///
/// # Errors
/// 404 if there is none, 410 with the reason if it was taken back or down.
pub fn file(req: &Request, name: &str, file: &str) -> Result<Response> {
    let script = scripts::head(&req.db(), name)?.or_404()?;
    let (which, kind) = match (file, file.split_once('.')) {
        ("sha256" | "minisig", _) => ("latest", file),
        ("meta.json", _) => ("latest", "json"),
        (_, Some(parts)) => parts,
        (_, None) => (file, ""),
    };
    let version = match which {
        "latest" => latest(req, &script)?,
        number => {
            // One spelling for each: no sign, no zeros in front.
            let number: i64 = number
                .parse()
                .ok()
                .filter(|n: &i64| n.to_string() == number)
                .or_404()?;
            versions::by_number(&req.db(), script.id, number)?.or_404()?
        }
    };
    if matches!(version.status, Status::Withdrawn | Status::Removed) {
        let mut text = version.status.text().to_owned();
        if !version.reason.is_empty() {
            text.push_str(": ");
            text.push_str(&version.reason);
        }
        text.push('\n');
        return Ok(plain(Response::text(text).with_status(410), false));
    }
    if version.status != Status::Published {
        return Err(Error::not_found(""));
    }
    let kept = which != "latest";
    match kind {
        "" => text(req, &script, &version, kept),
        "sha256" => {
            let line = format!("{}  {}\n", version.sha256, script.name);
            Ok(plain(Response::text(line), kept))
        }
        "json" => {
            let about = about(req, &scripts::whole(&req.db(), script)?, &version)?;
            Ok(plain(Response::json(&about), false))
        }
        // A signature can be put beside a version later on.
        "minisig" => Ok(plain(Response::text(version.signature.or_404()?), false)),
        _ => Err(Error::not_found("")),
    }
}

/// What is known about a version, as JSON.
pub fn about(req: &Request, script: &Script, version: &Version) -> Result<Value> {
    let address = view::address(req)?;
    let url = format!(
        "{address}/s/{}/{}",
        script.name,
        version.number.unwrap_or_default()
    );
    let need = |need: &crate::model::Dependency| json!({ "kind": need.kind, "what": need.what, "versions": need.versions, "script": need.target });
    Ok(json!({
        "name": script.name,
        "title": script.title,
        "summary": script.summary,
        "category": script.category_path,
        "language": script.language,
        "license": script.license,
        "homepage": script.homepage,
        "tags": script.tags.iter().map(|tag| &tag.slug).collect::<Vec<_>>(),
        "needs": script.needs.iter().map(need).collect::<Vec<_>>(),
        "applies_to": script.applies,
        "author": script.owner_alias,
        "maintainers": script.maintainers.iter().filter_map(|one| one.alias.as_ref()).collect::<Vec<_>>(),
        "replaced_by": script.replaced_by,
        "expires_at": script.expires_at,
        "number": version.number,
        "label": version.label,
        "changelog": version.changelog,
        "published_at": version.decided_at,
        "sha256": version.sha256,
        "bytes": version.bytes,
        "file_name": version.file_name,
        "signing_key": version.signing_key,
        "page": format!("{address}/scripts/{}/", script.name),
        "raw": url,
        "signature": version.signature.as_ref().map(|_| format!("{url}.minisig")),
    }))
}

/// The latest published one; of a script that was closed the last one that was published, which says why.
fn latest(req: &Request, script: &Script) -> Result<Version> {
    let id = script.latest_id.or_404()?;
    versions::by_id(&req.db(), id)?.or_404()
}

fn text(req: &Request, script: &Script, version: &Version, kept: bool) -> Result<Response> {
    let tag = format!("\"sha256-{}\"", version.sha256);
    let body = versions::body(&req.db(), &version.sha256)?;
    count(req, script, version, &tag)?;
    let name = format!("inline; filename=\"{}\"", version.file_name);
    let response = Response::text(body).with_header("content-disposition", &name);
    Ok(plain(response, kept).with_etag(&tag))
}

/// Counts a download: of the text, not of a part in its middle or of what the client has already, by no program
/// that reads everything, once for each address, version and day.
fn count(req: &Request, script: &Script, version: &Version, tag: &str) -> Result<()> {
    let has_it = req
        .header("if-none-match")
        .is_some_and(|tags| tags.contains(tag));
    let middle = req
        .header("range")
        .is_some_and(|range| !range.starts_with("bytes=0-"));
    if req.method() != "GET"
        || has_it
        || middle
        || rules::is_bot(req.header("user-agent").unwrap_or_default())
    {
        return Ok(());
    }
    let who = rules::sha256(format!("{}\n{}", who::address(req), version.id).as_bytes());
    for (at, (sql, values)) in stats::downloaded(script.id, version.id)
        .into_iter()
        .enumerate()
    {
        req.db().soon(sql, &values, Some(&format!("{at}{who}")))?;
    }
    Ok(())
}

/// A text that no browser makes a page of, for programs of any site.
fn plain(response: Response, kept: bool) -> Response {
    let life = if kept {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .with_header("cache-control", life)
        .with_header("access-control-allow-origin", "*")
        .with_header("content-security-policy", "sandbox; default-src 'none'")
}
