//! What the delays of refusals show from outside.
//!
//! A refusal says nothing of when it was decided. But the server counts its refusals by reason, and
//! each reason bounds the delay: who is refused at once (the wait would be too long, the queue is
//! full) must be answered within 50 ms; who is refused after waiting, 50 ms after the queue wait at
//! most. So of all refusals, as many as the server decided at once must have come within 50 ms (but
//! for one in a hundred: the two counts do not begin and end at the very same moment), and the
//! slowest of all within the queue wait and 50 ms.

use super::promise;
use super::traffic::{Answer, Tally};
use crate::report;
use crate::stats::quantile;

/// Longest that the server may take from a decision to its answer, in milliseconds.
pub const DECIDED_MS: f64 = 50.0;
/// Longest that a request may wait before it is refused, in milliseconds: the server's default.
pub const QUEUE_WAIT_MS: f64 = 500.0;
/// Of the refusals that were decided at once, the part that is looked at.
const QUICKEST: f64 = 0.99;
/// Reasons that are found before a request waits; with all others it has waited.
const AT_ONCE: [&str; 2] = ["predicted_wait", "queue_full"];

/// Median, slowest in a hundred and slowest.
pub fn delays(delays_ms: &[f64]) -> String {
    if delays_ms.is_empty() {
        return "none".to_owned();
    }
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(delays_ms, q));
    format!("p50 {p50:.1}, p99 {p99:.1}, most {max:.1} ms")
}

/// All about the 503s of a source; `rejects` is the server's count of the same time.
pub fn section(tally: &Tally, rejects: &[(&str, u64)], is_promised: bool) -> String {
    let refused: Vec<&Answer> = tally
        .answers
        .iter()
        .filter(|a| a.reply.status == 503)
        .collect();
    let group = |name: &str, is_in: &dyn Fn(&Answer) -> bool| {
        let group = refused.iter().filter(|answer| is_in(answer));
        let times: Vec<f64> = group.map(|answer| answer.took_ms).collect();
        let count = report::whole(times.len() as f64);
        format!("* 503 {name}: {count}; {}\n", delays(&times))
    };
    let waited_ms = QUEUE_WAIT_MS + DECIDED_MS;
    let mut text = [
        group("in all", &|_| true),
        group("within 50 ms, the connection stays", &|answer| {
            answer.took_ms <= DECIDED_MS && !answer.reply.closes
        }),
        group("later, the connection stays", &|answer| {
            answer.took_ms > DECIDED_MS && !answer.reply.closes
        }),
        group("that close the connection (displaced)", &|answer| {
            answer.reply.closes
        }),
    ]
    .concat();
    let mut times: Vec<f64> = refused.iter().map(|answer| answer.took_ms).collect();
    times.sort_by(f64::total_cmp);
    let at_once = share_at_once(rejects);
    let quickest = (QUICKEST * at_once * times.len() as f64) as usize;
    let bare = refused.iter().filter(|answer| !answer.reply.retry_after);
    text += &format!(
        "* 503 by the server's count: {}\n\
         * refused at once: {:.3} of them; 99 % as many of the quickest 503s took at most {:.1} ms{}\n\
         * later than {waited_ms} ms: {}{}\n\
         * 503 without Retry-After: {}{}; other answers than 200 and 503: {}\n",
        super::inside::list(rejects),
        at_once,
        quickest.checked_sub(1).map_or(0.0, |last| times[last]),
        promise(is_promised, &format!("{DECIDED_MS} ms")),
        times.iter().filter(|time| **time > waited_ms).count(),
        promise(is_promised, "0"),
        bare.count(),
        promise(is_promised, "0"),
        others(tally),
    );
    text
}

/// Of all refusals, those that were decided when the request came.
fn share_at_once(rejects: &[(&str, u64)]) -> f64 {
    let sum = |is_in: &dyn Fn(&str) -> bool| {
        let counts = rejects.iter().filter(|(reason, _)| is_in(reason));
        counts.map(|(_, count)| *count as f64).sum::<f64>()
    };
    // 0.0 in front: a sum of nothing is -0.
    0.0 + sum(&|reason| AT_ONCE.contains(&reason)) / sum(&|_| true).max(1.0)
}

fn others(tally: &Tally) -> usize {
    let is_other = |answer: &&Answer| !matches!(answer.reply.status, 200 | 503);
    tally.answers.iter().filter(is_other).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::wire::Reply;

    #[test]
    fn as_many_must_be_quick_as_were_refused_at_once() {
        let answer = |status, closes, took_ms| Answer {
            reply: Reply {
                status,
                body_bytes: 0,
                closes,
                retry_after: took_ms < 600.0,
            },
            took_ms,
        };
        let tally = Tally {
            answers: vec![
                answer(200, false, 90.0),
                answer(503, false, 600.0),
                answer(503, false, 2.0),
                answer(503, false, 40.0),
                answer(503, true, 30.0),
            ],
            ..Tally::default()
        };
        let text = section(&tally, &[("predicted_wait", 3), ("waited", 1)], true);
        for line in [
            "* 503 in all: 4; p50 35.0, p99 583.2, most 600.0 ms\n",
            "* 503 within 50 ms, the connection stays: 2; p50 21.0,",
            "* refused at once: 0.750 of them; 99 % as many of the quickest 503s took at most 30.0 ms",
            "* later than 550 ms: 1; promised: 0\n",
            "* 503 without Retry-After: 1; promised: 0; other",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
