//! The pages of one script: the page itself, its versions, their differences, its comments.
//!
//! What everybody sees is in fragments under the script's stamp; what is the visitor's own (his stars, the form of
//! his comment) and what counts without a stamp (downloads) is beside them.

use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Me, Script, Status, Version};
use crate::store::glance::{self, Glance};
use crate::store::{accounts, scripts, stats, talk, today, versions};
use crate::{forms, licence, outline, pages, rules, view, who};

/// Versions that the page of a script lists.
const VERSIONS: usize = 5;
/// Days of the chart of downloads.
const DAYS: i64 = 30;
/// A difference of two texts never changes.
const DIFFS: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Comments of an account that come with a question for people.
pub const ASKED: i64 = 3;

/// What is known of the signature of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The public key.
    pub key: Option<String>,
    /// The first of the versions in a row that were signed with it.
    pub since: Option<i64>,
    /// The key of the version before, if it is another one, whether this one is signed or not.
    pub before: Option<String>,
}

/// A day of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Day {
    /// Seconds since 1970.
    at: i64,
    n: i64,
}

/// The page of a script: of its latest version, or of one by its number as it stands in the path.
///
/// # Errors
/// 404 if there is none, or none for this visitor.
pub fn page(req: &Request, number: Option<&str>) -> Result<Response> {
    let number = number.map(|text| one_spelling(text).or_404()).transpose()?;
    let glance = glance::script(&req.db(), req.param("name")?, number)?.or_404()?;
    if number.is_some() && glance.version_id.is_none() {
        return Err(Error::not_found(""));
    }
    if glance.status == Status::Draft {
        // For whom it is there at all.
        pages::head(req)?;
    }
    let address = view::address(req)?;
    let language = req.language();
    let key = format!(
        "script:{}:{}:{}:{}:{language}:{address}",
        glance.id,
        glance.version_id.unwrap_or_default(),
        glance.stamp,
        number.is_some(),
    );
    let main = req.fragment(&key, pages::PARTS, || {
        main(req, &glance, number.is_some(), &address)
    })?;
    let today = today();
    let key = format!("chart:{}:{today}:{language}", glance.id);
    let chart = req.fragment(&key, pages::LISTS, || chart(req, &glance, today))?;
    let me = who::me(req)?;
    let talk = talk_of(req, me.as_ref(), glance.id, glance.status)?;
    let canonical = match number {
        Some(number) => format!("{address}/scripts/{}/{number}", glance.name),
        None => format!("{address}/scripts/{}/", glance.name),
    };
    req.render(
        "/scripts/[name]/index.html",
        context! { script => &glance, main, chart, canonical, talk, typed => typed(req, me.as_ref(), &glance)?, wrong => Vec::<forms::Told>::new() },
    )
}

/// A number of a version as it stands in a path: no zeros in front, so that each page has one address.
fn one_spelling(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The rendered `_main.html`: all of the page that is the same for everybody.
fn main(req: &Request, glance: &Glance, by_number: bool, address: &str) -> Result<String> {
    let db = req.db();
    let script = scripts::find(&db, &glance.name)?.or_404()?;
    let all = versions::of(&db, script.id, false)?;
    let version = all.iter().find(|one| Some(one.id) == glance.version_id);
    // What was taken down is not shown; what was taken back is, below a banner.
    let hidden = version.is_some_and(|version| version.status == Status::Removed);
    let text = match version.filter(|_| !hidden) {
        Some(version) => rules::visible(&versions::body(&db, &version.sha256)?),
        None => String::new(),
    };
    let mut commands = version
        .filter(|version| version.status == Status::Published)
        .map(|version| view::commands(address, &script.name, version));
    let key = version.and_then(|version| version.signing_key.as_deref());
    let revoked = match key {
        Some(key) => accounts::is_key_revoked(&db, script.id, key)?,
        None => false,
    };
    if let Some(commands) = commands.as_mut().filter(|_| revoked) {
        commands.signature = None;
    }
    let later = script
        .latest
        .as_ref()
        .filter(|latest| by_number && Some(latest.id) != glance.version_id)
        .filter(|latest| latest.status == Status::Published);
    let before = version.and_then(|version| earlier(&all, version.number));
    let comments = talk::comments(&db, script.id, None, 1)?;
    req.render_text(
        "/scripts/[name]/_main.html",
        context! {
            category => view::category_name(req, &script.category_path, &script.category_name),
            licence => licence::pieces(&script.license),
            outline => outline::outline(&text, &script.outline),
            signed => version.map(|version| signed(&all, version)),
            stars => view::stars(script.rating_score),
            owner => script.owner(), revoked,
            late => script.expires_at.is_some_and(|at| at < crate::store::now()),
            versions => all.iter().take(VERSIONS).collect::<Vec<_>>(),
            later => later.and_then(|latest| latest.number),
            before => before.and_then(|before| before.number),
            script, version, hidden, text, commands, comments,
        },
    )
}

/// The next older version that is published.
fn earlier(all: &[Version], number: Option<i64>) -> Option<&Version> {
    let number = number?;
    all.iter()
        .filter(|one| one.status == Status::Published && one.number < Some(number))
        .max_by_key(|one| one.number)
}

/// What is known of a version's signature, from all versions of the script.
#[must_use]
pub fn signed(all: &[Version], version: &Version) -> Signed {
    let mut older: Vec<&Version> = all
        .iter()
        .filter(|one| one.number.is_some() && one.number < version.number)
        .collect();
    older.sort_by_key(|one| std::cmp::Reverse(one.number));
    let mut since = version.number;
    for one in &older {
        if one.signing_key != version.signing_key {
            break;
        }
        since = one.number;
    }
    let last = older.iter().find_map(|one| one.signing_key.clone());
    Signed {
        key: version.signing_key.clone(),
        since: version.signing_key.as_ref().and(since),
        before: last.filter(|key| version.signing_key.as_ref() != Some(key)),
    }
}

/// The rendered `_chart.html`: downloads of the last days, and of all time.
fn chart(req: &Request, glance: &Glance, today: i64) -> Result<String> {
    let day = |(day, n)| Day {
        at: day * 86_400,
        n,
    };
    let mut days: Vec<Day> = stats::downloads(&req.db(), glance.id, DAYS)?
        .into_iter()
        .map(day)
        .collect();
    days.reverse();
    let most = days.iter().map(|day| day.n).max().unwrap_or(0).max(1);
    let sum: i64 = days.iter().map(|day| day.n).sum();
    debug_assert_eq!(days.first().map(|day| day.at / 86_400), Some(today));
    req.render_text(
        "/scripts/[name]/_chart.html",
        context! { days, most, sum, downloads => glance.downloads },
    )
}

/// What this visitor may do about a script, for `_say.html`, `_rate.html` and the links beside them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Talk {
    /// Whether he is signed in.
    pub member: bool,
    /// Whether the script is still open to comments and stars.
    pub open: bool,
    /// Whether he maintains it: then there is a link to edit it, and no stars from him.
    pub maintains: bool,
    /// The stars that he gave; 0 if none.
    pub stars: i64,
}

/// What this visitor may do about that script: nothing is asked of the database for who is not signed in.
pub fn talk_of(req: &Request, me: Option<&Me>, script: i64, status: Status) -> Result<Talk> {
    let open = status == Status::Published;
    let Some(me) = me else {
        return Ok(Talk {
            open,
            ..Talk::default()
        });
    };
    let db = req.db();
    let maintains = glance::maintains(&db, script, me.id)?;
    let stars = if maintains {
        0
    } else {
        talk::stars_of(&db, script, me.id)?
    };
    Ok(Talk {
        member: true,
        open,
        maintains,
        stars,
    })
}

/// What the fields of `_say.html` begin with: the number of the version, and a question for people where one has
/// to be answered.
fn typed(req: &Request, me: Option<&Me>, glance: &Glance) -> Result<Context> {
    let number = glance.number;
    match me {
        Some(me) if is_asked(req, me)? => Ok(context! { number, captcha => forms::captcha(req)? }),
        _ => Ok(context! { number }),
    }
}

/// Whether a comment of that account comes with a question for people: its first three do.
pub fn is_asked(req: &Request, me: &Me) -> Result<bool> {
    Ok(talk::comments_since(&req.db(), me.id, 0)? < ASKED)
}

/// `/scripts/NAME/versions`: all that were published, with what became of them.
///
/// # Errors
/// As [`page`].
pub fn history(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let key = format!("versions:{}:{}:{}", script.id, script.stamp, req.language());
    let main = req.fragment(&key, pages::PARTS, || {
        let all = versions::of(&req.db(), script.id, false)?;
        let lines: Vec<Context> = all
            .iter()
            .map(|version| {
                let before = earlier(&all, version.number).and_then(|one| one.number);
                context! { version, before, signed => signed(&all, version) }
            })
            .collect();
        req.render_text(
            "/scripts/[name]/_versions.html",
            context! { script => &script, lines },
        )
    })?;
    req.render("/scripts/[name]/versions.html", context! { main })
}

/// `/scripts/NAME/diff?from=1&to=2&view=split`: two versions, line by line; without numbers the latest one and the
/// one before it.
///
/// # Errors
/// As [`page`]; 404 for a version that is not there.
pub fn diff(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let all = versions::of(&req.db(), script.id, false)?;
    let asked = |name: &str| -> Result<Option<&Version>> {
        let Some(text) = req.query(name) else {
            return Ok(None);
        };
        let number = one_spelling(&text).or_404()?;
        all.iter()
            .find(|one| one.number == Some(number))
            .or_404()
            .map(Some)
    };
    let published = || all.iter().find(|one| one.status == Status::Published);
    let to = asked("to")?
        .or_else(published)
        .or_else(|| all.first())
        .or_404()?;
    let from = asked("from")?
        .or_else(|| earlier(&all, to.number))
        .unwrap_or(to);
    let split = req.query("view").as_deref() == Some("split");
    let hidden = [from, to]
        .into_iter()
        .find(|one| one.status == Status::Removed);
    let difference = match hidden {
        Some(_) => String::new(),
        None if from.sha256 == to.sha256 => String::new(),
        None => {
            let key = format!("diff:{}:{}:{split}", from.sha256, to.sha256);
            req.fragment(&key, DIFFS, || {
                let text = |version: &Version| {
                    versions::body(&req.db(), &version.sha256).map(|text| rules::visible(&text))
                };
                req.render_text(
                    "/_diff.html",
                    context! { old => text(from)?, new => text(to)?, split },
                )
            })?
        }
    };
    let numbers: Vec<i64> = all.iter().filter_map(|one| one.number).collect();
    req.render(
        "/scripts/[name]/diff.html",
        context! {
            from => from.number, to => to.number, split, numbers, difference,
            hidden => hidden.and_then(|one| one.number),
        },
    )
}

/// `/scripts/NAME/comments`: all of them, page by page; `wrong` is what is wrong with what was typed.
///
/// # Errors
/// As [`page`].
pub fn comments(req: &Request) -> Result<Response> {
    let script = pages::head(req)?;
    let glance = glance::script(&req.db(), &script.name, None)?.or_404()?;
    let me = who::me(req)?;
    let typed = typed(req, me.as_ref(), &glance)?;
    comments_again(req, &script, me.as_ref(), typed, &[])
}

/// The page of comments again, with what was typed and what is wrong with it (422), for its POST.
pub fn comments_again(
    req: &Request,
    script: &Script,
    me: Option<&Me>,
    typed: impl Serialize,
    wrong: &[crate::model::Wrong],
) -> Result<Response> {
    let page = talk::comments(&req.db(), script.id, None, view::page(req))?;
    let talk = talk_of(req, me, script.id, script.status)?;
    let now = crate::store::now();
    // His own can be changed for a while, and taken away.
    let lines: Vec<Context> = page
        .items
        .iter()
        .map(|comment| {
            let own = me.is_some() && comment.account_id == me.map(|me| me.id);
            let gone = comment.status == "removed";
            let young = comment.created_at > now - talk::EDIT_S;
            context! { comment, removable => own && !gone, editable => own && !gone && young }
        })
        .collect();
    let link = pages::link(req);
    let told = forms::told(req, wrong);
    let context = context! { lines, page, link, talk, typed, wrong => told };
    let status = if wrong.is_empty() { 200 } else { 422 };
    Ok(req
        .render("/scripts/[name]/comments.html", context)?
        .with_status(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: i64, key: Option<&str>) -> Version {
        Version {
            number: Some(number),
            status: Status::Published,
            signing_key: key.map(str::to_owned),
            ..Version::default()
        }
    }

    #[test]
    fn a_key_is_told_with_the_version_since_which_it_signs() {
        let all = [
            version(4, Some("B")),
            version(3, Some("A")),
            version(2, Some("A")),
            version(1, None),
        ];
        let told = |at: usize| {
            let signed = signed(&all, &all[at]);
            (signed.key, signed.since, signed.before)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(told(3), (None, None, None));
        assert_eq!(told(2), (text("A"), Some(2), None));
        assert_eq!(told(1), (text("A"), Some(2), None));
        assert_eq!(told(0), (text("B"), Some(4), text("A")));
    }

    #[test]
    fn a_signature_that_is_missing_is_told() {
        let all = [version(2, None), version(1, Some("A"))];
        assert_eq!(signed(&all, &all[0]).before.as_deref(), Some("A"));
    }

    #[test]
    fn a_number_has_one_spelling() {
        for (text, number) in [
            ("3", Some(3)),
            ("03", None),
            ("+3", None),
            ("x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(one_spelling(text), number, "{text}");
        }
    }
}
