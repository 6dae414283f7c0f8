//! A site in which each page has something to show, and where to ask for each of them.

use super::site::{Script, Site, now};

/// A script with all that a script can have: two published versions, one refused, one pending, a draft; talk.
pub const NAME: &str = "whole";

/// What stands in the place of the parameters of a route, by what is left of each.
#[derive(Debug)]
pub struct Whole {
    draft: i64,
    pending: i64,
    appeal: i64,
    flag: i64,
    news: i64,
    other: i64,
}

impl Whole {
    /// Fills a site.
    pub fn new(site: &Site) -> Whole {
        let script = Script::new(NAME, "#!/bin/sh\n# Whole.\necho 1\n")
            .category("sysadmin/backup")
            .tags(&["backup", "disk"])
            .readme("# Usage\n\nRun `whole`.\n");
        script.publish(site);
        Script::new(NAME, "#!/bin/sh\n# Whole.\necho 2\n")
            .tags(&["backup", "disk"])
            .publish(site);
        let id: i64 = site.value("SELECT id FROM scripts WHERE name = ?", &[NAME.into()]);
        let (author, reader) = (site.id_of("author"), site.id_of("reader"));
        let version = |status: &str| {
            let sql = "INSERT INTO versions (script_id, status, sha256, file_name, author_id, author_name, source, \
                       created_at, submitted_at, decided_at, reason) \
                       SELECT script_id, ?, sha256, file_name, author_id, author_name, 'web', created_at, \
                       created_at, created_at, 'Zu laut.' FROM versions WHERE script_id = ? AND number = 1";
            site.execute(sql, &[status.into(), id.into()]);
            let sql = "SELECT id FROM versions WHERE script_id = ? AND status = ?";
            site.value::<i64>(sql, &[id.into(), status.into()])
        };
        let (draft, pending, refused) = (version("draft"), version("pending"), version("refused"));
        let sql = "INSERT INTO findings (version_id, checker, level, line, message, created_at) \
                   VALUES (?, 'shell', 'warn', 2, 'Zeile 2 ist zu lang', ?)";
        site.execute(sql, &[pending.into(), now().into()]);
        let sql = "INSERT INTO appeals (version_id, account_id, text, created_at) VALUES (?, ?, 'Doch nicht.', ?)";
        site.execute(sql, &[refused.into(), author.into(), now().into()]);
        for (status, body) in [
            ("shown", "Sehr *gut*."),
            ("held", "Siehe https://beispiel.example"),
        ] {
            let sql = "INSERT INTO comments (script_id, account_id, author_name, subject, body, status, created_at) \
                       VALUES (?, ?, 'Zoe', 'Ein Wort', ?, ?, ?)";
            let values = [
                id.into(),
                reader.into(),
                body.into(),
                status.into(),
                now().into(),
            ];
            site.execute(sql, &values);
        }
        let sql =
            "INSERT INTO ratings (script_id, account_id, stars, created_at) VALUES (?, ?, 4, ?)";
        site.execute(sql, &[id.into(), reader.into(), now().into()]);
        let sql = "UPDATE scripts SET rating_n = 1, rating_sum = 4, rating_score = 3166, comment_n = 1, downloads = 7 \
                   WHERE id = ?";
        site.execute(sql, &[id.into()]);
        let sql = "INSERT INTO flags (script_id, account_id, reason, text, created_at) \
                   VALUES (?, ?, 'broken', 'Geht nicht.', ?)";
        site.execute(sql, &[id.into(), reader.into(), now().into()]);
        let sql = "INSERT INTO edits (script_id, account_id, at, field, before_text, after_text) \
                   VALUES (?, ?, ?, 'title', 'Vorher', 'Nachher')";
        site.execute(sql, &[id.into(), author.into(), now().into()]);
        let sql = "INSERT INTO moderation_log (at, actor_id, actor_name, action, script_id, subject, reason) \
                   VALUES (?, ?, 'Zoe', 'refuse', ?, ?, 'Zu laut.')";
        let reviewer = site.id_of("reviewer");
        site.execute(
            sql,
            &[now().into(), reviewer.into(), id.into(), NAME.into()],
        );
        let sql = "INSERT INTO news (account_id, at, subject, body) VALUES (?, ?, 'Neues', 'Es **gibt** Neues.')";
        site.execute(sql, &[site.id_of("editor").into(), now().into()]);
        let sql = "UPDATE scripts SET pinned_until = ?, pin_text = 'Lies das' WHERE id = ?";
        site.execute(sql, &[(now() + 86_400).into(), id.into()]);
        Whole {
            draft,
            pending,
            appeal: site.value("SELECT id FROM appeals", &[]),
            flag: site.value("SELECT id FROM flags", &[]),
            news: site.value("SELECT id FROM news", &[]),
            other: site.id_of("other"),
        }
    }

    /// Paths that a pattern of `harmonious routes` stands for. A pattern with a parameter that is not known here is to
    /// be added.
    #[track_caller]
    pub fn paths(&self, pattern: &str) -> Vec<String> {
        let id = |what: i64| vec![what.to_string()];
        let text = |what: &[&str]| what.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        let Some(at) = pattern.find('[') else {
            return vec![pattern.to_owned()];
        };
        let (before, rest) = pattern.split_at(at);
        let (parameter, after) = rest.split_once(']').unwrap();
        let parameter = &parameter[1..];
        let values = match (before, parameter) {
            ("/browse/category/", "...path") => text(&["sysadmin", "sysadmin/backup"]),
            ("/browse/language/", "slug") => text(&["sh"]),
            ("/browse/tag/", "slug") => text(&["backup"]),
            ("/authors/", "alias") => text(&["author"]),
            ("/news/", "id=u64") => id(self.news),
            ("/feeds/", "...what") => text(&[
                "site.atom",
                "news.atom",
                "moderation.atom",
                "category/sysadmin/backup.atom",
                "tag/backup.atom",
                "author/author.atom",
                "script/whole.atom",
            ]),
            ("/scripts/" | "/s/" | "/api/v1/scripts/", "name") => text(&[NAME]),
            ("/scripts/whole/edit/draft/", "id=u64") => id(self.draft),
            ("/s/whole/", "file") => text(&["1", "1.sha256", "sha256", "meta.json"]),
            (_, "number=u64") => text(&["1", "2"]),
            ("/review/" | "/api/v1/review/" | "/api/v1/submissions/", "id=u64") => id(self.pending),
            ("/review/appeals/", "id=u64") => id(self.appeal),
            ("/review/flags/", "id=u64") => id(self.flag),
            ("/admin/accounts/", "id=u64") => id(self.other),
            _ => panic!("say in common/whole.rs what [{parameter}] of {pattern} can be"),
        };
        values
            .iter()
            .flat_map(|value| self.paths(&format!("{before}{value}{after}")))
            .collect()
    }
}
