//! The description of the API, and whether answers are as it says: as much of JSON Schema as it uses. A word of a
//! schema that is not known here fails, so that nothing is described in vain.

use serde_json::{Map, Value};

/// The parsed `openapi.json`.
#[derive(Debug)]
pub struct Document(pub Value);

impl Document {
    /// Each operation: method in capitals, path, and what is said about it.
    pub fn operations(&self) -> Vec<(String, String, &Value)> {
        const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
        let mut found = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                match method.as_str() {
                    "parameters" => {}
                    known if METHODS.contains(&known) => {
                        found.push((method.to_uppercase(), path.clone(), operation));
                    }
                    other => panic!("{path}: {other}"),
                }
            }
        }
        found
    }

    /// The operation of that method and path.
    #[track_caller]
    pub fn operation(&self, method: &str, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation
    }

    /// What stands where a `$ref` leads.
    #[track_caller]
    pub fn resolved<'v>(&'v self, value: &'v Value) -> &'v Value {
        let Some(reference) = value.get("$ref") else {
            return value;
        };
        let place = reference.as_str().unwrap().strip_prefix('#').unwrap();
        let found = self.0.pointer(place);
        found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// What is wrong with a value, by the schema; the place of it first. Empty: nothing.
    pub fn wrong(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check(schema, value, "$", &mut wrong);
        wrong
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
        let schema = self.resolved(schema).as_object().expect("a schema");
        for (word, is) in schema {
            if let Some(what) = refusal(schema, word, is, value) {
                wrong.push(format!("{at}: {what}"));
            }
        }
        if let (Some(properties), Some(object)) = (schema.get("properties"), value.as_object()) {
            for (name, one) in object {
                if let Some(schema) = properties.get(name) {
                    self.check(schema, one, &format!("{at}.{name}"), wrong);
                }
            }
        }
        if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array()) {
            for (n, item) in items.iter().enumerate() {
                self.check(schema, item, &format!("{at}[{n}]"), wrong);
            }
        }
        if let Some(ways) = schema.get("oneOf") {
            let ways = ways.as_array().unwrap().iter();
            let all: Vec<Vec<String>> = ways.map(|way| self.wrong(way, value)).collect();
            if all.iter().filter(|wrong| wrong.is_empty()).count() != 1 {
                wrong.push(format!("{at}: not one of the ways: {all:?}"));
            }
        }
    }
}

/// What one word of a schema has against a value itself.
fn refusal(schema: &Map<String, Value>, word: &str, is: &Value, value: &Value) -> Option<String> {
    let (text, number) = (value.as_str(), value.as_i64());
    let fits = match word {
        "description" | "default" | "format" | "properties" | "items" | "oneOf" => true,
        "type" => match is {
            Value::Array(all) => all.iter().any(|one| is_of(value, one)),
            one => is_of(value, one),
        },
        "enum" => is.as_array().unwrap().contains(value),
        "minimum" => number.is_none_or(|number| number >= is.as_i64().unwrap()),
        "maxLength" => text.is_none_or(|text| text.chars().count() as u64 <= is.as_u64().unwrap()),
        "maxItems" => {
            let items = value.as_array();
            items.is_none_or(|items| items.len() as u64 <= is.as_u64().unwrap())
        }
        "pattern" => {
            assert_eq!(is, "^[0-9a-f]{64}$", "the only one there is");
            let digit = |b: u8| b"0123456789abcdef".contains(&b);
            text.is_none_or(|text| text.len() == 64 && text.bytes().all(digit))
        }
        "required" => {
            let names = is.as_array().unwrap().iter();
            let mut names = names.map(|name| name.as_str().unwrap());
            let missing = names.find(|name| value.is_object() && value.get(name).is_none());
            return missing.map(|name| format!("{name} is missing"));
        }
        "additionalProperties" => {
            assert_eq!(is, &Value::Bool(false));
            let known = schema["properties"].as_object().unwrap();
            let mut names = value.as_object().into_iter().flat_map(Map::keys);
            let other = names.find(|name| !known.contains_key(*name));
            return other.map(|name| format!("{name} is not described"));
        }
        other => panic!("this test does not know \"{other}\""),
    };
    (!fits).then(|| format!("{value} does not fit {word} {is}"))
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told() {
        let document = Document(json!({ "components": { "schemas": { "One": {
            "type": "object", "additionalProperties": false, "required": ["a"],
            "properties": { "a": { "type": ["integer", "null"], "minimum": 1 }, "b": { "type": "array",
                "items": { "type": "string", "enum": ["x"] } } },
        } } } }));
        let schema = json!({ "$ref": "#/components/schemas/One" });
        let wrong = |value: Value| document.wrong(&schema, &value);
        assert!(wrong(json!({ "a": null, "b": ["x"] })).is_empty());
        assert_eq!(wrong(json!({ "b": [] })), ["$: a is missing"]);
        assert_eq!(wrong(json!({ "a": 0 })), ["$.a: 0 does not fit minimum 1"]);
        assert_eq!(wrong(json!({ "a": 1, "c": 2 })), ["$: c is not described"]);
        assert_eq!(
            wrong(json!({ "a": 1, "b": ["y"] })),
            ["$.b[0]: \"y\" does not fit enum [\"x\"]"]
        );
        assert_eq!(wrong(json!([])).len(), 1);
        let either = json!({ "oneOf": [schema.clone(), { "type": "null" }] });
        assert!(document.wrong(&either, &json!(null)).is_empty());
        assert_eq!(document.wrong(&either, &json!(7)).len(), 1);
    }
}
