//! Programs that a module runs, in a test that answers in their place.

use harmonious::prelude::*;
use harmonious::testing::Site;
use harmonious::{Ran, Run};

#[post]
fn check(req: &Request) -> Result<Response> {
    let run = Run::new("perl")
        .args(["-c", "script.pl"])
        .file("script.pl", req.text()?)
        .seconds(5)
        .memory(64)
        .full();
    let ran = req.run(&run)?;
    Ok(Response::text(match (ran.ran, ran.is_ok()) {
        (false, _) => format!("not checked: {}", ran.why),
        (true, true) => "in order".to_owned(),
        (true, false) => ran.stderr,
    }))
}

fn perl(run: &Run) -> Ran {
    let limits = (run.seconds, run.memory, run.full);
    assert_eq!(limits, (5, 64, true));
    assert_eq!((run.args.len(), run.stdin.as_deref()), (2, None));
    let [(name, text)] = &run.files[..] else {
        panic!("{run:?}");
    };
    assert_eq!(name, "script.pl");
    let in_order = text == "print 1;";
    Ran {
        ran: true,
        code: Some(if in_order { 0 } else { 255 }),
        stderr: format!("{text}: wrong"),
        ..Ran::default()
    }
}

#[test]
fn the_test_answers_for_the_program() {
    let site = Site::new().run(perl);
    let ask = |text: &str| site.post("/").body("text/plain", text).send().text();
    assert_eq!(ask("print 1;"), "in order");
    assert_eq!(ask("print ("), "print (: wrong");
}

#[test]
fn a_program_that_is_not_there_is_an_answer_and_no_programs_at_all_an_error() {
    let none = Site::new().run(|run| Ran {
        why: format!("{} is not installed", run.program),
        ..Ran::default()
    });
    let page = none.post("/").body("text/plain", "x").send();
    let expected = (200, "not checked: perl is not installed");
    assert_eq!((page.status(), page.text().as_str()), expected);
    assert_eq!(
        Site::new()
            .post("/")
            .body("text/plain", "x")
            .send()
            .status(),
        500
    );
}
