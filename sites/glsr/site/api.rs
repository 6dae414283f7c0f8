//! What the API has in common: who asks, how much, how it says no. Nothing here looks at a session: a token says
//! who it is, so no page of another site can speak for a visitor.

pub mod review;
pub mod scripts;
pub mod sent;
pub mod submissions;
pub mod talk;
pub mod versions;

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Me, Role, Scopes, Script, Status, Wrong};
use crate::store::{accounts, now, scripts as store};
use crate::{rules, tokens, who};

/// The description of all that is here.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Requests of one address, and writes of one token, in a minute.
const READS: u32 = 600;
const WRITES: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Rows that a list gives unless `limit` says otherwise, and at most.
const ROWS: u32 = 20;
const ROWS_MAX: u32 = 100;

/// For the `#[guard]` of the API: not too much, and no token that is none, even where none is needed.
///
/// # Errors
/// 429, 401.
pub fn admit(req: &Request) -> Result<()> {
    let address = who::address(req);
    req.limit("api", &address, READS, MINUTE)?;
    let token = bearer(req)?;
    if !matches!(req.method(), "GET" | "HEAD" | "OPTIONS") {
        // Without a token it is refused later on; it counts all the same.
        let key = token.map_or(address, |token| rules::sha256(token.as_bytes()));
        req.limit("api-writes", &key, WRITES, MINUTE)?;
    }
    caller(req).map(drop)
}

/// For the `#[after]` of the API: programs of any site may read; what a token is needed for is kept by nobody.
pub fn headers(req: &Request, response: &mut Response) {
    if !matches!(req.method(), "GET" | "HEAD") {
        response.set_header("cache-control", "no-store");
        return;
    }
    response.set_header("access-control-allow-origin", "*");
    response.append_header("vary", "Authorization");
    if req.header("authorization").is_some() || response.status() != 200 {
        response.set_header("cache-control", "private, no-store");
        return;
    }
    response.set_header("cache-control", "no-cache");
    if let Some(body) = req.response_body() {
        let tag = format!("\"{}\"", &rules::sha256(body)[..32]);
        response.set_header("etag", &tag);
    }
}

/// An error as a problem document (RFC 9457), as the server makes it for those who ask for JSON.
#[must_use]
pub fn problem(error: &PageError) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": error.title(),
        "status": error.status(),
        "instance": error.path(),
        "request_id": error.request_id(),
    });
    Response::json(&body).with_content_type("application/problem+json")
}

/// What is wrong with what was sent, field by field: a problem document with `errors`.
#[must_use]
pub fn refused(req: &Request, wrong: &[Wrong]) -> Response {
    let errors: Vec<Value> = wrong
        .iter()
        .map(|one| {
            let detail = req.t(&format!("wrong.{}", one.key), context! { n => one.n });
            let field = match one.field {
                "applies" => "applies_to",
                other => other,
            };
            json!({ "field": field, "key": one.key, "detail": detail })
        })
        .collect();
    let body = json!({
        "type": "about:blank",
        "title": req.t("form.wrong", context! {}),
        "status": 422,
        "instance": req.path(),
        "request_id": req.id(),
        "errors": errors,
    });
    Response::json(&body)
        .with_status(422)
        .with_content_type("application/problem+json")
}

/// `GET /api/v1/me`: whose token it is, and what it is good for.
pub fn me(req: &Request) -> Result<Response> {
    let (me, scopes) = caller(req)?.ok_or_else(|| unauthorized(req, "api.token", ""))?;
    let roles: Vec<Role> = Role::GRANTED
        .into_iter()
        .filter(|role| me.has(*role))
        .collect();
    Ok(Response::json(&json!({
        "alias": me.alias,
        "name": me.name,
        "roles": roles,
        "scopes": scopes.0.split_whitespace().collect::<Vec<_>>(),
        "established": me.established,
        "created_at": me.created_at,
    })))
}

/// The account whose token comes with the request, which has to be good for that.
///
/// # Errors
/// 401 without a token, 403 if it is good for other things only.
pub fn who(req: &Request, scope: &str) -> Result<Me> {
    let (me, scopes) = caller(req)?.ok_or_else(|| unauthorized(req, "api.token", ""))?;
    if !scopes.has(scope) {
        let why = req.t("api.scope", context! { scope });
        let field =
            format!("Bearer realm=\"glsr\", error=\"insufficient_scope\", scope=\"{scope}\"");
        return Err(Error::forbidden(why).with_header("www-authenticate", &field));
    }
    if me.must_change {
        // Somebody else chose the password: who comes with the token may not be who owns the account.
        return Err(Error::forbidden(req.t("api.password", context! {})));
    }
    Ok(me)
}

/// The reviewer whose token comes with the request.
///
/// # Errors
/// As [`who`]; 403 without the role.
pub fn reviewer(req: &Request) -> Result<Me> {
    let me = who(req, "review")?;
    match me.has(Role::Reviewer) {
        true => Ok(me),
        false => Err(Error::forbidden(req.t("error.role", context! {}))),
    }
}

/// The script that the path names, without its lists; one that was never published is there for those only whose
/// token may see it.
///
/// # Errors
/// 404.
pub fn script(req: &Request) -> Result<Script> {
    let script = store::head(&req.db(), req.param("name")?)?.or_404()?;
    if script.status != Status::Draft {
        return Ok(script);
    }
    let seen = match caller(req)? {
        Some((me, scopes)) => {
            let reviews = me.has(Role::Reviewer) && scopes.has("review");
            reviews || store::maintained_by(&req.db(), &script, me.id)?
        }
        None => false,
    };
    if seen {
        Ok(script)
    } else {
        Err(Error::not_found(""))
    }
}

/// The script that the path names, with its lists, and its maintainer whose token is good for that.
///
/// # Errors
/// As [`who`] and [`script`]; 403 for a script of somebody else.
pub fn maintains(req: &Request, scope: &str) -> Result<(Me, Script)> {
    let me = who(req, scope)?;
    let script = script(req)?;
    match store::maintained_by(&req.db(), &script, me.id)? {
        true => Ok((me, store::whole(&req.db(), script)?)),
        false => Err(Error::forbidden(req.t("error.maintainers", context! {}))),
    }
}

/// How many rows of a list are asked for.
///
/// # Errors
/// 400 if that is no number from 1 to 100.
pub(crate) fn limit(req: &Request) -> Result<u32> {
    let Some(typed) = req.query("limit") else {
        return Ok(ROWS);
    };
    let limit = typed.parse().ok();
    let limit = limit.filter(|limit| (1..=ROWS_MAX).contains(limit));
    limit.ok_or_else(|| Error::bad_request(req.t("api.limit", context! { n => ROWS_MAX })))
}

/// A cursor that no list gave.
pub(crate) fn bad_cursor(req: &Request) -> Error {
    Error::bad_request(req.t("api.cursor", context! {}))
}

/// The place that `cursor` says to go on after.
///
/// # Errors
/// 400 if it is none.
pub(crate) fn place(req: &Request) -> Result<Option<(i64, i64)>> {
    let Some(typed) = req.query("cursor") else {
        return Ok(None);
    };
    let place = rules::read_cursor(&typed);
    place.map(Some).ok_or_else(|| bad_cursor(req))
}

/// A list as it is answered: with what `cursor` has to be to go on, and the link to there (RFC 8288).
pub(crate) fn listed(req: &Request, items: Vec<Value>, next: Option<String>) -> Response {
    let response = Response::json(&json!({ "items": items, "next": next }));
    let Some(next) = next else { return response };
    let mut link = format!("{}?", req.path());
    for (name, value) in req.query_pairs().filter(|(name, _)| name != "cursor") {
        link.push_str(&format!(
            "{}={}&",
            crate::pages::encoded(&name),
            crate::pages::encoded(&value)
        ));
    }
    response.with_header("link", &format!("<{link}cursor={next}>; rel=\"next\""))
}

/// Whose token comes with the request, and what it is good for; None without a token.
fn caller(req: &Request) -> Result<Option<(Me, Scopes)>> {
    let Some(token) = bearer(req)? else {
        return Ok(None);
    };
    let hash = rules::sha256(token.as_bytes());
    let Some(found) = accounts::token_of(&req.db(), &hash)? else {
        return Err(unauthorized(
            req,
            "api.revoked",
            ", error=\"invalid_token\"",
        ));
    };
    let now = now();
    // Once a minute is often enough.
    let once = format!("token{}{hash}", now / 60);
    req.db().soon(
        accounts::TOKEN_USED,
        &[now.into(), hash.into()],
        Some(&once),
    )?;
    Ok(Some(found))
}

/// The token of the field `Authorization`.
fn bearer(req: &Request) -> Result<Option<&str>> {
    let Some(field) = req.header("authorization") else {
        return Ok(None);
    };
    let token = field
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) if token.starts_with(tokens::BEGIN) => Ok(Some(token)),
        _ => Err(unauthorized(
            req,
            "api.revoked",
            ", error=\"invalid_token\"",
        )),
    }
}

fn unauthorized(req: &Request, key: &str, error: &str) -> Error {
    let field = format!("Bearer realm=\"glsr\"{error}");
    Error::unauthorized(req.t(key, context! {})).with_header("www-authenticate", &field)
}
