//! The statements behind a search index, for each of the three engines.
//!
//! Names are quoted, since they may be words of SQL; they hold no quotes (`SearchIndex::check`).
//! PostgreSQL folds names that were written without quotes, so it gets small letters.

use super::SearchIndex;
use crate::backend::Backend;
use crate::config::{SEARCH_COUNT_MAX, SEARCH_TEXT_CHARS_MAX, SNIPPET_LOOK_CHARS};

/// The names of an index as the back end wants them.
struct Names {
    index: String,
    table: String,
    key: String,
    columns: Vec<String>,
}

impl Names {
    fn new(index: &SearchIndex, backend: Backend) -> Names {
        let fold = |name: &str| match backend {
            Backend::Postgres => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        Names {
            index: fold(&index.name),
            table: format!("\"{}\"", fold(&index.table)),
            key: format!("\"{}\"", fold(&index.key)),
            columns: (index.columns.iter())
                .map(|(name, _)| format!("\"{}\"", fold(name)))
                .collect(),
        }
    }

    /// A name that begins with that of the index.
    fn of(&self, end: &str) -> String {
        format!("\"{}{end}\"", self.index)
    }

    /// Something for each column, with its number, between commas.
    fn each(&self, write: impl Fn(usize, &str) -> String) -> String {
        let columns = self.columns.iter().enumerate();
        let written: Vec<String> = columns.map(|(at, name)| write(at, name)).collect();
        written.join(", ")
    }
}

/// What must be the same for an index to be kept. Holds no quotes.
pub(super) fn declaration(index: &SearchIndex, backend: Backend) -> String {
    let columns: Vec<String> = (index.columns.iter())
        .map(|(name, weight)| match backend {
            // Only PostgreSQL has weights in its index: the order is what it keeps.
            Backend::Postgres => format!("{name} {}", class(index, *weight)),
            _ => name.clone(),
        })
        .collect();
    format!("1: {} ({}) {}", index.table, index.key, columns.join(", "))
}

/// The class of a weight in PostgreSQL: A for the largest.
fn class(index: &SearchIndex, weight: f64) -> char {
    let place = index.weights().iter().position(|&other| other == weight);
    ['A', 'B', 'C', 'D'][place.unwrap_or(3).min(3)]
}

/// Creates and fills.
pub(super) fn create(index: &SearchIndex, backend: Backend) -> Vec<String> {
    let names = Names::new(index, backend);
    match backend {
        Backend::Sqlite => sqlite(&names),
        Backend::Postgres => postgres(index, &names),
        Backend::MySql => mysql(&names),
    }
}

/// Removes whatever of it is there.
pub(super) fn remove(index: &SearchIndex, backend: Backend) -> Vec<String> {
    let names = Names::new(index, backend);
    match backend {
        Backend::Sqlite => vec![
            format!("DROP TRIGGER IF EXISTS {}", names.of("_ai")),
            format!("DROP TRIGGER IF EXISTS {}", names.of("_au")),
            format!("DROP TRIGGER IF EXISTS {}", names.of("_ad")),
            format!("DROP TABLE IF EXISTS {}", names.of("")),
        ],
        Backend::Postgres => vec![
            format!("DROP FUNCTION IF EXISTS {}() CASCADE", names.of("_keep")),
            format!("DROP TABLE IF EXISTS {}", names.of("")),
        ],
        // `IF EXISTS` for an index is MariaDB's own; the server is asked, and the answer executed.
        // Rows that were there before an index is dropped are missing from the next one (seen in
        // MariaDB 10.11) unless the table is built anew between the two.
        Backend::MySql => vec![format!(
            "SELECT COALESCE(CONCAT('ALTER TABLE {table} ', GROUP_CONCAT(DISTINCT \
             'DROP INDEX \"', index_name, '\"')), 'DO 0') INTO @harmonious \
             FROM information_schema.statistics WHERE table_schema = DATABASE() \
             AND table_name = '{bare}' AND index_type = 'FULLTEXT' \
             AND (index_name = '{name}' OR index_name LIKE '{like}\\_fts%'); \
             PREPARE harmonious FROM @harmonious; EXECUTE harmonious; \
             SELECT IF(@harmonious = 'DO 0', @harmonious, 'ALTER TABLE {table} FORCE') \
             INTO @harmonious; \
             PREPARE harmonious FROM @harmonious; EXECUTE harmonious; \
             DEALLOCATE PREPARE harmonious",
            table = names.table,
            bare = index.table,
            name = names.index,
            like = names.index.replace('_', "\\_"),
        )],
    }
}

/// A table of texts of its own, of which nothing is lost when rows are replaced without a trigger.
fn sqlite(names: &Names) -> Vec<String> {
    let (fts, table, key) = (names.of(""), &names.table, &names.key);
    let columns = names.each(|at, _| format!("c{at}"));
    let new = names.each(|_, column| format!("new.{column}"));
    let insert = format!("INSERT INTO {fts} (rowid, {columns}) VALUES (new.{key}, {new});");
    let delete = |row: &str| format!("DELETE FROM {fts} WHERE rowid = {row}.{key};");
    vec![
        format!(
            "CREATE VIRTUAL TABLE {fts} USING fts5({columns}, \
             tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')"
        ),
        format!(
            "CREATE TRIGGER {} AFTER INSERT ON {table} BEGIN {} {insert} END",
            names.of("_ai"),
            delete("new")
        ),
        format!(
            "CREATE TRIGGER {} AFTER UPDATE ON {table} BEGIN {} {} {insert} END",
            names.of("_au"),
            delete("old"),
            delete("new")
        ),
        format!(
            "CREATE TRIGGER {} AFTER DELETE ON {table} BEGIN {} END",
            names.of("_ad"),
            delete("old")
        ),
        format!(
            "INSERT INTO {fts} (rowid, {columns}) SELECT {key}, {} FROM {table}",
            names.each(|_, column| column.to_owned())
        ),
    ]
}

/// What is no letter and no digit becomes a space first: PostgreSQL's parser would make one word of
/// a file name or a host.
fn postgres(index: &SearchIndex, names: &Names) -> Vec<String> {
    let (words, keep, table, key) = (names.of(""), names.of("_keep"), &names.table, &names.key);
    let vector = |row: &str| {
        let columns = names.columns.iter().zip(&index.columns);
        let parts: Vec<String> = columns
            .map(|(column, (_, weight))| {
                format!(
                    "setweight(to_tsvector('simple', regexp_replace(left({row}.{column}::text, \
                     {SEARCH_TEXT_CHARS_MAX}), '[^[:alnum:]]+', ' ', 'g')), '{}')",
                    class(index, *weight)
                )
            })
            .map(|part| format!("coalesce({part}, ''::tsvector)"))
            .collect();
        parts.join(" || ")
    };
    vec![
        format!("CREATE TABLE {words} (key bigint PRIMARY KEY, words tsvector NOT NULL)"),
        format!(
            "CREATE INDEX {} ON {words} USING gin (words)",
            names.of("_words")
        ),
        format!(
            "CREATE FUNCTION {keep}() RETURNS trigger LANGUAGE plpgsql AS $harmonious$ BEGIN \
             IF TG_OP = 'TRUNCATE' THEN DELETE FROM {words}; RETURN NULL; END IF; \
             IF TG_OP <> 'INSERT' THEN DELETE FROM {words} WHERE key = OLD.{key}; END IF; \
             IF TG_OP <> 'DELETE' THEN \
             INSERT INTO {words} VALUES (NEW.{key}, {}) \
             ON CONFLICT (key) DO UPDATE SET words = excluded.words; END IF; \
             RETURN NULL; END $harmonious$",
            vector("NEW")
        ),
        format!(
            "CREATE TRIGGER {keep} AFTER INSERT OR UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION {keep}()"
        ),
        format!(
            "CREATE TRIGGER {} AFTER TRUNCATE ON {table} EXECUTE FUNCTION {keep}()",
            names.of("_clear")
        ),
        format!(
            "INSERT INTO {words} SELECT t.{key}, {} FROM {table} AS t",
            vector("t")
        ),
    ]
}

/// One index of all columns to find, one of each to rank; InnoDB adds them one by one.
fn mysql(names: &Names) -> Vec<String> {
    let table = &names.table;
    let all = names.each(|_, column| column.to_owned());
    let mut statements = vec![format!(
        "ALTER TABLE {table} ADD FULLTEXT INDEX {} ({all})",
        names.of("")
    )];
    if names.columns.len() > 1 {
        statements.extend(names.columns.iter().enumerate().map(|(at, column)| {
            let index = names.of(&format!("_fts{at}"));
            format!("ALTER TABLE {table} ADD FULLTEXT INDEX {index} ({column})")
        }));
    }
    statements
}

/// The name under which a search has the index: a filter names nothing so.
const OWN: &str = "harmonious_found";

/// The statement of a search, and how often the expression comes before the values of the filter, which limit and
/// offset follow. Its columns are the key, the rank and the texts.
pub(super) fn search(index: &SearchIndex, backend: Backend, filter: &str) -> (String, usize) {
    let names = Names::new(index, backend);
    let (own, table, key) = (names.of(""), &names.table, &names.key);
    let from = from(&names, backend, filter);
    match backend {
        Backend::Sqlite => {
            let weights: Vec<String> = index
                .columns
                .iter()
                .map(|(_, w)| format!("{w:?}"))
                .collect();
            let texts = names.each(|at, _| format!("substr(f.c{at}, 1, {SNIPPET_LOOK_CHARS})"));
            // bm25 is the smaller the better. Texts are read of what is shown only.
            let sql = format!(
                "SELECT h.key, h.score, {texts} FROM (SELECT {OWN}.rowid AS key, \
                 -bm25({OWN}.{own}, {}) AS score {from} \
                 ORDER BY score DESC, {OWN}.rowid LIMIT ? OFFSET ?) AS h \
                 JOIN {own} AS f ON f.rowid = h.key ORDER BY h.score DESC, h.key",
                weights.join(", ")
            );
            (sql, 1)
        }
        Backend::Postgres => {
            let texts =
                names.each(|_, column| format!("left(t.{column}::text, {SNIPPET_LOOK_CHARS})"));
            let sql = format!(
                "SELECT h.key, h.score, {texts} FROM (SELECT {OWN}.key, \
                 ts_rank('{{{}}}'::float4[], {OWN}.words, query) AS score {from} \
                 ORDER BY score DESC, {OWN}.key LIMIT ? OFFSET ?) AS h \
                 JOIN {table} AS t ON t.{key} = h.key ORDER BY h.score DESC, h.key",
                classes(index)
            );
            (sql, 1)
        }
        Backend::MySql => {
            let texts = names.each(|_, column| format!("LEFT(t.{column}, {SNIPPET_LOOK_CHARS})"));
            let ranked = (names.columns.iter().zip(&index.columns)).map(|(column, (_, weight))| {
                format!("{weight:?} * (MATCH (t.{column}) {AGAINST})")
            });
            let score: Vec<String> = ranked.collect();
            let sql = format!(
                "SELECT t.{key}, {} AS score, {texts} {from} \
                 ORDER BY score DESC, t.{key} LIMIT ? OFFSET ?",
                score.join(" + ")
            );
            (sql, names.columns.len() + 1)
        }
    }
}

/// The statement that counts what a search finds, up to a bound; the expression comes once.
pub(super) fn count(index: &SearchIndex, backend: Backend, filter: &str) -> String {
    let from = from(&Names::new(index, backend), backend, filter);
    format!(
        "SELECT count(*) FROM (SELECT 1 AS one {from} LIMIT {SEARCH_COUNT_MAX}) AS harmonious_counted"
    )
}

const AGAINST: &str = "AGAINST (? IN BOOLEAN MODE)";

/// Tables and condition of a search. The filter sees the table that is searched, as `t`, and where it stands in a
/// statement of its own, its names go first to that. It may end in a comment.
fn from(names: &Names, backend: Backend, filter: &str) -> String {
    let (own, table, key) = (names.of(""), &names.table, &names.key);
    let within = |own_key: &str| match filter.trim() {
        "" => String::new(),
        filter => format!(
            " AND EXISTS (SELECT 1 FROM {table} AS t WHERE t.{key} = {OWN}.{own_key} AND ({filter}\n))"
        ),
    };
    match backend {
        Backend::Sqlite => format!(
            "FROM {own} AS {OWN} WHERE {OWN}.{own} MATCH ?{}",
            within("rowid")
        ),
        Backend::Postgres => format!(
            "FROM {own} AS {OWN}, to_tsquery('simple', ?) AS query WHERE {OWN}.words @@ query{}",
            within("key")
        ),
        Backend::MySql => {
            let all = names.each(|_, column| format!("t.{column}"));
            let filter = match filter.trim() {
                "" => String::new(),
                filter => format!(" AND ({filter}\n)"),
            };
            format!("FROM {table} AS t WHERE MATCH ({all}) {AGAINST}{filter}")
        }
    }
}

/// The weights of PostgreSQL's classes D to A, the largest as 1, which is its bound.
fn classes(index: &SearchIndex) -> String {
    let weights = index.weights();
    let largest = weights.first().copied().unwrap_or(1.0);
    let of = |place: usize| weights.get(place).map_or(0.0, |weight| weight / largest);
    let classes: Vec<String> = (0..4).rev().map(|place| of(place).to_string()).collect();
    classes.join(",")
}
