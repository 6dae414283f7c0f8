//! Finds the `?` of a statement that stand for values, and writes them as the back end wants them.
//!
//! Strings, quoted names and comments are passed over by each database's own rules:
//! [PostgreSQL](https://www.postgresql.org/docs/15/sql-syntax-lexical.html) has nested comments,
//! `E'...'` with backslashes and `$tag$...$tag$`; [MySQL](https://dev.mysql.com/doc/refman/8.0/en/comments.html)
//! has backslashes in strings and `#` comments, SQLite `[names]`. Outside of them `??` is a literal
//! `?`, which PostgreSQL has operators with.

use std::borrow::Cow;

use crate::backend::Backend;
use crate::config::STATEMENT_BYTES_MAX;
use crate::error::Error;

/// A statement as its back end takes it.
#[derive(Debug, PartialEq)]
pub(crate) struct Scanned<'a> {
    pub text: Cow<'a, str>,
    /// How many values it wants.
    pub parameters: usize,
    /// Whether the word `RETURNING` is in it.
    pub returning: bool,
}

/// Reads one statement.
///
/// # Errors
/// Several statements in one; words that begin or end a transaction, which would stay open on a
/// connection of the pool.
pub(crate) fn scan(sql: &str, backend: Backend) -> Result<Scanned<'_>, Error> {
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(Error::TooLarge {
            what: "the statement in bytes".to_owned(),
            limit: STATEMENT_BYTES_MAX,
        });
    }
    let mut scan = Scan {
        sql,
        backend,
        at: 0,
        out: String::new(),
        copied: 0,
        parameters: 0,
        returning: false,
        first: None,
        ended: false,
    };
    scan.run()?;
    Ok(scan.finish())
}

struct Scan<'a> {
    sql: &'a str,
    backend: Backend,
    at: usize,
    /// What was rewritten, up to `copied`.
    out: String,
    copied: usize,
    parameters: usize,
    returning: bool,
    /// The first word, in capitals.
    first: Option<String>,
    /// A semicolon was there.
    ended: bool,
}

impl<'a> Scan<'a> {
    fn run(&mut self) -> Result<(), Error> {
        while let Some(c) = self.peek(0) {
            let skipped = self.skipped(c);
            if skipped > 0 {
                self.at += skipped;
            } else if c.is_ascii_whitespace() {
                self.at += 1;
            } else {
                self.token(c)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Scanned<'a> {
        let text = if self.copied == 0 {
            Cow::Borrowed(self.sql)
        } else {
            self.out.push_str(&self.sql[self.copied..]);
            Cow::Owned(self.out)
        };
        Scanned {
            text,
            parameters: self.parameters,
            returning: self.returning,
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.sql.as_bytes().get(self.at + ahead).copied()
    }

    /// The length of the comment that starts here; 0 if none does.
    fn skipped(&self, c: u8) -> usize {
        let rest = &self.sql[self.at..];
        let line = || rest.find('\n').map_or(rest.len(), |end| end + 1);
        match (c, self.peek(1)) {
            (b'-', Some(b'-')) => match (self.backend, self.peek(2)) {
                // In MySQL `5--5` is a number.
                (Backend::MySql, Some(after)) if !after.is_ascii_whitespace() => 0,
                _ => line(),
            },
            (b'#', _) if self.backend == Backend::MySql => line(),
            (b'/', Some(b'*')) => self.block(rest),
            _ => 0,
        }
    }

    fn block(&self, rest: &str) -> usize {
        let bytes = rest.as_bytes();
        let nests = self.backend == Backend::Postgres;
        let (mut depth, mut at) = (1, 2);
        while at < bytes.len() {
            match &bytes[at..] {
                [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
                [b'/', b'*', ..] if nests => (depth, at) = (depth + 1, at + 2),
                _ => at += 1,
            }
            if depth == 0 {
                return at;
            }
        }
        bytes.len()
    }

    /// Anything but comments and white space.
    fn token(&mut self, c: u8) -> Result<(), Error> {
        if c == b';' {
            self.ended = true;
            self.at += 1;
            return Ok(());
        }
        let holds_others = self.first.as_deref() == Some("CREATE");
        if self.ended && !holds_others {
            return Err(Error::syntax(
                "several statements in one: give them one by one",
            ));
        }
        match c {
            b'?' => self.placeholder(),
            b'\'' => self.at += self.quoted(b'\'', self.backend == Backend::MySql),
            b'"' | b'`' => self.at += self.quoted(c, false),
            b'[' if self.backend == Backend::Sqlite => {
                let rest = &self.sql[self.at..];
                self.at += rest.find(']').map_or(rest.len(), |end| end + 1);
            }
            b'$' if self.backend == Backend::Postgres => self.at += self.dollars(),
            _ if word_byte(c) => self.word()?,
            _ => self.at += 1,
        }
        Ok(())
    }

    fn placeholder(&mut self) {
        if self.peek(1) == Some(b'?') {
            if self.backend == Backend::Postgres {
                self.replace(2, "?");
            } else {
                self.at += 2;
            }
            return;
        }
        self.parameters += 1;
        if self.backend == Backend::Postgres {
            self.replace(1, &format!("${}", self.parameters));
        } else {
            self.at += 1;
        }
    }

    fn replace(&mut self, length: usize, by: &str) {
        self.out.push_str(&self.sql[self.copied..self.at]);
        self.out.push_str(by);
        self.at += length;
        self.copied = self.at;
    }

    /// The length of what is in these quotes, from here, the quotes included. A doubled quote is one
    /// inside: it looks like the end and another start, which comes to the same.
    fn quoted(&self, quote: u8, backslashes: bool) -> usize {
        let bytes = &self.sql.as_bytes()[self.at..];
        let mut at = 1;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' if backslashes => at += 2,
                c if c == quote => return at + 1,
                _ => at += 1,
            }
        }
        bytes.len()
    }

    /// The length of `$tag$...$tag$` that starts here; 1 if none does.
    fn dollars(&self) -> usize {
        let rest = &self.sql[self.at..];
        let tag = match rest[1..].find('$') {
            Some(end) => &rest[..end + 2],
            None => return 1,
        };
        let inside = &tag[1..tag.len() - 1];
        let is_tag =
            inside.bytes().all(word_byte) && !inside.starts_with(|c: char| c.is_ascii_digit());
        if !is_tag {
            return 1;
        }
        match rest[tag.len()..].find(tag) {
            Some(end) => 2 * tag.len() + end,
            None => rest.len(),
        }
    }

    fn word(&mut self) -> Result<(), Error> {
        let rest = &self.sql[self.at..];
        // A `$` goes on with a word, where it would otherwise begin a string.
        let length = (rest.bytes())
            .position(|c| !word_byte(c) && c != b'$')
            .unwrap_or(rest.len());
        let word = &rest[..length];
        self.at += length;
        if self.first.is_none() {
            let first = word.to_ascii_uppercase();
            refuse_control(&first)?;
            self.first = Some(first);
        }
        self.returning |= word.eq_ignore_ascii_case("returning");
        let escapes = self.backend == Backend::Postgres && word.eq_ignore_ascii_case("e");
        if escapes && self.peek(0) == Some(b'\'') {
            self.at += self.quoted(b'\'', true);
        }
        Ok(())
    }
}

fn word_byte(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80
}

fn refuse_control(word: &str) -> Result<(), Error> {
    const CONTROL: [&str; 8] = [
        "BEGIN",
        "START",
        "COMMIT",
        "END",
        "ROLLBACK",
        "ABORT",
        "SAVEPOINT",
        "RELEASE",
    ];
    if CONTROL.contains(&word) {
        return Err(Error::transaction(format!(
            "{word} is no statement of its own here: use `transaction`; one within another is a savepoint"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(backend: Backend, sql: &str, text: &str, parameters: usize) {
        let scanned = scan(sql, backend).unwrap();
        assert_eq!((&*scanned.text, scanned.parameters), (text, parameters));
    }

    #[track_caller]
    fn pg(sql: &str, text: &str) {
        let parameters = text.matches('$').count();
        check(Backend::Postgres, sql, text, parameters);
    }

    #[track_caller]
    fn count(backend: Backend, sql: &str, parameters: usize) {
        check(backend, sql, sql, parameters);
    }

    #[test]
    fn placeholders_are_numbered_for_postgres() {
        pg("SELECT ?, ? + ?", "SELECT $1, $2 + $3");
        pg("SELECT 1", "SELECT 1");
        pg("?", "$1");
        pg("a=?AND b=?", "a=$1AND b=$2");
        pg("ä = ? -- ü ?", "ä = $1 -- ü ?");
    }

    #[test]
    fn a_doubled_mark_is_an_operator() {
        pg(
            "SELECT j ?? 'a', j ??| ?, j ??& ?",
            "SELECT j ? 'a', j ?| $1, j ?& $2",
        );
    }

    #[test]
    fn strings_are_passed_over() {
        pg("'?' ?", "'?' $1");
        pg("'it''s ?' ?", "'it''s ?' $1");
        pg(r"'\' ? '?'", r"'\' $1 '?'");
        pg(r"E'\'?' ?", r"E'\'?' $1");
        pg(r"e'\\' ?", r"e'\\' $1");
        pg("'open ?", "'open ?");
        count(Backend::Sqlite, "'?' ? '''?'", 1);
        count(Backend::Sqlite, r"'\' ? '?'", 1);
        count(Backend::MySql, r"'\'?' ?", 1);
        count(Backend::MySql, r"'a''?' ? '\\' ?", 2);
        count(Backend::MySql, r"'\", 0);
    }

    #[test]
    fn dollar_quotes_are_postgres_own() {
        check(Backend::Postgres, "$$ ? $$ ?", "$$ ? $$ $1", 1);
        check(
            Backend::Postgres,
            "$a$ ? $$ $b$ $a$ ?",
            "$a$ ? $$ $b$ $a$ $1",
            1,
        );
        check(Backend::Postgres, "a$b$ ? $b$", "a$b$ $1 $b$", 1);
        check(Backend::Postgres, "$1 ? $1", "$1 $1 $1", 1);
        check(Backend::Postgres, "$$ open ?", "$$ open ?", 0);
        count(Backend::Sqlite, "$a ? $a", 1);
    }

    #[test]
    fn quoted_names_are_passed_over() {
        pg(r#""a?" ? "b""?""#, r#""a?" $1 "b""?""#);
        count(Backend::Sqlite, r#""?" `?` [?] ?"#, 1);
        count(Backend::MySql, r#"`?` "?\" ?"#, 1);
        pg("a[?]", "a[$1]");
    }

    #[test]
    fn comments_are_passed_over() {
        pg("-- ?\n?", "-- ?\n$1");
        pg("/* ? /* ? */ ? */ ?", "/* ? /* ? */ ? */ $1");
        pg("/* it's */ ? /* open ?", "/* it's */ $1 /* open ?");
        count(Backend::Sqlite, "/* ? /* ? */ ? --?\n/*'*/", 1);
        count(Backend::MySql, "/* /* */ ? # ?\n? -- ?\n5--? --", 3);
        count(Backend::Sqlite, "? -- '", 1);
    }

    #[test]
    fn one_statement_at_a_time() {
        count(Backend::Sqlite, "SELECT ?; -- end\n ; ", 1);
        count(
            Backend::Sqlite,
            "CREATE TRIGGER t BEGIN SELECT 1; SELECT 2; END",
            0,
        );
        count(Backend::Sqlite, "SELECT ';' , ?", 1);
        for backend in [Backend::Sqlite, Backend::Postgres, Backend::MySql] {
            let several = scan("SELECT 1; DROP TABLE t", backend).unwrap_err();
            assert!(matches!(several, Error::Syntax { .. }));
        }
    }

    #[test]
    fn transactions_are_not_begun_by_hand() {
        for sql in [
            "BEGIN",
            " begin immediate",
            "/* x */ Commit",
            "START TRANSACTION",
            "ROLLBACK",
        ] {
            let refused = scan(sql, Backend::MySql).unwrap_err();
            assert!(matches!(refused, Error::Transaction { .. }), "{sql}");
        }
        count(Backend::MySql, "SELECT 1 AS commit_", 0);
    }

    #[test]
    fn returning_is_a_word_of_the_statement() {
        let returning = |sql| scan(sql, Backend::Postgres).unwrap().returning;
        assert!(returning("INSERT INTO t VALUES (1) returning id"));
        assert!(!returning(
            "INSERT INTO t VALUES ('returning') -- returning"
        ));
    }
}
