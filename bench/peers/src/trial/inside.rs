//! What our server says of itself at `/stats`: the figures of its pool and its front.

use std::net::SocketAddr;

use crate::contest::client;

/// The figures of one moment.
pub struct Inside(String);

/// Asks for the figures.
///
/// # Errors
/// Says in one line what came instead.
pub fn ask(server: SocketAddr) -> Result<Inside, String> {
    let answer = client::connect(server).and_then(|mut stream| client::get(&mut stream, "/stats"));
    let answer = answer.map_err(|error| format!("/stats: {error}"))?;
    match answer.status {
        200 => Ok(Inside(String::from_utf8_lossy(&answer.body).into_owned())),
        status => Err(format!("/stats: status {status} and not 200")),
    }
}

impl Inside {
    /// The first figure of that name, 0 where there is none.
    pub fn number(&self, name: &str) -> u64 {
        let mut fields = self
            .0
            .lines()
            .filter_map(|line| line.trim().split_once(": "));
        let found = fields.find(|(field, _)| *field == name);
        found.map_or(0, |(_, value)| figure(value))
    }

    /// What the front refused so far, by reason.
    pub fn rejects(&self) -> Vec<(&str, u64)> {
        let lines = self.0.lines().map(str::trim);
        let list = lines.skip_while(|line| *line != "rejects: [").skip(1);
        let words: Vec<&str> = list
            .take_while(|line| *line != "],")
            .filter(|line| !matches!(*line, "(" | "),"))
            .collect();
        let pairs = words.chunks_exact(2);
        pairs
            .map(|pair| (pair[0].trim_matches(['"', ',']), figure(pair[1])))
            .collect()
    }

    /// What the front refused since an earlier moment, by reason.
    pub fn rejects_since(&self, earlier: &Inside) -> Vec<(&str, u64)> {
        let before = earlier.rejects();
        let count = |reason: &str| {
            let found = before.iter().find(|(known, _)| *known == reason);
            found.map_or(0, |(_, count)| *count)
        };
        let now = self.rejects().into_iter();
        now.map(|(reason, total)| (reason, total - count(reason)))
            .filter(|(_, more)| *more > 0)
            .collect()
    }
}

/// The reasons with their counts, in one line.
pub fn list(rejects: &[(&str, u64)]) -> String {
    match rejects {
        [] => "nothing".to_owned(),
        some => {
            let reasons = some.iter();
            let reasons = reasons.map(|(reason, count)| format!("{reason} {count}"));
            reasons.collect::<Vec<_>>().join(", ")
        }
    }
}

fn figure(value: &str) -> u64 {
    value.trim_end_matches(',').parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found() {
        let text = |waited: u64| {
            let rejects = vec![("framing", 1), ("waited", waited)];
            format!("Stats {{\n    tasks: 3,\n    rejects: {rejects:#?},\n    tasks: 4,\n}}")
        };
        let (before, now) = (Inside(text(5)), Inside(text(7)));
        assert_eq!((now.number("tasks"), now.number("x")), (3, 0));
        assert_eq!(now.rejects(), [("framing", 1), ("waited", 7)]);
        assert_eq!(now.rejects_since(&before), [("waited", 2)]);
        assert_eq!(list(&now.rejects()), "framing 1, waited 7");
    }
}
