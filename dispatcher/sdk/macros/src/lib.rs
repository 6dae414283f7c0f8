//! The attributes of the crate `harmonious`, which documents them; nothing here is used directly.
//!
//! Each attribute leaves the function as it is and puts an entry for it beside it, which the linker
//! gathers into the table that the server reads.

#![forbid(unsafe_code)]

mod entry;
mod module;

use proc_macro::TokenStream;

/// Defines the attributes that mark one kind of function.
macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident => $kind:expr;)*) => {
        $(
            $(#[$doc])*
            #[proc_macro_attribute]
            pub fn $name(attribute: TokenStream, item: TokenStream) -> TokenStream {
                entry::expand(stringify!($name), $kind, attribute.into(), item.into()).into()
            }
        )*
    };
}

attributes! {
    /// This function answers GET, and HEAD unless there is a `#[head]`. A file has one handler for each
    /// method at most; the compiler shows a second one.
    get => entry::Kind::Handler;
    /// This function answers POST.
    post => entry::Kind::Handler;
    /// This function answers PUT.
    put => entry::Kind::Handler;
    /// This function answers PATCH.
    patch => entry::Kind::Handler;
    /// This function answers DELETE.
    delete => entry::Kind::Handler;
    /// This function answers HEAD; without one, GET's answer is sent without its body.
    head => entry::Kind::Handler;
    /// This function answers OPTIONS; without one, the server says which methods there are.
    options => entry::Kind::Handler;
    /// This function answers several methods.
    handle => entry::Kind::Handler;
    /// This function runs before everything else of this domain and all below it; an error stops the
    /// request. Nothing below can opt out.
    guard => entry::Kind::Guard;
    /// This function runs after the guards and before the handler; it may answer in its place.
    before => entry::Kind::Before;
    /// This function runs after the handler, also when the answer is an error, and may change it.
    after => entry::Kind::After;
    /// Other modules can call this function by its name, with values that serde knows.
    export => entry::Kind::Export;
    /// This function shows an error, in files such as `_404.rs` and `_error.rs`.
    error_page => entry::Kind::ErrorPage;
    /// This function is a task: it is run from the command line, at the start or at intervals.
    task => entry::Kind::Task;
}

/// What holds for the whole file: which parents it inherits from, and its limits.
#[proc_macro]
pub fn module(input: TokenStream) -> TokenStream {
    module::expand(input.into()).into()
}
