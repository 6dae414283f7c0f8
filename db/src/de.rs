//! Rows into structs of the caller, by serde.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer};
use serde::de::{VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::Error;
use crate::value::Value;

/// A row as a map from column to value; a row of one column is also that value itself, and a tuple
/// takes the columns in their order.
pub(crate) fn row<T: DeserializeOwned>(columns: &[String], values: Vec<Value>) -> Result<T, Error> {
    T::deserialize(Fields { columns, values })
        .map_err(|wrong: Wrong| Error::type_of(&columns.join(", "), wrong.0))
}

/// What serde says; without values, which its own texts would show.
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Wrong {
        Wrong(message.to_string())
    }

    fn invalid_type(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Wrong {
        Wrong(format!("wanted {expected}, found {}", kind(&found)))
    }

    fn invalid_value(
        found: serde::de::Unexpected<'_>,
        expected: &dyn serde::de::Expected,
    ) -> Wrong {
        Wrong(format!("wanted {expected}, found another {}", kind(&found)))
    }
}

fn kind(found: &serde::de::Unexpected<'_>) -> &'static str {
    use serde::de::Unexpected as U;
    match found {
        U::Bool(_) => "bool",
        U::Unsigned(_) | U::Signed(_) => "int",
        U::Float(_) => "float",
        U::Char(_) | U::Str(_) => "text",
        U::Bytes(_) => "bytes",
        U::Unit | U::Option => "null",
        _ => "something else",
    }
}

struct Fields<'a> {
    columns: &'a [String],
    values: Vec<Value>,
}

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let cells = self.values.into_iter().map(Cell);
        let names = self.columns.iter().map(String::as_str);
        visitor.visit_map(MapDeserializer::new(names.zip(cells)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Wrong> {
        if len != self.values.len() {
            return Err(Wrong(format!(
                "wanted {len} columns, found {}",
                self.values.len()
            )));
        }
        visitor.visit_seq(SeqDeserializer::new(self.values.into_iter().map(Cell)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        visitor.visit_seq(SeqDeserializer::new(self.values.into_iter().map(Cell)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.single()?.deserialize_any(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.single()?.deserialize_string(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.single()?.deserialize_bool(visitor)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf option unit
        unit_struct map struct enum identifier ignored_any
    }
}

impl Fields<'_> {
    fn single(mut self) -> Result<Cell, Wrong> {
        match (self.values.pop(), self.values.is_empty()) {
            (Some(value), true) => Ok(Cell(value)),
            _ => Err(Wrong("wanted a row of one column".to_owned())),
        }
    }
}

/// One value as serde sees it.
struct Cell(Value);

impl<'de> IntoDeserializer<'de, Wrong> for Cell {
    type Deserializer = Cell;

    fn into_deserializer(self) -> Cell {
        self
    }
}

fn json<E: fmt::Display>(error: E) -> Wrong {
    // serde_json's own text may show the value: only where it is wrong is repeated.
    let text = error.to_string();
    let place = text.rfind(" at line ").map_or("", |at| &text[at..]);
    Wrong(format!("the JSON in it has another shape{place}"))
}

impl Cell {
    /// The document in it, if it is JSON or a text.
    fn document(self) -> Result<serde_json::Value, Cell> {
        match self.0 {
            Value::Json(document) => Ok(document),
            Value::Text(text) => serde_json::from_str(&text).map_err(|_| Cell(Value::Text(text))),
            other => Err(Cell(other)),
        }
    }
}

/// Methods that read a structure out of JSON.
macro_rules! structures {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, Wrong> {
            match self.document() {
                Ok(document) => document.$method($($name,)* visitor).map_err(json),
                Err(cell) => cell.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Cell {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(it),
            Value::Int(it) => visitor.visit_i64(it),
            Value::Float(it) => visitor.visit_f64(it),
            Value::Text(it) => visitor.visit_string(it),
            Value::Bytes(it) => visitor.visit_byte_buf(it),
            Value::Timestamp(it) => visitor.visit_string(it.to_string()),
            Value::Json(it) => it.deserialize_any(visitor).map_err(json),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Cell(other)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Int(it @ 0..=1) => visitor.visit_bool(it == 1),
            other => Cell(other).deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Json(serde_json::Value::String(it)) => visitor.visit_string(it),
            Value::Json(it) => visitor.visit_string(it.to_string()),
            other => Cell(other).deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.0 {
            Value::Text(it) => visitor.visit_byte_buf(it.into_bytes()),
            other => Cell(other).deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.0 {
            // Our own `Value`, asked for as a field.
            value if name == "Value" && variants.contains(&"Timestamp") => {
                visitor.visit_enum(Same(value))
            }
            Value::Text(text) if variants.contains(&text.as_str()) => {
                visitor.visit_enum(StrDeserializer::new(&text))
            }
            other => match Cell(other).document() {
                Ok(document) => (document.deserialize_enum(name, variants, visitor)).map_err(json),
                Err(_) => Err(Wrong(format!("wanted one of {variants:?}"))),
            },
        }
    }

    structures! {
        deserialize_seq();
        deserialize_map();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes unit unit_struct identifier
        ignored_any
    }
}

/// A value as the enum that it is.
struct Same(Value);

impl<'de> EnumAccess<'de> for Same {
    type Error = Wrong;
    type Variant = Same;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Same), Wrong> {
        let name = match &self.0 {
            Value::Null => "Null",
            Value::Bool(_) => "Bool",
            Value::Int(_) => "Int",
            Value::Float(_) => "Float",
            Value::Text(_) => "Text",
            Value::Bytes(_) => "Bytes",
            Value::Timestamp(_) => "Timestamp",
            Value::Json(_) => "Json",
        };
        let name = seed.deserialize(StrDeserializer::<Wrong>::new(name))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Same {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(Cell(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        Cell(self.0).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        Cell(self.0).deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::{Timestamp, params};

    fn read<T: DeserializeOwned>(cells: &[(&str, Value)]) -> Result<T, Error> {
        let columns: Vec<String> = cells.iter().map(|(name, _)| (*name).to_owned()).collect();
        row(
            &columns,
            cells.iter().map(|(_, value)| value.clone()).collect(),
        )
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct Id(i64);

    #[derive(Deserialize, PartialEq, Debug)]
    struct Inner {
        a: Vec<u8>,
    }

    #[derive(Deserialize, PartialEq, Debug)]
    struct All {
        id: Id,
        on: bool,
        rate: f64,
        name: Option<String>,
        at: Timestamp,
        #[serde(with = "serde_bytes")]
        raw: Vec<u8>,
        colour: Colour,
        inner: Inner,
        list: Vec<String>,
        any: Value,
    }

    #[test]
    fn a_struct_takes_every_kind() {
        let [id, on, rate, at, raw, colour, inner, list] = params![
            7,
            1,
            0.5,
            Timestamp::from_micros(5),
            vec![1u8],
            "green",
            serde_json::json!({"a": [1, 2]}),
            r#"["x"]"#
        ];
        let all: All = read(&[
            ("id", id),
            ("on", on),
            ("rate", rate),
            ("name", Value::Null),
            ("at", at),
            ("raw", raw),
            ("colour", colour),
            ("inner", inner),
            ("list", list),
            ("any", Value::Timestamp(Timestamp::from_micros(9))),
            ("more", Value::Int(1)),
        ])
        .unwrap();
        assert_eq!(
            (all.id, all.on, all.rate, all.name),
            (Id(7), true, 0.5, None)
        );
        assert_eq!((all.colour, all.inner.a), (Colour::Green, vec![1, 2]));
        assert_eq!((all.raw, all.list), (vec![1], vec!["x".to_owned()]));
        assert_eq!(all.at, Timestamp::from_micros(5));
        assert!(all.any == Value::Timestamp(Timestamp::from_micros(9)));
    }

    #[test]
    fn tuples_scalars_and_maps_work_too() {
        let cells = [("a", Value::Int(1)), ("b", Value::from("x"))];
        assert_eq!(read::<(i64, String)>(&cells).unwrap(), (1, "x".to_owned()));
        assert!(read::<(i64,)>(&cells).is_err());
        assert_eq!(read::<i64>(&cells[..1]).unwrap(), 1);
        let map: BTreeMap<String, Value> = read(&cells).unwrap();
        assert!(map["b"] == Value::from("x"));
    }

    #[test]
    fn messages_hold_no_value() {
        let text = |name, value| read::<Inner>(&[(name, value)]).unwrap_err().to_string();
        for value in [Value::from("secret"), Value::from(r#"{"a": "secret"}"#)] {
            let message = text("a", value);
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(text("b", Value::Null).contains("missing field"));
    }
}
