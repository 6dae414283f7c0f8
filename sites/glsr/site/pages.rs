//! What several pages do: the script that a path names, lists, raw files, caching.

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Filter, Script, ScriptRow, Status, Version};
use crate::soon::{DbSoon, RequestSoon, ResponseSoon};
use crate::store::{scripts, search, settings, stats, versions};
use crate::{rules, view, who};

/// How long rendered parts are kept; what they show is in their keys.
const FRAGMENTS: Duration = Duration::from_secs(24 * 3_600);

/// For the `#[before]` of `scripts/[name]/`: templates get `script`, without its lists.
///
/// # Errors
/// 404 if there is none, or none for this visitor.
pub fn script(req: &Request) -> Result<()> {
    req.provide("script", &head(req)?)
}

/// The script that the path names, with all that belongs to it.
///
/// # Errors
/// As [`script`].
pub fn shown(req: &Request) -> Result<Script> {
    scripts::whole(&req.db(), head(req)?)
}

/// The script that the path names, without its lists: one query.
///
/// # Errors
/// As [`script`].
pub fn head(req: &Request) -> Result<Script> {
    let script = scripts::head(&req.db(), req.param("name")?)?.or_404()?;
    if script.status != Status::Draft {
        return Ok(script);
    }
    // Nothing of it is published yet: for those who work on it and those who look at it.
    let me = who::me(req)?;
    let seen = match &me {
        Some(me) => {
            who::may_see(Some(me), &script) || scripts::maintained_by(&req.db(), &script, me.id)?
        }
        None => false,
    };
    if seen {
        Ok(script)
    } else {
        Err(Error::not_found(""))
    }
}

/// A page with a list: its template gets `filter`, `words`, `sort`, `results` (the rendered `_results.html`, kept until
/// something in any list changes), and what `more` has. With `?part=1` the answer is that part alone.
pub fn list(
    req: &Request,
    filter: &Filter,
    template: &str,
    more: impl Serialize,
) -> Result<Response> {
    let results = results(req, filter)?;
    if req.query("part").is_some() {
        return Ok(Response::html(results));
    }
    req.render(
        template,
        context! { words => &filter.q, filter, sort => filter.sort.text(), results, more },
    )
}

/// The rendered `_results.html` of a filter: it has `page`, `filter`, `sort` and `link`, which is the address of
/// the page without its number.
fn results(req: &Request, filter: &Filter) -> Result<String> {
    let link = link(req);
    let stamp = settings::stamp(&req.db())?;
    // Where the list stands is part of it: its pager and its orders link there.
    let key = format!(
        "list:{link}:{}:{}:{stamp}:{}",
        filter_key(filter),
        filter.page,
        req.language()
    );
    let key = format!("list:{}", rules::sha256(key.as_bytes()));
    req.fragment(&key, FRAGMENTS, || {
        let page = search::find(&req.db(), filter, view::ROWS)?;
        let sort = filter.sort.text();
        req.render_text("/_results.html", context! { page, filter, sort, link })
    })
}

fn filter_key(filter: &Filter) -> String {
    format!("{filter:?}")
}

/// The path and query of this page, up to where `page=` goes: `/search?q=a&`.
#[must_use]
pub fn link(req: &Request) -> String {
    let mut link = format!("{}?", req.path());
    for (name, value) in req.query_pairs() {
        if name != "page" && name != "part" {
            link.push_str(&format!("{}={}&", encoded(&name), encoded(&value)));
        }
    }
    link
}

/// As it can stand in a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// What the first page shows of the newest, most used and best rated.
pub fn top(req: &Request, filter: &Filter, count: u32) -> Result<Vec<ScriptRow>> {
    Ok(scripts::list(&req.db(), filter, count)?.items)
}

/// A part of a page that shows a script (and a version of it), kept until one of these changes.
pub fn part(
    req: &Request,
    script: &Script,
    version: Option<&Version>,
    make: impl FnOnce() -> Result<String>,
) -> Result<String> {
    let (id, stamp, version) = (
        script.id,
        script.stamp,
        version.map_or(0, |version| version.id),
    );
    let key = format!(
        "script:{id}:{version}:{stamp}:{}:{}",
        req.language(),
        view::address(req)?
    );
    req.fragment(&key, FRAGMENTS, make)
}

/// For the root's `#[after]`: pages for nobody in particular are asked for again with their tag, all others are
/// kept by nobody.
pub fn cached(req: &Request, response: &mut Response) {
    let is_page = response
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"));
    if !is_page || response.header("cache-control").is_some() {
        return;
    }
    let alone = who::has_session(req) || response.header("set-cookie").is_some();
    if alone || response.status() != 200 || !matches!(req.method(), "GET" | "HEAD") {
        response.set_header("cache-control", "private, no-store");
        return;
    }
    response.set_header("cache-control", "no-cache");
    response.append_header("vary", "Cookie");
    if let Some(body) = req.response_body() {
        let tag = format!("W/\"{}\"", &rules::sha256(body)[..32]);
        response.set_header("etag", &tag);
    }
}

/// A raw file of a script: `latest` or a number of a version, with `.sha256` or `.minisig` behind it or nothing.
/// The text itself counts as a download.
///
/// # Errors
/// 404 if there is none, 410 with the reason if it was taken back or down.
pub fn raw(req: &Request, name: &str, file: &str) -> Result<Response> {
    let script = scripts::head(&req.db(), name)?.or_404()?;
    let (which, kind) = match file.split_once('.') {
        Some((which, kind)) => (which, kind),
        // Of the latest: `sha256`, `minisig`.
        None if matches!(file, "sha256" | "minisig") => ("latest", file),
        None => (file, ""),
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
        let text = format!("{}\n", version.reason);
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
        // A signature can be put beside a version later on.
        "minisig" => Ok(plain(Response::text(version.signature.or_404()?), false)),
        _ => Err(Error::not_found("")),
    }
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
