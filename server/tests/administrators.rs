//! What administrators of a site see through its modules: sessions of others, and what went wrong lately.

mod common;

use std::time::SystemTime;

use common::ask::Ask;
use common::browser::Browser;
use common::sites::{built, own, serve};
use common::{Answer, Server};
use serde_json::json;

#[track_caller]
fn fails(server: &Server, path: &str, status: u16) -> Answer {
    let answer = Ask::get(path).to(server);
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
    answer
}

#[test]
fn administrators_see_and_end_the_sessions_of_others() {
    let site = own("keeping");
    let server = serve(&[site.path()], &[]);
    let (mut one, mut two, mut bob, mut visitor) = (
        Browser::default(),
        Browser::default(),
        Browser::default(),
        Browser::default(),
    );
    for name in ["ann", "bob"] {
        let up = format!("/sign?name={name}&password=secret");
        assert_eq!(Ask::new("PUT", &up).to(&server).status, 200);
    }
    let sign_in = |browser: &mut Browser, name: &str| {
        let path = format!("/sign?name={name}&password=secret");
        let ask = Ask::post(&path, "text/plain", "");
        assert_eq!(browser.ask(&server, ask).status, 200);
        browser.form(&server);
    };
    let look = |browser: &mut Browser, name: &str| {
        browser
            .ask(&server, Ask::get(&format!("/admin?name={name}")))
            .json()
    };
    assert_eq!(
        look(&mut Browser::default(), "ann"),
        json!({"sessions": [], "count": 0})
    );
    sign_in(&mut one, "ann");
    sign_in(&mut two, "ann");
    sign_in(&mut bob, "bob");
    visitor.ask(&server, Ask::post("/count", "text/plain", ""));

    let seen = look(&mut bob, "ann");
    assert_eq!(seen["count"], 4);
    let sessions = seen["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0]["handle"], sessions[1]["handle"]);
    assert!(
        sessions.iter().all(|one| one["address"] == "127.0.0.1"),
        "{seen}"
    );
    assert!(sessions.iter().all(|one| one["is_this"] == false), "{seen}");
    let own = look(&mut bob, "bob");
    assert_eq!(own["sessions"][0]["is_this"], true, "{own}");
    assert_eq!(look(&mut bob, "nobody")["sessions"], json!([]));

    let end = |browser: &mut Browser, name: &str| {
        let path = format!("/admin?name={name}");
        browser.ask(&server, Ask::new("DELETE", &path)).body
    };
    assert_eq!(end(&mut bob, "ann"), "2");
    assert_eq!(end(&mut bob, "ann"), "0");
    for ann in [&mut one, &mut two] {
        assert_eq!(ann.ask(&server, Ask::get("/sign")).body, " 0 0");
    }
    assert_eq!(look(&mut bob, "bob")["count"], 2);
    // One's own goes with the request, and its cookie with it.
    sign_in(&mut two, "bob");
    assert_eq!(end(&mut bob, "bob"), "2");
    assert_eq!(bob.cookie, None);
    assert_eq!(two.ask(&server, Ask::get("/sign")).body, " 0 0");
    assert_eq!(
        look(&mut visitor, "bob"),
        json!({"sessions": [], "count": 1})
    );
    assert_eq!(visitor.ask(&server, Ask::get("/count")).body, "1");
}

#[test]
fn administrators_see_what_went_wrong_lately() {
    let server = serve(&[&built("errors")], &[]);
    let recent = || Ask::get("/recent").to(&server).json();
    assert_eq!(recent(), json!([]));
    let began = SystemTime::now();
    let internal = fails(&server, "/fail?how=internal&secret=x", 500);
    fails(&server, "/fail?how=missing", 404);
    let slipped = fails(&server, "/shop/item?how=panic", 500);
    let seen = recent();
    let id = |answer: &Answer| answer.header("x-request-id").unwrap().to_owned();
    let expected = [
        (
            "/shop/item",
            "shop/item",
            id(&slipped),
            "the author slipped at /shop/item",
        ),
        (
            "/fail",
            "fail",
            id(&internal),
            "the mirror at db.internal is away",
        ),
    ];
    assert_eq!(seen.as_array().unwrap().len(), expected.len(), "{seen}");
    for (at, (path, module, id, message)) in expected.into_iter().enumerate() {
        let one = &seen[at];
        let told = (
            &one["method"],
            &one["path"],
            &one["status"],
            &one["module"],
            &one["id"],
        );
        assert_eq!(
            told,
            (
                &json!("GET"),
                &json!(path),
                &json!(500),
                &json!(module),
                &json!(id)
            )
        );
        assert!(one["message"].as_str().unwrap().contains(message), "{one}");
        let at_ms = one["at_ms"].as_u64().unwrap();
        let since = began
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        assert!(u128::from(at_ms) >= since, "{one}");
    }
    // The last 200 are kept.
    for number in 0..200 {
        Ask::get(&format!("/fail?how=internal&n={number}")).to(&server);
    }
    let seen = recent();
    assert_eq!(seen.as_array().unwrap().len(), 200);
    assert!(
        seen.as_array()
            .unwrap()
            .iter()
            .all(|one| one["path"] == "/fail"),
        "{seen}"
    );
}
