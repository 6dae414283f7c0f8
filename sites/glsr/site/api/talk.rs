//! `/api/v1/scripts/NAME/comments`.

use harmonious::prelude::*;

use crate::api;
use crate::model::{Comment, Page, Status, Wrong};
use crate::rules::{self, Kind};
use crate::store::{after, talk, versions};
use crate::who::{self, What};
use crate::{shown, talking};

/// `GET`: the oldest first.
pub fn list(req: &Request) -> Result<Response> {
    let size = api::limit(req)?;
    let script = api::script(req)?;
    let found = after::comments(&req.db(), script.id, api::place(req)?, size)?;
    let page = Page::cut(found, 1, size);
    let last = page.items.last().filter(|_| page.more);
    let next = last.map(|comment| rules::cursor(comment.created_at, comment.id));
    Ok(api::listed(
        req,
        page.items.iter().map(shape).collect(),
        next,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    body: String,
    /// The number of the version that it is about.
    number: Option<i32>,
}

/// `POST`: says something, as on the site.
pub fn create(req: &Request) -> Result<Response> {
    let me = api::who(req, "comment")?;
    let script = api::script(req)?;
    if script.status != Status::Published {
        return Err(Error::new(410, req.t("api.closed", context! {})));
    }
    let said: Said = req.json()?;
    let (subject, body) = (rules::tidy(&said.subject), rules::tidy(&said.body));
    let mut wrong: Vec<Wrong> = [
        rules::free_text("subject", &subject, talking::SUBJECT_MAX, Kind::Line),
        rules::free_text("body", &body, talking::COMMENT_MAX, Kind::Lines),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect();
    if body.is_empty() {
        wrong.push(Wrong::new("body", "required"));
    }
    let version = match said.number {
        None => None,
        Some(number) => {
            let found = versions::by_number(&req.db(), script.id, number.into())?;
            if found.is_none() {
                wrong.push(Wrong::new("number", "number_unknown"));
            }
            found.map(|version| version.id)
        }
    };
    if !wrong.is_empty() {
        return Ok(api::refused(req, &wrong));
    }
    if shown::is_asked(req, &me)? {
        // A program answers no question for people.
        let n = shown::ASKED;
        return Err(Error::forbidden(req.t("api.comments", context! { n })));
    }
    who::limits(req, &me, What::Comment)?;
    let held = talking::is_held(&me, &body) || talking::is_held(&me, &subject);
    let id = req
        .db()
        .transaction(|tx| talk::say(&tx, &me, script.id, version, &subject, &body, held))?;
    let comment = talk::comment(&req.db(), id)?.or_404()?;
    Ok(Response::json(&shape(&comment)).with_status(201))
}

fn shape(comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "number": comment.number,
        "author": comment.author_alias,
        "author_name": comment.author_name,
        "subject": comment.subject,
        "body": comment.body,
        "status": comment.status,
        "created_at": comment.created_at,
        "edited_at": comment.edited_at,
    })
}
