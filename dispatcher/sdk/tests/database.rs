//! A database in tests of modules: what is asked is seen, and the test answers.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::time::Duration;

use harmonious::prelude::*;
use harmonious::testing::{Answer, Reply, Site, Statement, StatementKind, db_error};
use harmonious::{Backend, Hit, SearchIndex, Value};

const SELECT: &str = "SELECT slug, stars, source FROM scripts WHERE stars > ?";
const INSERT: &str = "INSERT INTO scripts (slug, note) VALUES (?, ?)";
const UPDATE: &str = "UPDATE scripts SET stars = 0";

#[derive(Deserialize, Serialize)]
struct Script {
    slug: String,
    stars: Option<i64>,
}

/// One handler that does what the last segment of the path says.
#[get]
fn act(req: &Request) -> Result<Response> {
    let db = req.db();
    let text = match req.rest() {
        ["query"] => {
            let rows = db.query(SELECT, &[3.into()])?;
            let scripts: Vec<Script> = rows.into()?;
            return Ok(Response::json(&scripts));
        }
        ["bytes"] => match db.query_one(SELECT, &[3.into()])? {
            Some(row) => format!("{:?}", row.get::<Vec<u8>>("source")?),
            None => "none".to_owned(),
        },
        ["execute"] => db.execute(UPDATE, &[])?.to_string(),
        ["insert"] => {
            let values = ["chess".into(), None::<&str>.into()];
            match db.insert(INSERT, &values) {
                Err(error) if error.kind() == "unique" => return Err(Error::conflict("taken")),
                key => key?.to_string(),
            }
        }
        ["search"] => {
            let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 1.0);
            let hits = db.search(&index, "che", 20, 40)?;
            format!("{:?}", hits.iter().map(|hit| hit.key).collect::<Vec<_>>())
        }
        ["filtered"] => {
            let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 1.0);
            db.prepare_search(&index)?;
            db.transaction(|tx| {
                let hits = tx.search_where(&index, "che", "t.lang = ?", &["sh".into()], 20, 40)?;
                let count = tx.search_count_where(&index, "che", "t.lang = ?", &["sh".into()])?;
                Ok(format!("{} of {count}", hits.len()))
            })?
        }
        ["about"] => format!("{} {}", db.backend()?, db.size()?),
        ["soon"] => {
            db.soon(UPDATE, &[1.into()], Some("ann"))?;
            db.soon(UPDATE, &[2.into()], Some("ann"))?;
            db.soon(UPDATE, &[3.into()], Some("bob"))?;
            db.soon(UPDATE, &[4.into()], None)?;
            db.transaction(|tx| tx.soon(UPDATE, &[5.into()], None))?;
            String::new()
        }
        ["transaction"] => db.transaction(|tx| {
            let key = tx.insert(INSERT, &["go".into(), "n".into()])?;
            tx.execute(UPDATE, &[])?;
            Ok(key.to_string())
        })?,
        ["undone"] => db.transaction(|tx| -> Result<String> {
            tx.execute(UPDATE, &[])?;
            Err(Error::forbidden("no"))
        })?,
        ["parts"] => db.transaction(|tx| {
            tx.transaction(|part| part.execute(UPDATE, &[]))?;
            let failed = tx.transaction(|part| {
                part.execute(UPDATE, &[])?;
                // Not the one around it while it is open.
                tx.execute(UPDATE, &[])
            });
            Ok(format!("{:?}", failed.is_err()))
        })?,
        ["forum"] => req
            .domain_db()
            .as_visitor()
            .execute(UPDATE, &[])?
            .to_string(),
        ["connect"] => {
            db.connect_as("ann", "secret")?;
            "in".to_owned()
        }
        ["two"] => {
            db.transaction(|_| Ok(()))?;
            db.transaction(|_| Ok(()))?;
            String::new()
        }
        _ => return Err(decline()),
    };
    Ok(Response::text(text))
}

#[error_page]
fn oops(req: &Request, error: &PageError) -> Result<Response> {
    let row = req.db().query_one("SELECT name FROM site", &[])?;
    let name: Option<String> = row.map(|row| row.get("name")).transpose()?;
    Ok(Response::text(format!("{} {name:?}", error.status())))
}

fn answers(statement: &Statement) -> Result<Answer> {
    match statement.sql() {
        SELECT => Ok(Answer::rows(
            &["slug", "stars", "source"],
            [("chess", Some(5), vec![1, 2]), ("go", None, Vec::new())],
        )),
        INSERT => Ok(Answer::key(7)),
        UPDATE => Ok(Answer::changed(2)),
        _ => statement.unanswered(),
    }
}

fn ask(site: &Site, act: &str) -> Reply {
    site.get(&format!("/{act}")).rest(1).send()
}

fn texts(reply: &Reply) -> Vec<&str> {
    reply.statements().iter().map(Statement::sql).collect()
}

/// What the log says of an error; an export hands it on to the test.
fn detail(site: Site, act: &str) -> String {
    let error = site.call::<String>("run", (act,)).unwrap_err();
    error.detail().to_owned()
}

#[export]
fn run(req: &Request, act: String) -> Result<String> {
    match act.as_str() {
        "execute" => Ok(req.db().execute(UPDATE, &[1.into()])?.to_string()),
        "size" => Ok(req.db().size()?.to_string()),
        "soon" => {
            req.db().soon(UPDATE, &[], None)?;
            Ok(String::new())
        }
        "late" => {
            let index = SearchIndex::new("scripts_search", "scripts", "id").column("name", 1.0);
            req.db().transaction(|tx| tx.prepare_search(&index))?;
            Ok(String::new())
        }
        _ => Ok(req.db().transaction(|_| Ok(String::new()))?),
    }
}

#[test]
fn statements_are_answered_with_literals() {
    let site = Site::new().db(answers);
    assert_eq!(
        ask(&site, "query").text(),
        r#"[{"slug":"chess","stars":5},{"slug":"go","stars":null}]"#
    );
    assert_eq!(ask(&site, "bytes").text(), "[1, 2]");
    assert_eq!(ask(&site, "execute").text(), "2");
    assert_eq!(ask(&site, "insert").text(), "7");
    let site = Site::new().db(|_| Ok(Answer::no_rows()));
    assert_eq!(ask(&site, "query").text(), "[]");
    assert_eq!(ask(&site, "bytes").text(), "none");
}

#[test]
fn what_was_asked_is_seen() {
    let reply = ask(&Site::new().db(answers), "insert");
    let [insert] = reply.statements() else {
        panic!("{:?}", reply.statements())
    };
    assert_eq!(
        (insert.kind(), insert.sql()),
        (StatementKind::Insert, INSERT)
    );
    assert_eq!(insert.values(), [Value::from("chess"), Value::Null]);
    assert_eq!(insert.transaction(), None);
    assert_eq!(
        insert.to_string(),
        format!("Insert `{INSERT}` [Text, Null]")
    );
}

#[test]
fn an_error_has_its_kind() {
    let site = Site::new().db(|_| Err(db_error("unique")));
    let reply = ask(&site, "insert");
    assert_eq!((reply.status(), reply.text().as_str()), (409, "taken"));
    assert_eq!(texts(&reply), [INSERT]);
    let site = Site::new().db(|_| Err(db_error("unavailable")));
    let reply = ask(&site, "insert");
    assert_eq!(
        (reply.status(), reply.header("retry-after")),
        (503, Some("1"))
    );
}

#[test]
fn a_transaction_is_seen_from_begin_to_end() {
    let reply = ask(&Site::new().db(answers), "transaction");
    assert_eq!(reply.text(), "7");
    assert_eq!(texts(&reply), ["BEGIN", INSERT, UPDATE, "COMMIT"]);
    let all = reply.statements().iter();
    assert!(all.clone().all(|s| s.transaction() == Some(1)));
    assert_eq!(all.last().unwrap().kind(), StatementKind::Commit);
    let reply = ask(&Site::new().db(answers), "undone");
    assert_eq!(reply.status(), 403);
    assert_eq!(texts(&reply), ["BEGIN", UPDATE, "ROLLBACK"]);
    let reply = ask(&Site::new().db(answers), "two");
    let numbers: Vec<_> = reply
        .statements()
        .iter()
        .map(Statement::transaction)
        .collect();
    assert_eq!(numbers, [Some(1), Some(1), Some(2), Some(2)]);
}

#[test]
fn a_transaction_can_fail_where_it_begins_or_ends() {
    let at = |kind: StatementKind| {
        Site::new().db(move |statement| match statement.kind() == kind {
            true => Err(db_error("busy")),
            false => answers(statement),
        })
    };
    let reply = ask(&at(StatementKind::Begin), "transaction");
    assert_eq!(reply.status(), 500);
    assert_eq!(texts(&reply), ["BEGIN"]);
    let reply = ask(&at(StatementKind::Commit), "transaction");
    assert_eq!(reply.status(), 500);
    assert_eq!(texts(&reply), ["BEGIN", INSERT, UPDATE, "COMMIT"]);
}

#[test]
fn parts_of_a_transaction_are_seen() {
    let reply = ask(&Site::new().db(answers), "parts");
    assert_eq!((reply.status(), reply.text().as_str()), (200, "true"));
    let (begun, kept, undone) = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT");
    let all = [
        "BEGIN", begun, UPDATE, kept, begun, UPDATE, undone, "COMMIT",
    ];
    assert_eq!(texts(&reply), all);
    let numbers = reply.statements().iter().map(|s| s.transaction().unwrap());
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 2, 2, 3, 3, 3, 1]);
}

#[test]
fn whose_database_it_is_and_as_whom_is_seen() {
    let site = Site::new().db(answers);
    let reply = ask(&site, "forum");
    let [update] = reply.statements() else {
        panic!("{:?}", reply.statements())
    };
    assert!(update.is_of_domain() && update.is_as_visitor());
    let reply = ask(&site, "execute");
    assert!(!reply.statements()[0].is_of_domain() && !reply.statements()[0].is_as_visitor());
    let refused = ask(&Site::new().db(|_| Err(db_error("not-connected"))), "forum");
    assert_eq!(refused.status(), 401);
    assert_eq!(ask(&site, "connect").status(), 500, "the test does not say");
    let site = Site::new().service("db.connect_as", |asked| {
        assert_eq!(asked["user"], "ann");
        Ok(json!(null))
    });
    assert_eq!(ask(&site, "connect").text(), "in");
}

#[test]
fn a_search_is_answered_with_hits() {
    let site = Site::new().db(|statement| {
        assert_eq!(statement.kind(), StatementKind::Search);
        let snippet = vec![("chess".to_owned(), true)];
        let hit = |key| Hit {
            key,
            rank: 1.0,
            snippet: snippet.clone(),
        };
        Ok(Answer::hits(vec![hit(7), hit(9)]))
    });
    let reply = ask(&site, "search");
    assert_eq!(reply.text(), "[7, 9]");
    let search = &reply.statements()[0];
    assert_eq!(search.sql(), "SEARCH scripts_search");
    assert_eq!(search.values(), ["che".into(), 20.into(), 40.into()]);
}

#[test]
fn a_filtered_search_is_seen_with_its_condition() {
    let site = Site::new().db(|statement| match statement.kind() {
        StatementKind::Search => Ok(Answer::hits(Vec::new())),
        StatementKind::SearchCount => Ok(Answer::count(7)),
        _ => statement.unanswered(),
    });
    let reply = ask(&site, "filtered");
    assert_eq!(reply.text(), "0 of 7");
    let (search, count) = (
        "SEARCH scripts_search WHERE t.lang = ?",
        "COUNT scripts_search WHERE t.lang = ?",
    );
    let all = ["PREPARE scripts_search", "BEGIN", search, count, "COMMIT"];
    assert_eq!(texts(&reply), all);
    let statements = reply.statements();
    let values = ["che".into(), "sh".into(), 20.into(), 40.into()];
    assert_eq!(statements[2].values(), values);
    assert_eq!(statements[3].values(), &values[..2]);
    assert_eq!(statements[3].transaction(), Some(1));
    let late = detail(site, "late");
    assert!(late.contains("call prepare_search before it"), "{late}");
}

#[test]
fn what_is_written_soon_is_seen_once_a_day_for_its_key() {
    let site = Site::new().db(answers);
    let numbers = |reply: &Reply| {
        let soon = reply.statements().iter();
        let soon = soon.filter(|statement| statement.kind() == StatementKind::Soon);
        let numbers = soon.map(|statement| statement.values()[0].clone());
        numbers.collect::<Vec<_>>()
    };
    let first = ask(&site, "soon");
    assert_eq!(first.status(), 200);
    assert_eq!(numbers(&first), [1.into(), 3.into(), 4.into(), 5.into()]);
    let marks: Vec<_> = first
        .statements()
        .iter()
        .map(Statement::transaction)
        .collect();
    assert_eq!(marks, [None, None, None, Some(1), Some(1), Some(1)]);
    assert_eq!(numbers(&ask(&site, "soon")), [4.into(), 5.into()]);
    site.advance(Duration::from_secs(24 * 3600));
    assert_eq!(numbers(&ask(&site, "soon")).len(), 4);
    let unanswered = Site::new().db(|statement| statement.unanswered());
    assert!(detail(unanswered, "soon").contains("the test has no answer to Soon"));
}

#[test]
fn what_a_database_is_is_told() {
    let site = || Site::new().db(|_| Ok(Answer::count(4096)));
    assert_eq!(ask(&site(), "about").text(), "sqlite 4096");
    let postgres = site().backend(Backend::Postgres);
    assert_eq!(ask(&postgres, "about").text(), "postgres 4096");
    let unfit = Site::new().db(|_| Ok(Answer::changed(1)));
    assert!(detail(unfit, "size").ends_with("give Answer::count"));
}

#[test]
fn a_closure_may_keep_rows() {
    let kept = RefCell::new(0);
    let site = Site::new().db(move |statement| match statement.sql() {
        INSERT => {
            *kept.borrow_mut() += 1;
            Ok(Answer::key(*kept.borrow()))
        }
        _ => statement.unanswered(),
    });
    assert_eq!(ask(&site, "insert").text(), "1");
    assert_eq!(ask(&site, "insert").text(), "2");
}

#[test]
fn error_pages_have_the_database_too() {
    let site = Site::new().db(|_| Ok(Answer::rows(&["name"], [("glsr",)])));
    let reply = site.get("/").show_error(404, "no such page").send();
    assert_eq!(reply.text(), "404 Some(\"glsr\")");
    assert_eq!(texts(&reply), ["SELECT name FROM site"]);
}

#[test]
fn what_is_not_answered_says_how() {
    assert_eq!(
        detail(Site::new(), "execute"),
        format!(
            "the test has no database to answer Execute `{UPDATE}` [Int]: \
             give its answers with Site::db(|statement| ..)"
        )
    );
    assert!(detail(Site::new(), "begin").contains("to answer BEGIN: give"));
    assert_eq!(
        detail(Site::new().db(Statement::unanswered), "execute"),
        format!(
            "the test has no answer to Execute `{UPDATE}` [Int]: \
             give one in the closure of Site::db"
        )
    );
    assert_eq!(
        detail(Site::new().db(|_| Ok(Answer::key(1))), "execute"),
        format!(
            "the test's answer to Execute `{UPDATE}` [Int] is of another sort: \
             give Answer::changed"
        )
    );
    let said = detail(Site::new().db(|_| panic!("in the closure")), "execute");
    assert!(
        said.starts_with("the test's own `db.execute` panicked: in the closure ("),
        "{said}"
    );
}
