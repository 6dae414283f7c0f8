//! `/counter/`: an application whose state lives in memory only, a value of its own for each session.
use harmonious::prelude::*;

#[derive(Default)]
struct Counter {
    count: u64,
}

impl Instance for Counter {
    fn save(&mut self, _req: &Request, why: Leaving) -> Result<()> {
        info!("a counter stood at {} when it went: {why}", self.count);
        Ok(())
    }
}

#[get]
fn show(req: &Request) -> Result<Response> {
    let counter = req.session().existing_instance::<Counter>("counter")?;
    req.render("index.html", context! { count => counter.map_or(0, |it| it.count) })
}

#[post]
fn click(req: &Request) -> Result<Response> {
    let mut counter = req.session().instance("counter", Counter::default)?;
    if req.form()?.get("again").is_some() {
        counter.discard();
    } else {
        counter.count += 1;
    }
    Ok(Response::redirect("/counter/"))
}
