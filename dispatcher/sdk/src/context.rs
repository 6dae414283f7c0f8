//! [`Context`] and the macro that makes one: the values that a template gets.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The values that a template gets, by name; made by [`context!`](crate::context).
///
/// ```
/// use harmonious::prelude::*;
///
/// let mut context = context! { title => "Scripts" };
/// context.insert("count", &7);
/// assert_eq!(serde_json::to_value(&context).unwrap(), serde_json::json!({"title": "Scripts", "count": 7}));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    values: Map<String, Value>,
    /// Why a value could not be taken; told by whoever uses the context.
    fault: Option<String>,
}

impl Context {
    /// Without values.
    ///
    /// ```
    /// let context = harmonious::Context::new();
    /// assert_eq!(context.get("title"), None);
    /// ```
    #[must_use]
    pub fn new() -> Context {
        Context::default()
    }

    /// One more value, in place of the one of that name. One that cannot be a value of a template, such
    /// as a map whose keys are no texts, makes `render` fail.
    ///
    /// ```
    /// let mut context = harmonious::Context::new();
    /// context.insert("names", &["ann", "bob"]).insert("count", &2);
    /// ```
    pub fn insert<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Context {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.values.insert(name.to_owned(), value);
            }
            Err(error) => {
                self.fault
                    .get_or_insert(format!("`{name}` cannot be given to a template: {error}"));
            }
        }
        self
    }

    /// A value.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// assert_eq!(context! { n => 1 }.get("n"), Some(&Value::from(1)));
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.fault {
            Some(fault) => Err(S::Error::custom(fault)),
            None => self.values.serialize(serializer),
        }
    }
}

/// The values that a template gets: `name => value`, or just the name of a variable. Values are
/// borrowed; anything that serde can write will do.
///
/// ```
/// use harmonious::prelude::*;
///
/// let slug = "chess";
/// let context = context! { slug, title => format!("The script {slug}"), stars => 5 };
/// assert_eq!(context.get("title"), Some(&Value::from("The script chess")));
/// ```
#[macro_export]
macro_rules! context {
    (@put $context:ident) => {};
    (@put $context:ident $name:ident => $value:expr $(, $($rest:tt)*)?) => {
        $context.insert(::core::stringify!($name), &$value);
        $($crate::context!(@put $context $($rest)*);)?
    };
    (@put $context:ident $name:ident $(, $($rest:tt)*)?) => {
        $context.insert(::core::stringify!($name), &$name);
        $($crate::context!(@put $context $($rest)*);)?
    };
    () => { $crate::Context::new() };
    ($($all:tt)+) => {{
        let mut context = $crate::Context::new();
        $crate::context!(@put context $($all)+);
        context
    }};
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    #[test]
    fn a_value_that_is_none_for_templates_is_told_when_it_is_used() {
        let bad = HashMap::from([((1, 2), 3)]);
        let context = context! { fine => 1, bad };
        let error = serde_json::to_string(&context).unwrap_err().to_string();
        assert!(
            error.contains("`bad` cannot be given to a template"),
            "{error}"
        );
    }

    #[test]
    fn names_and_pairs_may_be_mixed_and_end_in_a_comma() {
        let (a, b) = (1, "x");
        let context = context! { a, c => a + 1, b, };
        assert_eq!(
            serde_json::to_string(&context).unwrap(),
            r#"{"a":1,"b":"x","c":2}"#
        );
        assert_eq!(serde_json::to_string(&context! {}).unwrap(), "{}");
    }
}
