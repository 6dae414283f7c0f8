//! Databases of domains, and parts of transactions, through the real binary.

mod common;

use common::ask::Ask;
use common::sites::{Workshop, own, run, serve, succeed, write};
use common::{Answer, Server, eventually};
use tempfile::TempDir;

fn start() -> (TempDir, Server) {
    let site = own("databases");
    let server = serve(&[site.path()], &[]);
    (site, server)
}

fn post(server: &Server, path: &str) -> Answer {
    Ask::post(path, "text/plain", "").to(server)
}

fn titles(server: &Server, path: &str) -> Vec<String> {
    serde_json::from_value(Ask::get(path).to(server).json()).unwrap()
}

#[test]
fn a_domains_database_is_for_its_modules_and_those_below() {
    let (site, server) = start();
    assert_eq!(post(&server, "/forum/?title=first").told(), (200, "1"));
    assert_eq!(titles(&server, "/forum/"), ["first"]);
    assert_eq!(Ask::get("/forum/old/count").to(&server).told(), (200, "1"));
    assert!(site.path().join("data/domains/forum.db").is_file());

    // The parent of all is above: for a request to the forum too.
    let peeked = Ask::get("/forum/?peek").to(&server);
    assert_eq!(peeked.header("x-peek"), Some("500 no-database"));
    // Who lies beside it calls what it exports.
    assert_eq!(titles(&server, "/side"), ["first"]);
    assert_eq!(Ask::get("/side?open").to(&server).status, 500);
    let mut server = server;
    let told = server.line(|line| line.contains("neither / nor a domain above"));
    for part in [
        "the module side asks for the database of its domain",
        "write [database] into the domain.toml",
        "/forum/, /wiki/",
        "call their exports",
    ] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
}

#[test]
fn databases_of_two_domains_do_not_mix() {
    let (site, server) = start();
    assert_eq!(post(&server, "/forum/?title=same").told(), (200, "1"));
    assert_eq!(post(&server, "/wiki/?title=same").told(), (200, "1"));
    assert_eq!(post(&server, "/wiki/?title=more").told(), (200, "2"));
    assert_eq!(titles(&server, "/forum/"), ["same"]);
    assert_eq!(titles(&server, "/wiki/"), ["same", "more"]);
    assert!(site.path().join("data/wiki.db").is_file());
    assert!(!site.path().join("data/site.db").exists());
    // The number of a transaction opens it to the modules of its domain only.
    let lent = Ask::new("PATCH", "/forum/").to(&server);
    assert_eq!(lent.told(), (200, "500 500"));
    assert_eq!(titles(&server, "/forum/"), ["same"]);
}

#[test]
fn writes_of_many_requests_at_once_all_arrive() {
    let site = own("databases");
    // A worker for each: what a pool that grows refuses meanwhile is tested elsewhere.
    let server = serve(&[site.path()], &["--policy", "fixed:16"]);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let address = &server.address;
            scope.spawn(move || {
                for number in 0..10 {
                    let path = format!("/forum/?title={writer}.{number}");
                    assert_eq!(Ask::post(&path, "text/plain", "").at(address).status, 200);
                    assert_eq!(Ask::get("/forum/old/count").at(address).status, 200);
                }
            });
        }
    });
    assert_eq!(Ask::get("/forum/old/count").to(&server).body, "80");
}

#[test]
fn a_part_of_a_transaction_is_kept_or_undone_by_itself() {
    let (_site, server) = start();
    let import = |query: &str| Ask::new("PUT", &format!("/forum/?{query}")).to(&server);
    assert_eq!(import("titles=a,b").told(), (200, "2"));
    // Of what is there already nothing is left, of the others all.
    assert_eq!(import("titles=c,a,d").told(), (200, "2"));
    let all = [
        "a (draft)",
        "a",
        "b (draft)",
        "b",
        "c (draft)",
        "c",
        "d (draft)",
        "d",
    ];
    assert_eq!(titles(&server, "/forum/"), all);
    // Parts that were kept go with the whole.
    assert_eq!(import("titles=e,f&fail").status, 409);
    assert_eq!(import("titles=g,outer").status, 500);
    assert_eq!(titles(&server, "/forum/"), all);
    let mut server = server;
    server.line(|line| line.contains("a part of this transaction is open"));
}

#[test]
fn a_request_does_not_wait_for_its_own_transaction() {
    let (_site, mut server) = start();
    for what in ["execute", "transaction"] {
        let path = format!("/forum/?titles=a&beside={what}");
        assert_eq!(Ask::new("PUT", &path).to(&server).status, 500, "{what}");
        server.line(|line| line.contains("a transaction of this request is open there"));
        assert_eq!(titles(&server, "/forum/").len(), 0, "{what}");
    }
    // Whoever only reads sees what was there before.
    let path = "/forum/?titles=a,b&beside=query";
    assert_eq!(Ask::new("PUT", path).to(&server).told(), (200, "2"));
}

#[test]
fn a_search_within_a_transaction_sees_what_it_wrote() {
    let (_site, server) = start();
    let search = |query: &str| Ask::new("DELETE", &format!("/forum/?{query}")).to(&server);
    let early = search("find=early&within");
    assert_eq!(early.status, 500);
    assert_eq!(search("find=chess").told(), (200, "0"));
    assert_eq!(search("find=chess&within").told(), (200, "1"));
    assert_eq!(search("find=chess").told(), (200, "1"));
    assert_eq!(titles(&server, "/forum/"), ["chess"]);
    let mut server = server;
    server.line(|line| line.contains("is the search index threads_search there?"));
}

#[test]
fn a_search_takes_a_filter_and_its_index_can_be_there_before() {
    let (_site, mut server) = start();
    let search = |server: &Server, query: &str| {
        Ask::new("DELETE", &format!("/forum/?find=chess&{query}")).to(server)
    };
    // In a transaction nothing is made, outside it is.
    assert_eq!(search(&server, "prepare&within").status, 500);
    server.line(|line| line.contains("call prepare_search before it"));
    assert_eq!(search(&server, "prepare").told(), (200, "made"));
    assert_eq!(search(&server, "prepare&within").told(), (200, "made"));
    for title in ["chess+1", "chess+2", "go", "chess+for+all", "chess+3"] {
        post(&server, &format!("/forum/?title={title}"));
    }
    assert_eq!(search(&server, "shorter=8").told(), (200, "2 5 of 3"));
    assert_eq!(search(&server, "shorter=99").told(), (200, "2 5 of 4"));
    assert_eq!(search(&server, "shorter=3").told(), (200, " of 0"));
    // With what the transaction wrote.
    let within = search(&server, "shorter=8&within=chess+9");
    assert_eq!(within.told(), (200, "2 5 of 4"));
}

#[test]
fn a_database_says_what_it_is() {
    let (_site, server) = start();
    let about = Ask::get("/side?about").to(&server).json();
    assert_eq!(about[0], "sqlite");
    assert!(about[1].as_u64().is_some(), "{about}");
}

#[test]
fn a_declaration_that_cannot_be_meant_is_found_before_the_site_is_served() {
    let site = own("databases");
    let dir = site.path().to_str().unwrap();
    for (text, told) in [
        (
            "[database]\n\nconections = 3\n",
            "error: domains/forum/domain.toml:3: unknown key `database.conections`: did you mean connections?",
        ),
        (
            "[database]\nurl = \"postgres://me:hidden@localhost/forum\"\n",
            "error: domains/forum/domain.toml:2: `database.url` has a password in it: put the whole URL",
        ),
        (
            "[database]\nurl = \"sqlite:wiki.db\"\n",
            "error: domains/wiki/domain.toml:1: the database of /wiki/ is that of /forum/",
        ),
        (
            "database = 3\n",
            "error: domains/forum/domain.toml:1: `database` is not a table",
        ),
    ] {
        write(site.path(), "domains/forum/domain.toml", text);
        let checked = run(&["check", dir]);
        let checked = String::from_utf8(checked.stdout).unwrap();
        assert!(checked.contains(told), "{told}\n{checked}");
        let served = run(&["serve", dir, "--listen", "127.0.0.1:0"]);
        assert_eq!(served.status.code(), Some(2));
        let served = String::from_utf8(served.stderr).unwrap();
        assert!(served.contains(told), "{told}\n{served}");
        assert!(!checked.contains("hidden") && !served.contains("hidden"));
    }
    write(site.path(), "domains/domain.toml", "[database]\n");
    write(site.path(), "domains/forum/domain.toml", "");
    let checked = run(&["check", dir]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(
        checked.contains("write `[database]` into site.toml"),
        "{checked}"
    );
}

#[test]
fn a_migration_that_fails_is_told_and_nothing_is_served() {
    let site = own("databases");
    write(
        site.path(),
        "domains/forum/_migrations/V3__wrong.sql",
        "NONSENSE",
    );
    let served = run(&[
        "serve",
        site.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_eq!(served.status.code(), Some(1));
    let told = String::from_utf8(served.stderr).unwrap();
    assert!(
        told.contains("the database of /forum/") && told.contains("_migrations"),
        "{told}"
    );
}

#[test]
fn the_databases_of_domains_from_the_command_line() {
    let site = own("databases");
    let (dir, aside) = (site.path().to_str().unwrap(), tempfile::tempdir().unwrap());
    let db = |action: &str, more: &[&str]| run(&[&["db", action, dir], more].concat());
    let forum = ["--domain", "/forum/"];
    assert_eq!(
        succeed(db("migrate", &["--domain", "wiki"])),
        "applied V1__threads\n"
    );
    assert_eq!(
        succeed(db("migrate", &[])),
        "applied /forum/ V1__threads\napplied /forum/ V2__hidden\n"
    );
    assert_eq!(succeed(db("migrate", &forum)), "nothing to apply\n");
    let status = succeed(db("status", &forum));
    assert!(status.contains("V2__hidden  applied, "), "{status}");
    let status = succeed(db("status", &[]));
    for part in [
        "data/site.db  (not made yet)\n",
        "domain      /forum/  sqlite:",
        "wiki.db",
    ] {
        assert!(status.contains(part), "no {part:?} in {status}");
    }
    let file = aside.path().join("forum");
    let file = file.to_str().unwrap();
    succeed(db("backup", &[&[file], &forum[..]].concat()));
    std::fs::remove_file(site.path().join("data/domains/forum.db")).unwrap();
    succeed(db("restore", &[&[file], &forum[..]].concat()));
    assert_eq!(succeed(db("migrate", &forum)), "nothing to apply\n");

    let wrong = db("status", &["--domain", "/side/"]);
    assert_eq!(wrong.status.code(), Some(2));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        told.contains("there are those of /forum/, /wiki/"),
        "{told}"
    );
}

#[test]
fn a_reload_takes_up_what_was_declared_since() {
    let (site, mut server) = start();
    post(&server, "/forum/?title=before");
    write(
        site.path(),
        "domains/forum/domain.toml",
        "[database]\nurl = \"sqlite:other.db\"\n",
    );
    server.signal(rustix::process::Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(post(&server, "/forum/?title=after").told(), (200, "1"));
    assert_eq!(titles(&server, "/forum/"), ["after"]);
    // One that is wrong changes nothing.
    write(
        site.path(),
        "domains/forum/domain.toml",
        "[database]\nurl = 3\n",
    );
    server.signal(rustix::process::Signal::HUP);
    server.line(|line| line.contains("stays as it was") && line.contains("`database.url` is 3"));
    assert_eq!(titles(&server, "/forum/"), ["after"]);
    write(site.path(), "domains/forum/domain.toml", "[database]\n");
    server.signal(rustix::process::Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(titles(&server, "/forum/"), ["before"]);
}

#[test]
fn while_a_site_is_written_a_wrong_declaration_concerns_its_modules_only() {
    let shop = Workshop::with("databases");
    shop.write("domains/forum/domain.toml", "[database]\nurl = 3\n");
    let server = shop.start("dev", &[]);
    assert_eq!(Ask::get("/wiki/").to(&server).told(), (200, "[]"));
    let wrong = Ask::get("/forum/").to(&server);
    assert_eq!(wrong.status, 500);
    assert!(
        wrong
            .body
            .contains("domains/forum/domain.toml:2: `database.url` is 3"),
        "{wrong:?}"
    );
    shop.write("domains/forum/domain.toml", "[database]\n");
    eventually("the forum with its database", || {
        Ask::get("/forum/").to(&server).told() == (200, "[]")
    });
}
