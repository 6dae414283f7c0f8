//! The raw files of a script: its text, its checksum, its signature, and what is known about it, for programs.

use harmonious::prelude::*;

use crate::model::{Script, Status, Version};
use crate::store::{scripts, stats, versions};
use crate::{rules, view};

/// What a file tells of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Sha256,
    Signature,
    About,
}

/// `/s/NAME`, the latest published version: with `.sha256`, `.minisig` or `.json` behind it what goes with it. No name
/// of a script ends so.
///
/// # Errors
/// As [`file`].
pub fn latest(req: &Request, segment: &str) -> Result<Response> {
    let (name, kind) = match ending(segment) {
        (name, "sha256") => (name, Kind::Sha256),
        (name, "minisig") => (name, Kind::Signature),
        (name, "json") => (name, Kind::About),
        _ => (segment, Kind::Text),
    };
    let script = scripts::head(&req.db(), name)?.or_404()?;
    of_latest(req, script, kind)
}

/// `/s/NAME/FILE`: `3`, `3.sha256`, `3.minisig`; of the latest published version `sha256`, `minisig` and `meta.json`. The
/// text itself counts as a download.
///
/// # Errors
/// 404 if there is none, 410 with the reason if it was taken back or down.
pub fn file(req: &Request, name: &str, file: &str) -> Result<Response> {
    let script = scripts::head(&req.db(), name)?.or_404()?;
    match file {
        "sha256" => return of_latest(req, script, Kind::Sha256),
        "minisig" => return of_latest(req, script, Kind::Signature),
        "meta.json" => return of_latest(req, script, Kind::About),
        _ => {}
    }
    let (number, kind) = match ending(file) {
        (number, "sha256") => (number, Kind::Sha256),
        (number, "minisig") => (number, Kind::Signature),
        (_, "") => (file, Kind::Text),
        _ => return Err(Error::not_found("")),
    };
    of_number(req, script, number, kind)
}

/// `/s/NAME/3/meta.json`.
///
/// # Errors
/// As [`file`].
pub fn meta(req: &Request, name: &str, number: &str) -> Result<Response> {
    let script = scripts::head(&req.db(), name)?.or_404()?;
    of_number(req, script, number, Kind::About)
}

/// What stands in front of the last dot, and behind it.
fn ending(segment: &str) -> (&str, &str) {
    segment.rsplit_once('.').unwrap_or((segment, ""))
}

/// The latest published one; of a script that was closed the last one that was published, which says why.
fn of_latest(req: &Request, script: Script, kind: Kind) -> Result<Response> {
    let id = script.latest_id.or_404()?;
    let version = versions::by_id(&req.db(), id)?.or_404()?;
    answer(req, script, &version, kind, false)
}

fn of_number(req: &Request, script: Script, number: &str, kind: Kind) -> Result<Response> {
    // One spelling for each: no sign, no zeros in front.
    let number: i64 = number
        .parse()
        .ok()
        .filter(|n: &i64| n.to_string() == number)
        .or_404()?;
    let version = versions::by_number(&req.db(), script.id, number)?.or_404()?;
    answer(req, script, &version, kind, true)
}

/// `kept`: the address names this version for good.
fn answer(
    req: &Request,
    script: Script,
    version: &Version,
    kind: Kind,
    kept: bool,
) -> Result<Response> {
    if matches!(version.status, Status::Withdrawn | Status::Removed) {
        return Ok(gone(req, &script, version));
    }
    if version.status != Status::Published {
        return Err(Error::not_found(""));
    }
    match kind {
        Kind::Text => text(req, &script, version, kept),
        Kind::Sha256 => {
            let line = format!("{}  {}\n", version.sha256, script.name);
            Ok(tagged(Response::text(&line), line.as_bytes(), kept))
        }
        // A signature can be put beside a version later on.
        Kind::Signature => {
            let signature = version.signature.as_ref().or_404()?;
            Ok(tagged(
                Response::text(signature),
                signature.as_bytes(),
                false,
            ))
        }
        Kind::About => {
            let script = scripts::whole(&req.db(), script)?;
            let about = about(req, &script, version)?.to_string();
            let response = Response::bytes("application/json", about.as_bytes());
            Ok(tagged(response, about.as_bytes(), false))
        }
    }
}

/// Why there is nothing any more: 410.
fn gone(req: &Request, script: &Script, version: &Version) -> Response {
    let (name, number) = (&script.name, version.number.unwrap_or_default());
    let key = match version.status {
        Status::Removed => "raw.removed",
        _ => "raw.withdrawn",
    };
    let mut text = req.t(key, context! { name, number });
    if !version.reason.is_empty() {
        text = format!("{text}: {}", version.reason);
    }
    plain(Response::text(format!("{text}\n")).with_status(410), false)
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
        .is_some_and(|tags| tags.trim() == "*" || tags.contains(tag));
    // With `If-Range` of another text the whole is sent.
    let other = req.header("if-range").is_some_and(|known| known != tag);
    let middle = req
        .header("range")
        .is_some_and(|range| !range.trim_start().starts_with("bytes=0-"));
    let middle = middle && !other;
    if req.method() != "GET"
        || has_it
        || middle
        || rules::is_bot(req.header("user-agent").unwrap_or_default())
    {
        return Ok(());
    }
    let who = rules::sha256(format!("{}\n{}", network(req), version.id).as_bytes());
    for (at, (sql, values)) in stats::downloaded(script.id, version.id)
        .into_iter()
        .enumerate()
    {
        req.db().soon(sql, &values, Some(&format!("{at}{who}")))?;
    }
    Ok(())
}

/// The visitor's address; of IPv6 the part that one host cannot choose by itself (64 bits, as limits have it).
fn network(req: &Request) -> std::net::IpAddr {
    match req.client_address() {
        std::net::IpAddr::V6(all) => {
            std::net::Ipv6Addr::from_bits(all.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

/// With the tag of its content: what is there already is not sent again.
fn tagged(response: Response, content: &[u8], kept: bool) -> Response {
    let tag = format!("\"sha256-{}\"", rules::sha256(content));
    plain(response, kept).with_etag(&tag)
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

/// An error as a line of text.
#[must_use]
pub fn refused(error: &PageError) -> Response {
    plain(Response::text(format!("{}\n", error.title())), false)
}
