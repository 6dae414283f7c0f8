//! Instances in tests of modules: what the server promises of them holds there too.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use harmonious::Value;
use harmonious::prelude::*;
use harmonious::testing::{Answer, Site};

#[derive(Default)]
struct Game {
    moves: Vec<String>,
}

impl Instance for Game {
    fn save(&mut self, req: &Request, why: Leaving) -> Result<()> {
        info!("a game goes after {} moves: {why}", self.moves.len());
        match self.moves.last().map(String::as_str) {
            Some("session") => drop(req.session().user()?),
            Some("instance") => drop(req.session().instance("game", Game::default)?),
            Some("render") => drop(req.render("index.html", context! {})?),
            Some("broken") => panic!("no save on purpose"),
            Some("looks") => assert!(req.session().existing_instance::<Game>("game")?.is_none()),
            _ => {}
        }
        let moves = [self.moves.join(" ").into(), req.path().into()];
        req.db()
            .execute("INSERT INTO games (moves, path) VALUES (?, ?)", &moves)
            .map(drop)
    }
}

struct Other;

impl Instance for Other {}

/// One handler that does what the last segment of the path says.
#[handle(GET, POST)]
fn act(req: &Request) -> Result<Response> {
    let session = req.session();
    let name = req.query("name").unwrap_or_else(|| "game".to_owned());
    let mut game = match req.rest() {
        ["look"] => {
            let game = session.existing_instance::<Game>(&name)?;
            return Ok(Response::text(
                game.map_or("none".to_owned(), |game| game.moves.join(" ")),
            ));
        }
        ["sign-in", user] => return session.sign_in(user).map(|()| Response::text("in")),
        ["sign-out"] => return session.sign_out().map(|()| Response::text("out")),
        ["discard"] => {
            session.instance(&name, Game::default)?.discard();
            return Ok(Response::text("discarded"));
        }
        ["fails"] => session.try_instance(&name, || Err(Error::not_found("no such game")))?,
        ["other"] => {
            return session
                .instance(&name, || Other)
                .map(|_| Response::text("other"));
        }
        ["twice"] => {
            let _first = session.instance(&name, Game::default)?;
            session.instance(&name, Game::default)?
        }
        ["free", ..] => session
            .instance_if_free(&name, || Ok(Game::default()))?
            .or_status(503, "")?,
        _ => session.instance(&name, Game::default)?,
    };
    match req.rest() {
        ["panic"] => panic!("on purpose"),
        [.., "error"] => return Err(Error::internal("on purpose")),
        [.., step] => game.moves.push((*step).to_owned()),
        [] => {}
    }
    Ok(Response::text(game.moves.join(" ")))
}

#[export]
fn moves(req: &Request) -> Result<u64> {
    Ok(req.session().instance("game", Game::default)?.moves.len() as u64)
}

/// The values of each statement.
type Saved = Rc<RefCell<Vec<Vec<Value>>>>;

fn site() -> (Site, Saved) {
    let saved = Saved::default();
    let told = Rc::clone(&saved);
    let site = Site::new().db(move |statement| {
        told.borrow_mut().push(statement.values().to_vec());
        Ok(Answer::changed(1))
    });
    (site, saved)
}

#[test]
fn each_visitor_has_its_own() {
    let (site, _) = site();
    let (ann, bob) = (site.visitor(), site.visitor());
    let go = |visitor: &harmonious::testing::Visitor<'_>, path: &str| {
        visitor
            .post(path)
            .rest(path.split('/').count() - 1)
            .send()
            .text()
    };
    assert_eq!(go(&ann, "/look"), "none");
    assert!(!ann.has_session());
    assert_eq!(go(&ann, "/e4"), "e4");
    assert_eq!(go(&ann, "/free/e5"), "e4 e5");
    assert_eq!(go(&bob, "/d4"), "d4");
    assert_eq!(go(&ann, "/e6?name=other"), "e6");
    assert_eq!(ann.call::<u64>("moves", ()).unwrap(), 2);
    assert_eq!(go(&ann, "/look"), "e4 e5");
    assert_eq!(go(&ann, "/sign-in/ann"), "in");
    assert_eq!(go(&ann, "/look"), "e4 e5");
}

#[test]
fn what_fails_leaves_none_and_what_is_there_stays() {
    let (site, saved) = site();
    let ann = site.visitor();
    let go = |path: &str| {
        let reply = ann.post(path).rest(path.split('/').count() - 1).send();
        (reply.status(), reply.text())
    };
    assert_eq!(go("/fails").0, 404);
    assert_eq!(go("/look").1, "none");
    assert_eq!(go("/e4").1, "e4");
    assert_eq!(go("/error").0, 500);
    assert_eq!(go("/twice").0, 500);
    assert_eq!(go("/other").0, 500);
    assert_eq!(go("/e5").1, "e4 e5");
    assert_eq!(go("/panic").0, 500);
    assert_eq!(go("/look").1, "none");
    go("/e4");
    assert_eq!(go("/discard").1, "discarded");
    assert_eq!(go("/look").1, "none");
    assert!(saved.borrow().is_empty());
}

#[test]
fn it_is_saved_when_its_session_ends() {
    let (site, saved) = site();
    let mut expected = Vec::new();
    let mut ends = |moves: &str| {
        expected.push(vec![Value::from(moves), Value::from("")]);
        assert!(*saved.borrow() == expected, "{moves}");
    };
    let ann = site.visitor();
    ann.post("/e4").rest(1).send();
    let reply = ann.post("/sign-out").rest(1).send();
    let log = "a game goes after 1 moves: its session ended";
    assert_eq!(
        (reply.log(), reply.statements().len()),
        (&[log.to_owned()][..], 1)
    );
    ends("e4");
    assert_eq!(ann.get("/look").rest(1).send().text(), "none");
    // A page that broke, in a session that never began.
    assert_eq!(ann.post("/free/e4/error").rest(3).send().status(), 500);
    ends("");
    // Another user.
    ann.post("/sign-in/ann").rest(2).send();
    ann.post("/e5").rest(1).send();
    ann.post("/sign-in/bob").rest(2).send();
    ends("e5");
    // A time that is over.
    ann.post("/e6").rest(1).send();
    site.advance(Duration::from_secs(100 * 24 * 3600));
    ann.get("/look").rest(1).send();
    ends("e6");
    // What is left goes with the site.
    ann.post("/e7").rest(1).send();
    drop(ann);
    drop(site);
    assert_eq!(saved.borrow().len(), 4);
}

#[test]
fn while_it_is_saved_there_is_no_request() {
    for (step, saves, why) in [
        ("session", 0, "there is no session here"),
        ("instance", 0, "there is no session here"),
        ("render", 0, "needs a request"),
        ("broken", 0, "no save on purpose"),
        ("looks", 1, "a game goes"),
    ] {
        let (site, saved) = site();
        let ann = site.visitor();
        ann.post(&format!("/{step}")).rest(1).send();
        let reply = ann.post("/sign-out").rest(1).send();
        assert_eq!(
            (reply.status(), saved.borrow().len()),
            (200, saves),
            "{step}"
        );
        let log = reply.log().join("\n");
        assert!(log.contains(why), "{step}: {log}");
    }
}
