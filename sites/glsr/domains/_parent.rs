//! The parent of every page: what its headers say, and what the layout asks for.
use glsr::store::review;
use glsr::{model::Role, pages, view, who};
use harmonious::prelude::*;

/// Everything from here, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[after]
fn headers(req: &Request, response: &mut Response) -> Result<()> {
    if response.header("content-security-policy").is_none() {
        response.set_header("content-security-policy", POLICY);
    }
    response.set_header("x-content-type-options", "nosniff");
    response.set_header("referrer-policy", "same-origin");
    response.set_header("cross-origin-opener-policy", "same-origin");
    pages::cached(req, response);
    Ok(())
}

/// Who is signed in, as the layout shows it.
#[derive(Deserialize, Serialize)]
struct Visitor {
    alias: String,
    /// The roles that the account has.
    may: Vec<Role>,
    /// How much waits, for reviewers.
    waiting: Option<i64>,
}

#[export]
fn me(req: &Request) -> Result<Option<Visitor>> {
    let Some(me) = who::me(req)? else {
        return Ok(None);
    };
    let waiting = me
        .has(Role::Reviewer)
        .then(|| review::waiting(&req.db()))
        .transpose()?;
    let may = Role::GRANTED
        .into_iter()
        .filter(|role| me.has(*role))
        .collect();
    Ok(Some(Visitor {
        alias: me.alias,
        may,
        waiting,
    }))
}

/// The token of the layout's forms: none without a session, which needs none; so a page is the same for all.
#[export]
fn token(req: &Request) -> Result<Option<String>> {
    who::has_session(req)
        .then(|| req.session().csrf_token())
        .transpose()
}

/// Where the site is, without a slash at the end.
#[export]
fn address(req: &Request) -> Result<String> {
    view::address(req)
}

/// The path and query of this page, to come back to.
#[export]
fn here(req: &Request) -> Result<String> {
    Ok(match req.query_string() {
        "" => req.path().to_owned(),
        query => format!("{}?{query}", req.path()),
    })
}
