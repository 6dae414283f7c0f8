//! The question that keeps programs from signing up: a line for the shell, which anybody who comes for
//! scripts can run. No third party, no picture.
//!
//! The page shows [`Question::line`] under the text `captcha.ask`; what is sealed into the form is the
//! question as text (`to_string`), from which it is read back (`parse`) to compare.

use std::{fmt, str::FromStr};

use crate::rules::sha256;

/// What a word is made of: nothing that looks like something else, and nothing that a shell would read.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a word.
const WORD_CHARS: usize = 5;
/// Numbers in questions that count.
const COUNT_MIN: u64 = 21;
/// Different numbers in these.
const COUNTS: u64 = 400;
/// Characters of an answer that are looked at.
const ANSWER_CHARS_MAX: usize = 100;

/// The five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hash,
    Reverse,
    Rotate,
    Sum,
    Count,
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Hash, "hash"),
    (Kind::Reverse, "reverse"),
    (Kind::Rotate, "rotate"),
    (Kind::Sum, "sum"),
    (Kind::Count, "count"),
];

/// One question.
///
/// ```
/// use glsr::captcha::Question;
/// let question = Question::new(7);
/// assert!(question.is_answer(&question.answer()));
/// let again: Question = question.to_string().parse().unwrap();
/// assert_eq!(again, question);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    kind: Kind,
    word: String,
    count: u64,
}

impl Question {
    /// The question that belongs to a random number; all bits of it should be random.
    pub fn new(random: u64) -> Self {
        let (kind, _) = KINDS[(random % 5) as usize];
        let mut rest = random / 5;
        let word = (0..WORD_CHARS)
            .map(|_| {
                let letter = LETTERS[(rest % 32) as usize];
                rest /= 32;
                char::from(letter)
            })
            .collect();
        Question {
            kind,
            word,
            count: COUNT_MIN + rest % COUNTS,
        }
    }

    /// The line for the shell.
    ///
    /// ```
    /// assert_eq!(glsr::captcha::Question::new(1).line(), "echo aaaaa | rev");
    /// ```
    pub fn line(&self) -> String {
        let Question { word, count, .. } = self;
        match self.kind {
            Kind::Hash => format!("printf %s {word} | sha256sum | cut -c1-8"),
            Kind::Reverse => format!("echo {word} | rev"),
            Kind::Rotate => format!("echo {word} | tr a-z n-za-m"),
            // The usual `paste -sd+ | bc` asks for a bc that few systems have today.
            Kind::Sum => format!("seq 1 {count} | awk '{{ s += $1 }} END {{ print s }}'"),
            Kind::Count => format!("seq 1 {count} | wc -c"),
        }
    }

    /// What the line prints, without the line feed.
    pub fn answer(&self) -> String {
        let Question { word, count, .. } = self;
        match self.kind {
            Kind::Hash => sha256(word.as_bytes())[..8].to_owned(),
            Kind::Reverse => word.chars().rev().collect(),
            Kind::Rotate => word
                .bytes()
                .map(|b| {
                    if b.is_ascii_lowercase() {
                        (b - b'a' + 13) % 26 + b'a'
                    } else {
                        b
                    }
                })
                .map(char::from)
                .collect(),
            Kind::Sum => (count * (count + 1) / 2).to_string(),
            Kind::Count => (1..=*count)
                .map(|n| n.to_string().len() + 1)
                .sum::<usize>()
                .to_string(),
        }
    }

    /// Whether this was answered; blanks around it and capitals do not matter.
    pub fn is_answer(&self, typed: &str) -> bool {
        typed.len() <= ANSWER_CHARS_MAX && typed.trim().eq_ignore_ascii_case(&self.answer())
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS
            .iter()
            .find(|(kind, _)| *kind == self.kind)
            .map_or("", |(_, name)| name);
        write!(f, "{name} {} {}", self.word, self.count)
    }
}

/// The text is none that a question was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoQuestion;

impl FromStr for Question {
    type Err = NoQuestion;

    fn from_str(text: &str) -> Result<Self, NoQuestion> {
        let mut parts = text.split(' ');
        let (Some(name), Some(word), Some(count), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoQuestion);
        };
        let kind = KINDS
            .iter()
            .find(|(_, known)| *known == name)
            .ok_or(NoQuestion)?
            .0;
        let count = count.parse().map_err(|_| NoQuestion)?;
        let letters = word.len() == WORD_CHARS && word.bytes().all(|b| LETTERS.contains(&b));
        if !letters || !(COUNT_MIN..COUNT_MIN + COUNTS).contains(&count) {
            return Err(NoQuestion);
        }
        Ok(Question {
            kind,
            word: word.to_owned(),
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_answers_them() {
        for random in (0..15_u64).map(|n| (n * 0x1234_5678_9abc_def0) / 5 * 5 + n) {
            let question = Question::new(random);
            let ran = Command::new("sh")
                .arg("-c")
                .arg(question.line())
                .output()
                .expect("sh runs");
            let printed = String::from_utf8(ran.stdout).expect("text");
            assert!(
                question.is_answer(&printed),
                "{}: {printed}",
                question.line()
            );
            assert_eq!(question.answer(), printed.trim(), "{}", question.line());
        }
        let kinds: Vec<_> = (0..5).map(|n| Question::new(n).kind).collect();
        assert_eq!(kinds, KINDS.map(|(kind, _)| kind));
    }

    #[test]
    fn other_answers() {
        let question = Question::new(1);
        assert!(question.is_answer(" AAAAA\n"));
        for typed in ["", "aaaa", "aaaaaa", &" ".repeat(ANSWER_CHARS_MAX + 1)] {
            assert!(!question.is_answer(typed), "{typed:?}");
        }
    }

    #[test]
    fn what_is_sealed_is_read_back() {
        for random in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let question = Question::new(random);
            assert_eq!(question.to_string().parse(), Ok(question));
        }
        for text in [
            "",
            "hash",
            "hash abcde",
            "hash abcde 5",
            "x abcde 30",
            "hash $(ls) 30",
            "sum abcde 30 ",
        ] {
            assert_eq!(text.parse::<Question>(), Err(NoQuestion), "{text}");
        }
    }
}
