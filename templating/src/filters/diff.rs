//! `diff`: what changed between two texts, line by line.

use std::fmt::Write;

use similar::{ChangeTag, DiffOp, DiffTag, TextDiff};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::{escaped, only, wrong_kind};
use crate::config::{DIFF_BYTES_MAX, DIFF_LINES_MAX, DIFF_TIME_MAX};
use crate::escape::Kind;

/// `{{ old | diff(new=new) }}`: unified; `{{ old | diff(new=new, split=true) }}`: side by side;
/// `context=3` lines around a change. In `.html` it is markup with classes, in files of other types
/// the unified text.
pub(super) fn register(engine: &mut Tera, kind: Kind) {
    engine.register_filter(
        "diff",
        move |old: &Value, arguments: Kwargs, _: &State<'_>| {
            only("diff", &arguments, &["new", "split", "context"])?;
            let new = arguments.must_get::<&Value>("new")?;
            let split = arguments.get::<bool>("split")?.unwrap_or(false);
            let context = arguments.get::<usize>("context")?.unwrap_or(3);
            let (old, new) = (text(old)?, text(new)?);
            // Beyond this time the rest is shown as replaced: right, though not the shortest.
            let diff = TextDiff::configure()
                .timeout(DIFF_TIME_MAX)
                .diff_lines(old, new);
            Ok::<_, Error>(match (kind, split) {
                (Kind::Html, false) => Value::safe_string(&unified(&diff, context)),
                (Kind::Html, true) => Value::safe_string(&side_by_side(&diff, context)),
                _ => diff
                    .unified_diff()
                    .context_radius(context)
                    .to_string()
                    .into(),
            })
        },
    );
}

type Lines<'l> = TextDiff<'l, 'l, str>;

fn text(value: &Value) -> TeraResult<&str> {
    let text = value.as_str().ok_or_else(|| wrong_kind("string", value))?;
    if text.len() > DIFF_BYTES_MAX {
        return Err(Error::message("`diff` was given a text that is too long"));
    }
    if text.lines().count() > DIFF_LINES_MAX {
        return Err(Error::message(format!(
            "`diff` was given a text of more than {DIFF_LINES_MAX} lines"
        )));
    }
    Ok(text)
}

fn unified(diff: &Lines<'_>, context: usize) -> String {
    let mut page = String::from("<pre class=\"diff\">");
    for hunk in diff.unified_diff().context_radius(context).iter_hunks() {
        line(&mut page, "diff-hunk", "", &hunk.header().to_string());
        for change in hunk.iter_changes() {
            let (class, sign) = match change.tag() {
                ChangeTag::Delete => ("diff-del", "-"),
                ChangeTag::Insert => ("diff-add", "+"),
                ChangeTag::Equal => ("diff-same", " "),
            };
            line(&mut page, class, sign, change.value());
        }
    }
    page + "</pre>"
}

fn line(page: &mut String, class: &str, sign: &str, text: &str) {
    let text = escaped(text.trim_end_matches(['\n', '\r']));
    // Writing to a string cannot fail.
    let _ = writeln!(page, "<span class=\"{class}\">{sign}{text}</span>");
}

fn side_by_side(diff: &Lines<'_>, context: usize) -> String {
    let mut page = String::from("<table class=\"diff\">\n");
    for group in diff.grouped_ops(context) {
        page.push_str("<tbody>\n");
        for op in &group {
            rows(&mut page, diff, op);
        }
        page.push_str("</tbody>\n");
    }
    page + "</table>"
}

/// The lines of both sides next to each other, as long as there are any.
fn rows(page: &mut String, diff: &Lines<'_>, op: &DiffOp) {
    let (old, new) = (op.old_range(), op.new_range());
    let (old_class, new_class) = match op.tag() {
        DiffTag::Equal => ("diff-same", "diff-same"),
        _ => ("diff-del", "diff-add"),
    };
    for row in 0..old.len().max(new.len()) {
        page.push_str("<tr>");
        let at = |range: &std::ops::Range<usize>| (row < range.len()).then(|| range.start + row);
        cell(page, at(&old), old_class, |at| diff.old_slice(at));
        cell(page, at(&new), new_class, |at| diff.new_slice(at));
        page.push_str("</tr>\n");
    }
}

fn cell<'l>(
    page: &mut String,
    at: Option<usize>,
    class: &str,
    slice: impl Fn(usize) -> Option<&'l str>,
) {
    let Some(at) = at else {
        page.push_str("<th></th><td class=\"diff-none\"></td>");
        return;
    };
    let text = escaped(slice(at).unwrap_or("").trim_end_matches(['\n', '\r']));
    // Writing to a string cannot fail.
    let _ = write!(page, "<th>{}</th><td class=\"{class}\">{text}</td>", at + 1);
}
