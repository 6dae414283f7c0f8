//! The raw files of scripts: bytes, hashes, conditions, ranges, what is counted.

use serde_json::json;

use crate::common::*;

/// What a browser could change: line ends, blanks at the end, letters beyond ASCII.
const FIRST: &str = "#!/bin/sh\r\necho '\u{e9} e\u{301} \u{65e5}'  \r\n\techo end";
const SECOND: &str = "#!/bin/sh\necho second\n";
const YEAR: &str = "public, max-age=31536000, immutable";

fn two(site: &Site) {
    assert_eq!(site.publish("tidy.sh", FIRST), 1);
    assert_eq!(site.publish("tidy.sh", SECOND), 2);
}

/// A GET with these fields.
fn with(site: &Site, method: &str, path: &str, fields: &[(&str, &str)]) -> Page {
    let ask = Ask::new(method, path);
    let ask = fields
        .iter()
        .fold(ask, |ask, (name, value)| ask.field(name, value));
    site.anyone().ask(ask)
}

on_each! {
    fn files_are_the_bytes_that_were_sent_in(site: &Site) {
        two(site);
        let mut client = site.anyone();
        for (path, text, life) in [
            ("/s/tidy.sh", SECOND, "no-cache"),
            ("/s/tidy.sh/2", SECOND, YEAR),
            ("/s/tidy.sh/1", FIRST, YEAR),
        ] {
            let page = client.get(path);
            page.is(200)
                .says("content-type", "text/plain; charset=utf-8")
                .says("x-content-type-options", "nosniff")
                .says("cache-control", life)
                .says("access-control-allow-origin", "*")
                .says("content-disposition", "inline; filename=\"tidy.sh\"")
                .says("etag", &format!("\"sha256-{}\"", sha256(text.as_bytes())));
            assert_eq!(page.body, text, "{path}");
            assert!(page.header("content-security-policy").unwrap().starts_with("sandbox"));
            assert_eq!(page.header("set-cookie"), None, "{path}");
        }
    }

    fn checksums_are_read_by_sha256sum(site: &Site) {
        two(site);
        let mut client = site.anyone();
        let dir = tempfile::tempdir().unwrap();
        for (file, sums) in [
            ("/s/tidy.sh/1", vec!["/s/tidy.sh/1.sha256"]),
            ("/s/tidy.sh", vec!["/s/tidy.sh/2.sha256", "/s/tidy.sh/sha256", "/s/tidy.sh.sha256"]),
        ] {
            std::fs::write(dir.path().join("tidy.sh"), &client.get(file).body).unwrap();
            for sum in sums {
                let page = client.get(sum);
                page.is(200).says("content-type", "text/plain; charset=utf-8");
                let check = format!("cd '{}' && sha256sum -c 2>&1", dir.path().display());
                assert_eq!(sh(&check, page.body.as_bytes()), "tidy.sh: OK", "{sum}");
                std::fs::write(dir.path().join("other"), "").unwrap();
            }
        }
        // A file that was changed on its way is found out.
        std::fs::write(dir.path().join("tidy.sh"), "#!/bin/sh\nrm -r ~\n").unwrap();
        let check = format!("cd '{}' && sha256sum -c 2>/dev/null", dir.path().display());
        let sum = client.get("/s/tidy.sh.sha256");
        assert_eq!(sh(&check, sum.body.as_bytes()), "tidy.sh: FAILED");
        assert_eq!(client.get("/s/tidy.sh/1.sha256").header("cache-control"), Some(YEAR));
    }

    fn what_is_known_is_told(site: &Site) {
        two(site);
        let mut client = site.anyone();
        let about = client.get("/s/tidy.sh/2/meta.json");
        about.is(200).says("content-type", "application/json").says("access-control-allow-origin", "*");
        for path in ["/s/tidy.sh/meta.json", "/s/tidy.sh.json"] {
            assert_eq!(client.get(path).is(200).json(), about.json(), "{path}");
        }
        let about = about.json();
        for (name, value) in [
            ("name", json!("tidy.sh")),
            ("number", json!(2)),
            ("sha256", json!(sha256(SECOND.as_bytes()))),
            ("bytes", json!(SECOND.len())),
            ("license", json!("MIT")),
            ("language", json!("sh")),
            ("author", json!("author")),
            ("signature", json!(null)),
            ("raw", json!("http://localhost/s/tidy.sh/2")),
        ] {
            assert_eq!(about[name], value, "{name}: {about}");
        }
        assert_eq!(client.get("/s/tidy.sh/1/meta.json").json()["number"], json!(1));
    }

    fn signatures_stand_beside_versions(site: &Site) {
        two(site);
        let mut client = site.anyone();
        for path in ["/s/tidy.sh.minisig", "/s/tidy.sh/2.minisig", "/s/tidy.sh/minisig"] {
            client.get(path).is(404);
        }
        let text = std::fs::read_to_string(source("site/fixtures/sign/good.minisig")).unwrap();
        let sql = "UPDATE versions SET signature = ?, signing_key = 'RWx' WHERE number = 2 AND script_id = \
                   (SELECT id FROM scripts WHERE name = 'tidy.sh')";
        site.execute(sql, &[text.as_str().into()]);
        for path in ["/s/tidy.sh.minisig", "/s/tidy.sh/2.minisig", "/s/tidy.sh/minisig"] {
            let page = client.get(path);
            // One can be put there at any time.
            page.is(200).says("cache-control", "no-cache");
            assert_eq!(page.body, text, "{path}");
        }
        client.get("/s/tidy.sh/1.minisig").is(404);
    }

    fn each_file_has_one_address(site: &Site) {
        two(site);
        let mut client = site.anyone();
        for path in [
            "/s/tidy.sh/3", "/s/tidy.sh/0", "/s/tidy.sh/01", "/s/tidy.sh/+1", "/s/tidy.sh/-1",
            "/s/tidy.sh/99999999999999999999", "/s/tidy.sh/9223372036854775807", "/s/tidy.sh/latest",
            "/s/tidy.sh/1.txt", "/s/tidy.sh/1.json", "/s/tidy.sh/latest.sha256", "/s/tidy.sh/.sha256",
            "/s/tidy.sh/01/meta.json", "/s/tidy.sh/7/meta.json", "/s/nothing", "/s/nothing.sha256", "/s/tidy.sh.md5",
            "/s/.sha256", "/s/tidy", "/s/Tidy.sh", "/s/%00", "/s/tidy.sh/1%0a",
        ] {
            let page = client.try_ask(Ask::get(path));
            assert!(matches!(page.status, 400 | 404), "{path}: {page:?}");
            if page.status == 404 {
                page.says("content-type", "text/plain; charset=utf-8");
            }
        }
        client.get("/s/tidy.sh/").is(308).says("location", "/s/tidy.sh");
        client.try_ask(Ask::post("/s/tidy.sh", "text/plain", "x")).is(405);
    }

    fn what_is_there_already_is_not_sent_again(site: &Site) {
        two(site);
        let tag = format!("\"sha256-{}\"", sha256(SECOND.as_bytes()));
        for tags in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let page = with(site, "GET", "/s/tidy.sh", &[("If-None-Match", &tags)]);
            // As the client knows it: weak, if it was compressed on its way.
            assert!(page.is(304).header("etag").unwrap().ends_with(&tag), "{page:?}");
            assert_eq!(page.body, "");
        }
        with(site, "GET", "/s/tidy.sh/1", &[("If-None-Match", &tag)]).is(200);
        let head = with(site, "HEAD", "/s/tidy.sh", &[]);
        head.is(200).says("content-length", &SECOND.len().to_string()).says("etag", &tag);
        assert_eq!(head.body, "");
        for path in ["/s/tidy.sh.sha256", "/s/tidy.sh.json"] {
            let page = with(site, "GET", path, &[]);
            let tag = page.header("etag").unwrap_or_else(|| panic!("{page:?}")).to_owned();
            with(site, "GET", path, &[("If-None-Match", &tag)]).is(304);
        }
    }

    fn parts_are_sent_of_what_is_still_the_same(site: &Site) {
        two(site);
        let len = SECOND.len();
        let tag = format!("\"sha256-{}\"", sha256(SECOND.as_bytes()));
        let part = with(site, "GET", "/s/tidy.sh", &[("Range", "bytes=2-5")]);
        part.is(206).says("content-range", &format!("bytes 2-5/{len}")).says("etag", &tag);
        assert_eq!(part.body, SECOND[2..=5]);
        let end = with(site, "GET", "/s/tidy.sh", &[("Range", "bytes=-7"), ("If-Range", &tag)]);
        assert_eq!(end.is(206).body, SECOND[len - 7..]);
        // The text is another one by now: all of it.
        let whole = with(site, "GET", "/s/tidy.sh", &[("Range", "bytes=2-5"), ("If-Range", "\"sha256-0\"")]);
        assert_eq!(whole.is(200).body, SECOND);
        let beyond = with(site, "GET", "/s/tidy.sh", &[("Range", "bytes=5000-")]);
        beyond.is(416).says("content-range", &format!("bytes */{len}"));
    }

    fn what_was_taken_back_or_down_is_gone_with_its_reason(site: &Site) {
        two(site);
        let close = "UPDATE versions SET status = ?, reason = ? WHERE number = ? AND script_id = \
                     (SELECT id FROM scripts WHERE name = 'tidy.sh')";
        site.execute(close, &["withdrawn".into(), "It deletes <too> much".into(), 1.into()]);
        let mut client = site.anyone();
        for path in ["/s/tidy.sh/1", "/s/tidy.sh/1.sha256", "/s/tidy.sh/1.minisig", "/s/tidy.sh/1/meta.json"] {
            let page = client.get(path);
            page.is(410)
                .says("content-type", "text/plain; charset=utf-8")
                .says("cache-control", "no-cache");
            assert_eq!(page.body, "tidy.sh 1 was withdrawn: It deletes <too> much\n");
        }
        client.get("/s/tidy.sh").is(200);
        site.execute(close, &["removed".into(), "".into(), 2.into()]);
        site.execute("UPDATE scripts SET status = 'removed' WHERE name = 'tidy.sh'", &[]);
        let page = client.get("/s/tidy.sh");
        assert_eq!(page.is(410).body, "tidy.sh 2 was taken down\n");
        let french = client.clone().with("Accept-Language", "fr").get("/s/tidy.sh");
        french.is(410).has("supprim\u{e9}");
    }

    fn drafts_are_not_there(site: &Site) {
        two(site);
        let sql = "UPDATE versions SET status = 'draft', number = NULL WHERE script_id = \
                   (SELECT id FROM scripts WHERE name = 'tidy.sh')";
        site.execute(sql, &[]);
        site.execute("UPDATE scripts SET status = 'fresh', latest_id = NULL WHERE name = 'tidy.sh'", &[]);
        for path in ["/s/tidy.sh", "/s/tidy.sh/1", "/s/tidy.sh.json"] {
            site.as_author().get(path).is(404);
        }
    }

    fn downloads_are_counted_once(site: &Site) {
        two(site);
        let tag = format!("\"sha256-{}\"", sha256(SECOND.as_bytes()));
        let from = |address: &'static str, agent: &'static str, fields: &[(&str, &str)], method: &str, path: &str| {
            let ask = fields
                .iter()
                .fold(Ask::new(method, path), |ask, (name, value)| ask.field(name, value));
            let mut client = site.anyone().from(address);
            if !agent.is_empty() {
                client = client.with("User-Agent", agent);
            }
            client.ask(ask).status
        };
        let curl = "curl/8.5.0";
        // None of these is one.
        assert_eq!(from("10.0.0.1", "", &[], "GET", "/s/tidy.sh"), 200);
        assert_eq!(from("10.0.0.1", "Googlebot/2.1", &[], "GET", "/s/tidy.sh"), 200);
        assert_eq!(from("10.0.0.1", curl, &[], "HEAD", "/s/tidy.sh"), 200);
        assert_eq!(from("10.0.0.1", curl, &[("If-None-Match", &tag)], "GET", "/s/tidy.sh"), 304);
        assert_eq!(from("10.0.0.1", curl, &[("Range", "bytes=2-")], "GET", "/s/tidy.sh"), 206);
        assert_eq!(from("10.0.0.1", curl, &[], "GET", "/s/tidy.sh.sha256"), 200);
        // One each; the last ones are another version, and another address.
        for (address, path) in [
            ("10.0.0.1", "/s/tidy.sh"),
            ("10.0.0.1", "/s/tidy.sh"),
            ("10.0.0.1", "/s/tidy.sh/2"),
            ("10.0.0.2", "/s/tidy.sh/2"),
            ("10.0.0.1", "/s/tidy.sh/1"),
            ("10.0.0.3", "/s/tidy.sh/1"),
        ] {
            assert_eq!(from(address, curl, &[], "GET", path), 200);
        }
        let count = |number: i64| {
            let sql = "SELECT CAST(COALESCE(SUM(d.n), 0) AS BIGINT) FROM downloads d JOIN versions v \
                       ON v.id = d.version_id JOIN scripts s ON s.id = v.script_id \
                       WHERE s.name = 'tidy.sh' AND v.number = ?";
            site.value::<i64>(sql, &[number.into()])
        };
        // They are written in order: with the last all are there.
        eventually("the last one is written", || count(1) == 2);
        assert_eq!(count(2), 2);
        let total = "SELECT downloads FROM scripts WHERE name = 'tidy.sh'";
        eventually("the total is written", || site.value::<i64>(total, &[]) == 4);
    }
}
