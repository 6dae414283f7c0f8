//! The fields of a form one after the other, with what is wrong with them.

use harmonious::prelude::*;

use crate::model::Wrong;
use crate::rules::{self, Kind};

/// A form that is being read.
pub struct Fields<'f> {
    form: &'f Form,
    /// What is wrong so far.
    pub wrong: Vec<Wrong>,
}

impl<'f> Fields<'f> {
    /// Nothing of it is read yet.
    #[must_use]
    pub const fn new(form: &'f Form) -> Fields<'f> {
        let wrong = Vec::new();
        Fields { form, wrong }
    }

    /// What stands in a field, as it was sent; nothing if it was not.
    #[must_use]
    pub fn raw(&self, name: &str) -> &'f str {
        self.form.get(name).unwrap_or_default()
    }

    /// One line that may be empty.
    pub fn line(&mut self, name: &'static str, chars_max: usize) -> String {
        self.text(name, chars_max, Kind::Line)
    }

    /// Lines that may be empty.
    pub fn lines(&mut self, name: &'static str, chars_max: usize) -> String {
        self.text(name, chars_max, Kind::Lines)
    }

    /// Notes that a text is needed, if there is none.
    pub fn needed(&mut self, name: &'static str, text: String) -> String {
        if text.is_empty() {
            self.wrong.push(Wrong::new(name, "required"));
        }
        text
    }

    /// A whole number within bounds; the least one if it is none.
    pub fn number(&mut self, name: &'static str, least: i64, most: i64) -> i64 {
        match self.raw(name).trim().parse() {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                let key = if least == 0 { "number_zero" } else { "number" };
                let n = most;
                self.wrong.push(Wrong {
                    field: name,
                    key,
                    n,
                });
                least
            }
        }
    }

    fn text(&mut self, name: &'static str, chars_max: usize, kind: Kind) -> String {
        let text = rules::tidy(self.raw(name));
        self.wrong
            .extend(rules::free_text(name, &text, chars_max, kind).err());
        text
    }
}
