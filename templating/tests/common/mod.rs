//! A site of templates in a folder that goes away, and short ways to look at it.
#![allow(dead_code)] // Each test file uses its part.

use std::fs;
use std::path::PathBuf;

use harmonious_templating::{TemplateError, TemplateFile, Templates};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// Files on disk.
pub struct Site {
    folder: TempDir,
    files: Vec<TemplateFile>,
}

impl Site {
    /// `("/scripts/index.html", "text")`, and so on.
    pub fn new(files: &[(&str, &str)]) -> Site {
        let mut site = Site {
            folder: tempfile::tempdir().unwrap(),
            files: Vec::new(),
        };
        for (full, text) in files {
            site.write(full, text);
        }
        site
    }

    /// Writes a file and lists it.
    pub fn write(&mut self, full: &str, text: &str) {
        let path = self.path(full);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let (domain, name) = full.split_at(full.rfind('/').unwrap() + 1);
        let file = TemplateFile {
            domain: domain.into(),
            name: name.into(),
            path,
        };
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }

    /// Where a file is on disk.
    pub fn path(&self, full: &str) -> PathBuf {
        self.folder.path().join(&full[1..])
    }

    /// All files.
    pub fn files(&self) -> Vec<TemplateFile> {
        self.files.clone()
    }

    /// What a server would make of it.
    pub fn templates(&self) -> Templates {
        Templates::new(self.files())
    }

    /// Renders with a new value.
    pub fn render(&self, domain: &str, name: &str, context: Value) -> String {
        self.templates()
            .render(domain, name, &map(context))
            .unwrap_or_else(|wrong| {
                panic!("{wrong}");
            })
    }

    /// Fails to render with a new value.
    pub fn fails(&self, domain: &str, name: &str, context: Value) -> TemplateError {
        self.templates()
            .render(domain, name, &map(context))
            .unwrap_err()
    }

    /// The message of a failure, with the folder left out.
    pub fn message(&self, wrong: &TemplateError) -> String {
        wrong
            .to_string()
            .replace(&format!("{}", self.folder.path().display()), "")
    }

    /// The messages of `check`, sorted.
    pub fn problems(&self) -> Vec<String> {
        let wrong = self.templates().check().err().unwrap_or_default();
        let mut messages: Vec<String> = wrong.iter().map(|wrong| self.message(wrong)).collect();
        messages.sort();
        messages
    }
}

/// A context.
pub fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("a context is an object, not {other}"),
    }
}

/// Text of which the five references are gone.
pub fn decoded(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&amp;", "&")
}
