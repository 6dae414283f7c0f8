//! From a function with an attribute to the same function with an entry of the module's table.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, FnArg, Ident, ItemFn, Lit, MetaNameValue, Pat, PatType, Result, ReturnType, Token,
    Type, parse_quote,
};

/// The methods there are, in the order of the contract's bits.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// As many as the sdk can send.
const ARGUMENTS_MAX: usize = 8;

/// What a function is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Handler,
    Guard,
    Before,
    After,
    Export,
    ErrorPage,
    Task,
}

impl Kind {
    /// How such a function must look.
    fn shape(self) -> &'static str {
        match self {
            Kind::Handler => "fn name(req: &Request) -> Result<Response>",
            Kind::Guard => "fn name(req: &Request) -> Result<()>",
            Kind::Before => "fn name(req: &Request) -> Result<Flow>",
            Kind::After => "fn name(req: &Request, response: &mut Response) -> Result<()>",
            Kind::Export => "fn name(req: &Request, a: A, b: B) -> Result<T>",
            Kind::ErrorPage => "fn name(req: &Request, error: &PageError) -> Result<Response>",
            Kind::Task => "fn name(req: &Request, args: &[String]) -> Result<()>",
        }
    }

    /// The constant of the contract and the function of the sdk.
    fn names(self) -> (Ident, Ident) {
        let (constant, function) = match self {
            Kind::Handler => ("HANDLER", "handler"),
            Kind::Guard => ("GUARD", "guard"),
            Kind::Before => ("BEFORE", "before"),
            Kind::After => ("AFTER", "after"),
            Kind::Export => ("EXPORT", "export"),
            Kind::ErrorPage => ("ERROR_PAGE", "error_page"),
            Kind::Task => ("TASK", "task"),
        };
        (format_ident!("{constant}"), format_ident!("{function}"))
    }
}

/// What the attribute `name` makes of `item`; a mistake becomes an error of the compiler, beside the
/// item as it was, so that its uses are no mistakes too.
pub fn expand(name: &str, kind: Kind, attribute: TokenStream, item: TokenStream) -> TokenStream {
    let written = entry(name, kind, attribute, item.clone());
    written.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote! { #error #item }
    })
}

fn entry(name: &str, kind: Kind, attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let methods = methods(name, kind, attribute)?;
    let mut function = function(name, kind, item)?;
    may_be_unused(kind, &mut function);
    let ident = &function.sig.ident;
    let text = ident.to_string();
    let text = text.trim_start_matches("r#");
    let (constant, shim) = kind.names();
    let run = match kind {
        Kind::Export => export(&function)?,
        _ => quote! { #ident },
    };
    let bits = methods
        .iter()
        .map(|method| quote! { | ::harmonious::__private::method::#method });
    let only_one = methods
        .iter()
        .map(|method| only_one_handler(method, ident.span()));
    Ok(quote! {
        #function
        #(#only_one)*
        const _: () = {
            extern "C" fn call(frame: &::harmonious::__private::Frame) -> i32 {
                ::harmonious::__private::#shim(frame, #run)
            }
            #[::harmonious::__private::linkme::distributed_slice(::harmonious::__private::ENTRIES)]
            #[linkme(crate = ::harmonious::__private::linkme)]
            static ENTRY: ::harmonious::__private::Entry = ::harmonious::__private::Entry::new(
                ::harmonious::__private::kind::#constant,
                0 #(#bits)*,
                #text,
                call,
            );
        };
    })
}

/// The methods that a handler answers; none for other kinds.
fn methods(name: &str, kind: Kind, attribute: TokenStream) -> Result<Vec<Ident>> {
    if name == "handle" {
        return handled(attribute);
    }
    if kind == Kind::Task {
        return interval(attribute).map(|()| Vec::new());
    }
    if !attribute.is_empty() {
        let message = format!("#[{name}] takes nothing in parentheses");
        return Err(Error::new_spanned(attribute, message));
    }
    Ok(match kind {
        Kind::Handler => vec![Ident::new(&name.to_uppercase(), Span::call_site())],
        _ => Vec::new(),
    })
}

/// The list of `#[handle(GET, POST)]`.
fn handled(attribute: TokenStream) -> Result<Vec<Ident>> {
    let list = Punctuated::<Ident, Token![,]>::parse_terminated.parse2(attribute)?;
    if list.is_empty() {
        return Err(Error::new(
            Span::call_site(),
            "which methods? Such as #[handle(GET, POST)]",
        ));
    }
    let mut seen = Vec::new();
    for method in list {
        let known = METHODS.iter().any(|name| method == name);
        if !known {
            let message = format!("no method `{method}`: there are {}", METHODS.join(", "));
            return Err(Error::new(method.span(), message));
        }
        if seen.contains(&method) {
            return Err(Error::new(
                method.span(),
                format!("{method} is listed twice"),
            ));
        }
        seen.push(method);
    }
    Ok(seen)
}

/// Looks at `every = "1h"`, which may be left out. What it says the server reads from the source.
fn interval(attribute: TokenStream) -> Result<()> {
    let such = "such as #[task(every = \"1h\")]";
    let list = Punctuated::<MetaNameValue, Token![,]>::parse_terminated.parse2(attribute)?;
    for (at, setting) in list.iter().enumerate() {
        let wrong = |why: &str| Err(Error::new_spanned(setting, format!("{why}, {such}")));
        let is_text = |lit: &Lit| matches!(lit, Lit::Str(text) if !text.value().trim().is_empty());
        match &setting.value {
            _ if !setting.path.is_ident("every") => return wrong("a task has `every` only"),
            _ if at > 0 => return wrong("`every` is set twice"),
            Expr::Lit(value) if is_text(&value.lit) => {}
            _ => return wrong("`every` is a duration"),
        }
    }
    Ok(())
}

/// The function, if it has the shape that its attribute asks for. Names of types are not looked at:
/// they may have been imported under others, and the compiler checks them.
fn function(name: &str, kind: Kind, item: TokenStream) -> Result<ItemFn> {
    let wrong = |span: Span, why: &str| {
        Error::new(
            span,
            format!(
                "{why}; #[{name}] is for a function such as `{}`",
                kind.shape()
            ),
        )
    };
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        wrong(
            item.span(),
            &format!("#[{name}] stands on what is no function"),
        )
    })?;
    let sig = &function.sig;
    if let Some(token) = &sig.asyncness {
        return Err(wrong(
            token.span(),
            "handlers are not async: they may block",
        ));
    }
    if !sig.generics.params.is_empty() || sig.generics.where_clause.is_some() {
        return Err(wrong(sig.generics.span(), "it cannot be generic"));
    }
    let given = sig.inputs.len();
    let fits = match kind {
        Kind::Handler | Kind::Guard | Kind::Before => given == 1,
        Kind::After | Kind::ErrorPage | Kind::Task => given == 2,
        Kind::Export => given >= 1,
    };
    if !fits {
        let span = if given == 0 {
            sig.paren_token.span.join()
        } else {
            sig.inputs.span()
        };
        return Err(wrong(span, &format!("it has {}", count(given))));
    }
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        return Err(wrong(receiver.span(), "it cannot be a method"));
    }
    if matches!(sig.output, ReturnType::Default) {
        return Err(wrong(sig.ident.span(), "it returns nothing"));
    }
    Ok(function)
}

/// The arguments that the shape asks for need not be used.
fn may_be_unused(kind: Kind, function: &mut ItemFn) {
    let asked_for = match kind {
        Kind::After | Kind::ErrorPage | Kind::Task => 2,
        _ => 1,
    };
    for input in function.sig.inputs.iter_mut().take(asked_for) {
        if let FnArg::Typed(typed) = input {
            typed
                .attrs
                .push(parse_quote! { #[allow(unused_variables)] });
        }
    }
}

fn count(arguments: usize) -> String {
    match arguments {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    }
}

/// A closure that reads the arguments and calls the function.
fn export(function: &ItemFn) -> Result<TokenStream> {
    let ident = &function.sig.ident;
    let arguments: Vec<&PatType> = function
        .sig
        .inputs
        .iter()
        .skip(1)
        .filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
        .collect();
    if let Some(ninth) = arguments.get(ARGUMENTS_MAX) {
        let message =
            format!("an export takes {ARGUMENTS_MAX} arguments besides the request at most");
        return Err(Error::new(ninth.span(), message));
    }
    let signature = signature(ident, &arguments);
    if arguments.is_empty() {
        return Ok(quote! {
            |req, bytes| {
                ::harmonious::__private::no_arguments(bytes, #signature)?;
                #ident(req)
            }
        });
    }
    let types = arguments.iter().map(|argument| {
        let ty = &*argument.ty;
        // So that "cannot be deserialized" is said of the type.
        quote_spanned! { ty.span() => #ty }
    });
    let names: Vec<Ident> = (0..arguments.len())
        .map(|n| format_ident!("argument{n}"))
        .collect();
    Ok(quote! {
        |req, bytes| {
            let (#(#names,)*): (#(#types,)*) = ::harmonious::__private::arguments(bytes, #signature)?;
            #ident(req, #(#names),*)
        }
    })
}

/// `title(name: String, n: u32)`, for messages.
fn signature(ident: &Ident, arguments: &[&PatType]) -> String {
    let list: Vec<String> = arguments
        .iter()
        .map(|argument| match &*argument.pat {
            Pat::Ident(pat) => format!("{}: {}", pat.ident, type_text(&argument.ty)),
            _ => type_text(&argument.ty),
        })
        .collect();
    format!("{ident}({})", list.join(", "))
}

fn type_text(ty: &Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
}

/// An item that can be there only once, so that the compiler refuses a second handler of a method, and
/// shows both.
fn only_one_handler(method: &Ident, span: Span) -> TokenStream {
    let name = Ident::new(&format!("only_one_handler_of_{method}_in_a_file"), span);
    quote! {
        #[doc(hidden)]
        #[allow(dead_code, non_camel_case_types)]
        enum #name {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, kind: Kind, attribute: TokenStream, item: TokenStream, message: &str) {
        let error = entry(name, kind, attribute, item).map(|tokens| tokens.to_string());
        assert_eq!(error.unwrap_err().to_string(), message);
    }

    #[test]
    fn a_function_gets_an_entry_with_its_name_and_methods() {
        let item = quote! { fn r#type(req: &Request) -> Result<Response> { todo() } };
        let written = entry("handle", Kind::Handler, quote!(GET, POST), item)
            .unwrap()
            .to_string();
        assert!(written.contains("kind :: HANDLER"), "{written}");
        assert!(written.contains("method :: GET | :: harmonious :: __private :: method :: POST"));
        assert!(written.contains("\"type\" , call"), "{written}");
    }

    #[test]
    fn what_is_no_function_is_refused() {
        check(
            "get",
            Kind::Handler,
            quote!(),
            quote! { struct Page; },
            "#[get] stands on what is no function; #[get] is for a function such as \
             `fn name(req: &Request) -> Result<Response>`",
        );
    }

    #[test]
    fn wrong_numbers_of_arguments_are_counted() {
        let such = "#[after] is for a function such as \
                    `fn name(req: &Request, response: &mut Response) -> Result<()>`";
        for (item, count) in [
            (
                quote! { fn stamp() -> Result<()> { Ok(()) } },
                "no argument",
            ),
            (
                quote! { fn stamp(req: &Request) -> Result<()> { Ok(()) } },
                "one argument",
            ),
            (
                quote! { fn stamp(a: A, b: B, c: C) -> Result<()> { Ok(()) } },
                "3 arguments",
            ),
        ] {
            check(
                "after",
                Kind::After,
                quote!(),
                item,
                &format!("it has {count}; {such}"),
            );
        }
    }

    #[test]
    fn async_generic_and_silent_functions_are_refused() {
        let such = "#[guard] is for a function such as `fn name(req: &Request) -> Result<()>`";
        for (item, why) in [
            (
                quote! { async fn g(req: &Request) -> Result<()> {} },
                "handlers are not async: they may block",
            ),
            (
                quote! { fn g<T>(req: &Request) -> Result<()> {} },
                "it cannot be generic",
            ),
            (quote! { fn g(req: &Request) {} }, "it returns nothing"),
            (
                quote! { fn g(&self) -> Result<()> {} },
                "it cannot be a method",
            ),
        ] {
            check(
                "guard",
                Kind::Guard,
                quote!(),
                item,
                &format!("{why}; {such}"),
            );
        }
    }

    #[test]
    fn methods_are_known_and_listed_once() {
        let item = quote! { fn both(req: &Request) -> Result<Response> {} };
        let cases = [
            (quote!(), "which methods? Such as #[handle(GET, POST)]"),
            (
                quote!(GET, get),
                "no method `get`: there are GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            ),
            (quote!(GET, GET), "GET is listed twice"),
        ];
        for (attribute, message) in cases {
            check("handle", Kind::Handler, attribute, item.clone(), message);
        }
        check(
            "get",
            Kind::Handler,
            quote!(POST),
            item,
            "#[get] takes nothing in parentheses",
        );
    }

    #[test]
    fn a_task_has_an_interval_or_none() {
        let item = quote! { fn import(req: &Request, args: &[String]) -> Result<()> {} };
        for attribute in [quote!(), quote!(every = "1h"), quote!(every = "1h",)] {
            let written = entry("task", Kind::Task, attribute, item.clone()).unwrap();
            assert!(written.to_string().contains("kind :: TASK"), "{written}");
        }
        let cases = [
            (quote!(evry = "1h"), "a task has `every` only"),
            (quote!(every = 60), "`every` is a duration"),
            (quote!(every = ""), "`every` is a duration"),
            (quote!(every = "1h", every = "2h"), "`every` is set twice"),
        ];
        for (attribute, why) in cases {
            let message = format!("{why}, such as #[task(every = \"1h\")]");
            check("task", Kind::Task, attribute, item.clone(), &message);
        }
        check(
            "task",
            Kind::Task,
            quote!(),
            quote! { fn import(req: &Request) -> Result<()> {} },
            "it has one argument; #[task] is for a function such as \
             `fn name(req: &Request, args: &[String]) -> Result<()>`",
        );
    }

    #[test]
    fn an_export_tells_its_signature_and_takes_eight_arguments() {
        let item = quote! { fn title(req: &Request, name: String, n: Vec<u32>) -> Result<u8> {} };
        let written = entry("export", Kind::Export, quote!(), item)
            .unwrap()
            .to_string();
        assert!(
            written.contains("\"title(name: String, n: Vec<u32>)\""),
            "{written}"
        );
        let item = quote! {
            fn many(r: &Request, a: A, b: A, c: A, d: A, e: A, f: A, g: A, h: A, i: A) -> Result<u8> {}
        };
        let message = "an export takes 8 arguments besides the request at most";
        check("export", Kind::Export, quote!(), item, message);
    }

    #[test]
    fn a_mistake_leaves_the_item_as_it_was() {
        let item = quote! { struct Page; };
        let written = expand("get", Kind::Handler, quote!(), item).to_string();
        assert!(
            written.contains("compile_error") && written.ends_with("struct Page ;"),
            "{written}"
        );
    }
}
