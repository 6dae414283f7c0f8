//! The name that somebody may have meant.

/// Names that differ from what was written in more than one letter of so many are not meant.
const LETTERS_PER_SLIP: usize = 3;

/// "did you mean X?", or all that there is to mean if nothing is near.
pub fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let distance = |name: &str| strsim::osa_distance(&written.to_lowercase(), &name.to_lowercase());
    let nearest = known
        .clone()
        .map(|name| (distance(name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= name.len() / LETTERS_PER_SLIP);
    match nearest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => format!("there is {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, expected: &str) {
        let known = ["queue-wait", "queue-len", "grace"];
        assert_eq!(did_you_mean(written, known.into_iter()), expected);
    }

    #[test]
    fn slips_are_seen() {
        check("queue_wait", "did you mean queue-wait?");
        check("QueueLen", "did you mean queue-len?");
        check("garce", "did you mean grace?");
        check("colour", "there is queue-wait, queue-len, grace");
    }
}
