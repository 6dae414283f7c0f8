//! The tokens of a source as a flat list, and the items in it.
//!
//! Tokens, not a syntax tree: they are exact (comments, texts and raw strings cannot be mistaken for
//! code), and it is several times as fast. Whether the rest is valid Rust is the compiler's business.

use proc_macro2::{Delimiter, Ident, Literal, Span, TokenStream, TokenTree};

/// One token.
pub(super) struct Token {
    pub(super) span: Span,
    pub(super) kind: Kind,
}

/// What a token is.
pub(super) enum Kind {
    Ident(Ident),
    Punct(char),
    Literal(Literal),
    /// With the place of its `Close`.
    Open(Delimiter, usize),
    Close,
}

/// An item at one level of a source.
pub(super) struct Item {
    /// The places of its attributes: the first token inside of the brackets, and the closing bracket.
    pub(super) attributes: Vec<(usize, usize)>,
    /// Its first token after them.
    pub(super) start: usize,
    /// The first token after it.
    pub(super) end: usize,
    pub(super) kind: ItemKind,
}

/// What an item is, as far as it matters here; places are those of tokens.
pub(super) enum ItemKind {
    Function {
        name: usize,
    },
    /// A module with a body: the first token in it, and the closing brace.
    Mod {
        name: usize,
        body: (usize, usize),
    },
    /// A macro: the place of its name, and of what opens its argument.
    Macro {
        name: usize,
        open: usize,
    },
    Other,
}

/// Makes one list of a source.
pub(super) fn flatten(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    push(stream, &mut tokens);
    tokens
}

fn push(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let span = tree.span();
        let kind = match tree {
            TokenTree::Ident(ident) => Kind::Ident(ident),
            TokenTree::Punct(punct) => Kind::Punct(punct.as_char()),
            TokenTree::Literal(literal) => Kind::Literal(literal),
            TokenTree::Group(group) => {
                let open = tokens.len();
                let (span, close) = (group.span_open(), group.span_close());
                let kind = Kind::Open(group.delimiter(), 0);
                tokens.push(Token { span, kind });
                push(group.stream(), tokens);
                let end = tokens.len();
                tokens[open].kind = Kind::Open(group.delimiter(), end);
                tokens.push(Token {
                    span: close,
                    kind: Kind::Close,
                });
                continue;
            }
        };
        tokens.push(Token { span, kind });
    }
}

impl Token {
    /// From 1.
    pub(super) fn line(&self) -> u32 {
        u32::try_from(self.span.start().line).unwrap_or(u32::MAX)
    }

    pub(super) fn is(&self, punct: char) -> bool {
        matches!(self.kind, Kind::Punct(c) if c == punct)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Ident(ident) if ident == word)
    }

    pub(super) fn ident(&self) -> Option<&Ident> {
        match &self.kind {
            Kind::Ident(ident) => Some(ident),
            _ => None,
        }
    }

    /// The place of the closing token, if this one opens.
    pub(super) fn closes_at(&self, delimiter: Delimiter) -> Option<usize> {
        match self.kind {
            Kind::Open(opened, end) if opened == delimiter => Some(end),
            _ => None,
        }
    }
}

/// Whether `::` stands here.
pub(super) fn is_colons(tokens: &[Token], at: usize) -> bool {
    let colon = |at: usize| tokens.get(at).is_some_and(|token| token.is(':'));
    colon(at) && colon(at + 1)
}

/// An attribute here (`#[..]`): its first token and its closing bracket.
pub(super) fn attribute(tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    if !tokens.get(at)?.is('#') {
        return None;
    }
    let inner = usize::from(tokens.get(at + 1)?.is('!'));
    let open = at + 1 + inner;
    let end = tokens.get(open)?.closes_at(Delimiter::Bracket)?;
    Some((open + 1, end))
}

/// Whether an attribute is `cfg(test)`, also `cfg(all(test, ..))`.
pub(super) fn is_cfg_test(tokens: &[Token], (start, end): (usize, usize)) -> bool {
    let inner = &tokens[start..end];
    inner.first().is_some_and(|token| token.is_word("cfg"))
        && inner.iter().any(|token| token.is_word("test"))
        && !inner.iter().any(|token| token.is_word("not"))
}

/// A path here, such as `std::process::exit` or `::harmonious::get`: its words and where it ends.
pub(super) fn path(tokens: &[Token], at: usize, end: usize) -> Option<(Vec<String>, usize)> {
    let mut at = at + 2 * usize::from(is_colons(tokens, at));
    let mut words = Vec::new();
    loop {
        let word = tokens[..end].get(at)?.ident()?;
        words.push(word.to_string());
        at += 1;
        let goes_on = is_colons(&tokens[..end], at)
            && tokens[..end]
                .get(at + 2)
                .is_some_and(|t| t.ident().is_some());
        if !goes_on {
            return Some((words, at));
        }
        at += 2;
    }
}

/// The item that begins here, or at the attributes here.
pub(super) fn item(tokens: &[Token], mut at: usize, end: usize) -> Item {
    let mut attributes = Vec::new();
    while let Some((first, close)) = attribute(&tokens[..end], at) {
        if !tokens[at + 1].is('!') {
            attributes.push((first, close));
        }
        at = close + 1;
    }
    let start = at;
    let (kind, needs_semicolon) = item_kind(tokens, start, end);
    let from = match kind {
        ItemKind::Macro { open, .. } => open,
        _ => start,
    };
    Item {
        attributes,
        start,
        end: item_end(tokens, from, end, needs_semicolon),
        kind,
    }
}

/// Where an item ends: at its `;` or, if it is not one of those that need it, after its braces.
fn item_end(tokens: &[Token], mut at: usize, end: usize, needs_semicolon: bool) -> usize {
    while at < end {
        match tokens[at].kind {
            Kind::Punct(';') => return at + 1,
            Kind::Open(delimiter, close) => {
                at = close + 1;
                if delimiter == Delimiter::Brace && !needs_semicolon {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    end
}

/// What the item is, and whether braces do not end it.
fn item_kind(tokens: &[Token], start: usize, end: usize) -> (ItemKind, bool) {
    let tokens = &tokens[..end];
    let word = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
    let mut at = start;
    if word(at, "pub") {
        at += 1;
        if let Some(close) = tokens
            .get(at)
            .and_then(|t| t.closes_at(Delimiter::Parenthesis))
        {
            at = close + 1;
        }
    }
    let first = at;
    loop {
        let literal = matches!(tokens.get(at).map(|t| &t.kind), Some(Kind::Literal(_)));
        let qualifier = ["const", "async", "unsafe", "safe", "extern", "default"]
            .iter()
            .any(|qualifier| word(at, qualifier));
        if !(qualifier || (literal && at > first)) {
            break;
        }
        at += 1;
    }
    if word(at, "fn") && tokens.get(at + 1).is_some_and(|t| t.ident().is_some()) {
        return (ItemKind::Function { name: at + 1 }, false);
    }
    if word(first, "mod")
        && let Some(close) = body_of_mod(tokens, first)
    {
        let kind = ItemKind::Mod {
            name: first + 1,
            body: (first + 3, close),
        };
        return (kind, false);
    }
    if let Some((_, bang)) = path(tokens, first, end)
        && tokens.get(bang).is_some_and(|token| token.is('!'))
        && let Some(Kind::Open(..)) = tokens.get(bang + 1).map(|token| &token.kind)
    {
        let kind = ItemKind::Macro {
            name: bang - 1,
            open: bang + 1,
        };
        return (kind, false);
    }
    let ended_by_semicolon = ["use", "static", "const", "type"];
    let needs_semicolon = ended_by_semicolon
        .iter()
        .any(|keyword| word(first, keyword));
    (ItemKind::Other, needs_semicolon)
}

fn body_of_mod(tokens: &[Token], at: usize) -> Option<usize> {
    tokens.get(at + 1)?.ident()?;
    tokens.get(at + 2)?.closes_at(Delimiter::Brace)
}
