//! Prometheus' text format 0.0.4: families with their help and kind, samples with their labels.

use std::fmt::{Display, Write};

/// A page in the making. Names are given without the prefix, those of counters without `_total`.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    /// The document.
    pub fn into_text(self) -> String {
        self.text
    }

    /// A family of one sample that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A family of one sample that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        let name = format!("{name}_total");
        self.family(&name, "counter", help);
        self.sample(&name, &[], value);
    }

    /// The head of a family; its samples follow. Here a counter's name has its `_total`.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP harmonious_{name} {help}.");
        let _ = writeln!(self.text, "# TYPE harmonious_{name} {kind}");
    }

    /// A sample of the family before it.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "harmonious_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            let text = text.replace('\n', "\\n");
            let _ = write!(self.text, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.sample("x", &[("a", "b\"\\\n"), ("c", "d")], 1);
        assert_eq!(page.text, "harmonious_x{a=\"b\\\"\\\\\\n\",c=\"d\"} 1\n");
    }
}
