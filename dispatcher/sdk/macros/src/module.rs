//! `module! { .. }`: read by the server from the source; here it is only checked.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, Ident, Lit, Result, Token};

/// The keys that are known, and what their values are.
const KEYS: [(&str, Value, &str); 5] = [
    (
        "inherits",
        Value::Names,
        "a name such as \"member\", a list of names, or \"none\"",
    ),
    ("time_limit", Value::Text, "a duration such as \"5s\""),
    ("max_body", Value::Text, "a size such as \"1MiB\""),
    ("panics_per_minute", Value::Number, "a number such as 20"),
    ("csrf", Value::Bool, "true or false"),
];
/// How alike a key must be to a known one to be taken for a slip (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Names,
    Text,
    Number,
    Bool,
}

struct Setting {
    key: Ident,
    value: Expr,
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Setting> {
        let key = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Setting {
            key,
            value: input.parse()?,
        })
    }
}

struct Settings(Punctuated<Setting, Token![,]>);

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> Result<Settings> {
        Punctuated::parse_terminated(input).map(Settings)
    }
}

/// What the macro becomes: an item that can be there only once.
pub fn expand(input: TokenStream) -> TokenStream {
    let checked = syn::parse2::<Settings>(input).and_then(|settings| check(&settings));
    let error = checked.err().map(Error::into_compile_error);
    let only_one = Ident::new("only_one_module_item_in_a_file", Span::call_site());
    quote! {
        #error
        #[doc(hidden)]
        #[allow(dead_code, non_camel_case_types)]
        enum #only_one {}
    }
}

fn check(settings: &Settings) -> Result<()> {
    let mut problems: Option<Error> = None;
    for (at, setting) in settings.0.iter().enumerate() {
        let twice = settings
            .0
            .iter()
            .take(at)
            .any(|other| other.key == setting.key);
        let checked = if twice {
            Err(Error::new(
                setting.key.span(),
                format!("`{}` is set twice", setting.key),
            ))
        } else {
            check_one(setting)
        };
        match (checked, &mut problems) {
            (Ok(()), _) => {}
            (Err(error), Some(all)) => all.combine(error),
            (Err(error), None) => problems = Some(error),
        }
    }
    problems.map_or(Ok(()), Err)
}

fn check_one(setting: &Setting) -> Result<()> {
    let key = setting.key.to_string();
    if let Some((_, kind, what)) = KEYS.iter().find(|(name, ..)| *name == key) {
        return match fits(*kind, &setting.value) {
            true => Ok(()),
            false => Err(Error::new_spanned(
                &setting.value,
                format!("`{key}` is {what}"),
            )),
        };
    }
    if let Some(name) = nearest(&key) {
        let message = format!("no key `{key}`: did you mean `{name}`?");
        return Err(Error::new(setting.key.span(), message));
    }
    if is_literal(&setting.value) {
        return Ok(());
    }
    let names: Vec<&str> = KEYS.iter().map(|(name, ..)| *name).collect();
    let message = format!(
        "no key `{key}`: there are {}; the value of any other key must be a literal",
        names.join(", ")
    );
    Err(Error::new(setting.key.span(), message))
}

/// The known key that is meant, most likely.
fn nearest(key: &str) -> Option<&'static str> {
    let rated = KEYS
        .iter()
        .map(|(name, ..)| (strsim::jaro_winkler(name, key), *name));
    let best = rated.max_by(|one, other| one.0.total_cmp(&other.0));
    best.filter(|(alike, _)| *alike >= ALIKE)
        .map(|(_, name)| name)
}

fn fits(kind: Value, value: &Expr) -> bool {
    match (kind, value) {
        (Value::Names, Expr::Array(array)) => array.elems.iter().all(is_text),
        (Value::Names | Value::Text, value) => is_text(value),
        (
            Value::Number,
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }),
        ) => number.base10_parse::<u32>().is_ok(),
        (
            Value::Bool,
            Expr::Lit(ExprLit {
                lit: Lit::Bool(_), ..
            }),
        ) => true,
        _ => false,
    }
}

/// A text that is not empty.
fn is_text(value: &Expr) -> bool {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => !text.value().trim().is_empty(),
        _ => false,
    }
}

fn is_literal(value: &Expr) -> bool {
    match value {
        Expr::Lit(_) => true,
        Expr::Array(array) => array.elems.iter().all(is_literal),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages, in order.
    fn problems(input: TokenStream) -> Vec<String> {
        match syn::parse2::<Settings>(input).and_then(|settings| check(&settings)) {
            Ok(()) => Vec::new(),
            Err(error) => error.into_iter().map(|one| one.to_string()).collect(),
        }
    }

    #[test]
    fn all_keys_and_literals_for_later_ones_are_taken() {
        let all = quote! {
            inherits = ["member", "wide"], time_limit = "5s", max_body = "1MiB",
            panics_per_minute = 20, csrf = false, schedule = "daily", tags = ["a", 1],
        };
        assert_eq!(problems(all), [] as [&str; 0]);
        assert_eq!(problems(quote! {}), [] as [&str; 0]);
    }

    #[test]
    fn slips_are_told_with_the_nearest_name() {
        for (key, name) in [
            (quote!(inherit), "inherits"),
            (quote!(inherts), "inherits"),
            (quote!(timelimit), "time_limit"),
            (quote!(body_max), ""),
            (quote!(max_bdy), "max_body"),
            (quote!(crsf), "csrf"),
            (quote!(panics_per_second), "panics_per_minute"),
        ] {
            let all = problems(quote! { #key = "x" });
            let expected = format!("no key `{key}`: did you mean `{name}`?");
            assert_eq!(
                all,
                if name.is_empty() {
                    vec![]
                } else {
                    vec![expected]
                }
            );
        }
    }

    #[test]
    fn wrong_values_are_told_with_what_is_right_and_all_at_once() {
        let all = problems(quote! {
            inherits = member, time_limit = 5, panics_per_minute = -1, csrf = "no", csrf = true,
            schedule = daily()
        });
        assert_eq!(
            all,
            [
                "`inherits` is a name such as \"member\", a list of names, or \"none\"",
                "`time_limit` is a duration such as \"5s\"",
                "`panics_per_minute` is a number such as 20",
                "`csrf` is true or false",
                "`csrf` is set twice",
                "no key `schedule`: there are inherits, time_limit, max_body, panics_per_minute, csrf; \
                 the value of any other key must be a literal",
            ]
        );
    }
}
