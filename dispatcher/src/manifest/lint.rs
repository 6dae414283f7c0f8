//! What a module must not do, or should not: end the process, start threads or runtimes, keep state in
//! statics. Found by its paths, whatever `use` calls them.

use std::collections::HashMap;
use std::path::Path;

use super::model::{Declared, Literal};
use super::problem::Problem;
use super::tokens::{Kind, Token, attribute, is_cfg_test, is_colons, item, path};

/// Who starts a thread or ends the process takes others along.
const FORBIDDEN: [(&[&str], Rule); 6] = [
    (&["std", "process", "exit"], Rule::Exit),
    (&["std", "process", "abort"], Rule::Exit),
    (&["std", "thread", "spawn"], Rule::Threads),
    (&["std", "thread", "Builder"], Rule::Threads),
    (&["tokio"], Rule::Runtime),
    (&["async_std"], Rule::Runtime),
];
/// Types that make a static a place to keep something.
const CELLS: [&str; 13] = [
    "OnceLock",
    "LazyLock",
    "OnceCell",
    "LazyCell",
    "Lazy",
    "OnceBox",
    "Mutex",
    "RwLock",
    "RefCell",
    "Cell",
    "UnsafeCell",
    "DashMap",
    "ArcSwap",
];

/// One of these is in every source that has a finding: most sources need not be looked at closely.
const TRACES: [&str; 9] = [
    "exit",
    "abort",
    "spawn",
    "Builder",
    "tokio",
    "async_std",
    "static",
    "thread_local",
    "lazy_static",
];

/// A rule that `check` looks after. A module that knows better says so: `module! { allow = ["threads"] }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Exit,
    Threads,
    Runtime,
    State,
}

/// Something that `check` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) line: u32,
    pub(super) what: String,
}

impl Rule {
    /// As `allow` has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Rule::Exit => "process-exit",
            Rule::Threads => "threads",
            Rule::Runtime => "async-runtime",
            Rule::State => "state",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Rule::Exit => {
                "this ends the whole server with all its requests: return an error with a status"
            }
            Rule::Threads => {
                "its thread would outlive the module, and nothing fences its panics: leave it to a background job"
            }
            Rule::Runtime => {
                "a runtime in a module starts threads of its own and does not know the server's: call blocking functions"
            }
            Rule::State => {
                "there is one copy per module, and it is lost at reload: keep it in the host (session, database, the site's data folder)"
            }
        }
    }
}

impl Finding {
    /// As `check` tells it.
    pub(super) fn problem(&self, file: &Path) -> Problem {
        let advice = format!(
            "{}; if it must be, `module! {{ allow = [\"{}\"] }}`",
            self.rule.advice(),
            self.rule.name()
        );
        let problem = match self.rule {
            Rule::State => Problem::warning(file, self.what.clone(), advice),
            _ => Problem::error(file, self.what.clone(), advice),
        };
        problem.at(self.line)
    }
}

/// The names of rules in `allow` of a `module!`.
pub(super) fn allowed(declared: &Declared) -> Vec<&str> {
    let Some(Literal::List(names)) = declared.other.get("allow") else {
        return Vec::new();
    };
    let names = names.iter().filter_map(|name| match name {
        Literal::Text(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// What `use` makes of names, in the whole source: scopes are not told apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    names: HashMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

impl Uses {
    pub(super) fn of(tokens: &[Token]) -> Uses {
        let mut uses = Uses::default();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at].is_word("use") {
                at = uses.tree(tokens, at + 1, &[]);
            } else {
                at += 1;
            }
        }
        uses
    }

    /// The path that a path means: its first word replaced by what it was imported as.
    pub(super) fn full(&self, mut words: Vec<String>) -> Vec<String> {
        // Twice, as in `use std as s; use s::process;`.
        for _ in 0..2 {
            if words.first().is_some_and(|first| first == "self") && words.len() > 1 {
                words.remove(0);
            }
            let Some(meant) = words.first().and_then(|first| self.names.get(first)) else {
                break;
            };
            words.splice(..1, meant.iter().cloned());
        }
        if let Some(first) = words.first_mut().filter(|first| *first == "core") {
            *first = "std".into();
        }
        words
    }

    /// One tree of a `use`, after a prefix; where it ends.
    fn tree(&mut self, tokens: &[Token], at: usize, prefix: &[String]) -> usize {
        let mut at = at + 2 * usize::from(is_colons(tokens, at));
        let mut words = prefix.to_vec();
        if let Some((more, next)) = path(tokens, at, tokens.len()) {
            words.extend(more);
            at = next + 2 * usize::from(is_colons(tokens, next));
        }
        match tokens.get(at).map(|token| &token.kind) {
            Some(Kind::Open(_, close)) => {
                let close = *close;
                at += 1;
                while at < close {
                    at = self.tree(&tokens[..close], at, &words);
                    at += usize::from(at < close);
                }
                close + 1
            }
            Some(Kind::Punct('*')) => {
                self.globs.push(words);
                at + 1
            }
            Some(Kind::Ident(word)) if word == "as" => {
                if let Some(name) = tokens.get(at + 1).and_then(Token::ident) {
                    self.add(name.to_string(), words);
                }
                at + 2
            }
            _ => {
                if let Some(name) = words.iter().rfind(|word| *word != "self").cloned() {
                    self.add(name, words);
                }
                at
            }
        }
    }

    fn add(&mut self, name: String, mut words: Vec<String>) {
        if words.last().is_some_and(|last| last == "self") {
            words.pop();
        }
        if words.len() > 1 || words.first() != Some(&name) {
            self.names.insert(name, words);
        }
    }
}

/// All findings in a source, in its order.
pub(super) fn findings(source: &str, tokens: &[Token], uses: &Uses) -> Vec<Finding> {
    if !TRACES.iter().any(|trace| source.contains(trace)) {
        return Vec::new();
    }
    let mut lint = Lint {
        tokens,
        uses,
        found: Vec::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = lint.token(at);
    }
    lint.found
}

struct Lint<'t> {
    tokens: &'t [Token],
    uses: &'t Uses,
    found: Vec<Finding>,
}

impl Lint<'_> {
    /// Looks at a token; where to go on.
    fn token(&mut self, at: usize) -> usize {
        let tokens = self.tokens;
        if let Some(place) = attribute(tokens, at) {
            // Tests run in a process of their own.
            return match is_cfg_test(tokens, place) && !tokens[at + 1].is('!') {
                true => item(tokens, at, tokens.len()).end.max(at + 1),
                false => at + 1,
            };
        }
        let Some(word) = tokens[at].ident() else {
            return at + 1;
        };
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let after_dot = before.is_some_and(|token| token.is('.'));
        let after_quote = before.is_some_and(|token| token.is('\''));
        let captures = tokens.get(at + 1).is_some_and(|token| token.is('<'));
        if word == "use" && !captures {
            return self.import(at);
        }
        if word == "static" && !after_quote {
            self.state(at);
            return at + 1;
        }
        // `<T as Trait>::spawn` is not what was imported as `spawn`.
        let of_type = at > 2 && is_colons(tokens, at - 2) && tokens[at - 3].is('>');
        if after_dot || after_quote || of_type {
            return at + 1;
        }
        let Some((words, end)) = path(tokens, at, tokens.len()) else {
            return at + 1;
        };
        self.path(at, words, end);
        end
    }

    /// Imports are no deeds, but a runtime is not imported for nothing.
    fn import(&mut self, at: usize) -> usize {
        let start = at + 1 + 2 * usize::from(is_colons(self.tokens, at + 1));
        if let Some((words, end)) = path(self.tokens, start, self.tokens.len())
            && words
                .first()
                .is_some_and(|first| first == "tokio" || first == "async_std")
        {
            self.path(start, words, end);
        }
        let mut at = at + 1;
        while at < self.tokens.len() && !self.tokens[at].is(';') {
            at += 1;
        }
        at
    }

    fn path(&mut self, at: usize, words: Vec<String>, end: usize) {
        let written = words.join("::");
        let is_macro = self.tokens.get(end).is_some_and(|token| token.is('!'));
        if is_macro
            && matches!(
                words.last().map(String::as_str),
                Some("thread_local" | "lazy_static")
            )
        {
            let what = format!("`{written}!` keeps state in the module");
            return self.add(Rule::State, at, what);
        }
        let qualified = words.len() > 1;
        let full = self.uses.full(words);
        let meant = forbidden(&full, qualified).or_else(|| {
            let globs = self.uses.globs.iter().filter(|glob| !glob.is_empty());
            let mut from_globs = globs.map(|glob| {
                let glob = self.uses.full(glob.clone());
                [glob.as_slice(), full.as_slice()].concat()
            });
            from_globs.find_map(|full| {
                let exact = full.first().is_some_and(|first| first == "std");
                forbidden(&full, true).filter(|_| exact)
            })
        });
        if let Some((name, rule)) = meant {
            let what = match name == written {
                true => format!("uses `{name}`"),
                false => format!("uses `{name}` (as `{written}`)"),
            };
            // One finding for a runtime is enough, whatever is done with it.
            let again = self.found.iter().any(|found| found.rule == Rule::Runtime);
            if rule != Rule::Runtime || !again {
                self.add(rule, at, what);
            }
        }
    }

    /// `static` here: is it a place to keep something?
    fn state(&mut self, at: usize) {
        let tokens = self.tokens;
        if tokens.get(at + 1).is_some_and(|token| token.is_word("mut")) {
            let name = tokens.get(at + 2).and_then(Token::ident);
            let what = match name {
                Some(name) => format!("`static mut {name}` keeps state in the module"),
                None => "`static mut` keeps state in the module".into(),
            };
            return self.add(Rule::State, at, what);
        }
        let Some(name) = tokens.get(at + 1).and_then(Token::ident) else {
            return;
        };
        if !tokens.get(at + 2).is_some_and(|token| token.is(':')) {
            return;
        }
        let of_type = tokens[at + 3..]
            .iter()
            .take_while(|token| !token.is('=') && !token.is(';'));
        let mut words = of_type.filter_map(Token::ident).map(|word| {
            let full = self.uses.full(vec![word.to_string()]);
            full.last().cloned().unwrap_or_default()
        });
        if let Some(cell) = words.find(|word| is_cell(word)) {
            let what = format!("`static {name}` keeps state in the module (`{cell}`)");
            self.add(Rule::State, at, what);
        }
    }

    fn add(&mut self, rule: Rule, at: usize, what: String) {
        let line = self.tokens[at].line();
        self.found.push(Finding { rule, line, what });
    }
}

fn is_cell(word: &str) -> bool {
    let atomic = word.strip_prefix("Atomic").is_some_and(|kind| {
        ["Bool", "Ptr", "Cell"].contains(&kind) || kind.starts_with(['U', 'I'])
    });
    atomic || CELLS.contains(&word)
}

/// Whether a full path leads to something forbidden; runtimes only where a path goes into them.
fn forbidden(full: &[String], qualified: bool) -> Option<(String, Rule)> {
    FORBIDDEN.iter().find_map(|(name, rule)| {
        let begins = full.len() >= name.len() && full.iter().zip(*name).all(|(a, b)| a == b);
        let deep_enough = name.len() > 1 || full.len() > 1 || qualified;
        (begins && deep_enough).then(|| {
            let shown = if name.len() > 1 {
                name.len()
            } else {
                full.len()
            };
            (full[..shown].join("::"), *rule)
        })
    })
}
