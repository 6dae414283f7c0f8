//! Values on their way to PostgreSQL, as text that the server reads by the type it wants; and back,
//! from the [binary formats](https://www.postgresql.org/docs/15/protocol-overview.html) of its types.

use std::error::Error as StdError;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// A value that is sent. As text it fits any type that the server reads it for: an `Int` a `smallint`
/// as well as a `numeric`, a `Text` an enum or a `uuid`.
#[derive(Debug)]
pub(crate) struct Parameter<'a>(pub &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let number = matches!(*wanted, Type::INT2 | Type::INT4 | Type::INT8);
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(it) if number => out.extend_from_slice(if *it { b"1" } else { b"0" }),
            Value::Bool(it) => out.extend_from_slice(if *it { b"true" } else { b"false" }),
            Value::Int(it) => out.extend_from_slice(it.to_string().as_bytes()),
            Value::Float(it) => out.extend_from_slice(it.to_string().as_bytes()),
            Value::Text(it) => out.extend_from_slice(it.as_bytes()),
            Value::Bytes(it) => out.extend_from_slice(it),
            Value::Timestamp(it) => out.extend_from_slice(it.to_string().as_bytes()),
            Value::Json(it) => out.extend_from_slice(it.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, wanted: &Type) -> Format {
        match (self.0, wanted) {
            (Value::Bytes(_) | Value::Text(_), &Type::BYTEA) => Format::Binary,
            _ => Format::Text,
        }
    }

    to_sql_checked!();
}

/// A value that came, or the type that has none.
pub(crate) struct Cell(Result<Value, String>);

impl Cell {
    pub fn value(self, column: &str) -> Result<Value, Error> {
        self.0.map_err(|wanted| {
            let advice = format!("the type {wanted} has no value here: cast the column to text");
            Error::type_of(column, advice)
        })
    }
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Cell, Box<dyn StdError + Sync + Send>> {
        Ok(Cell(decode(of, raw).ok_or_else(|| of.name().to_owned())))
    }

    fn from_sql_null(_: &Type) -> Result<Cell, Box<dyn StdError + Sync + Send>> {
        Ok(Cell(Ok(Value::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Microseconds from 1970 to 2000, where PostgreSQL's calendar starts.
const EPOCH: i64 = 946_684_800_000_000;
const DAY: i64 = 86_400_000_000;

fn decode(of: &Type, raw: &[u8]) -> Option<Value> {
    let text = || Some(Value::Text(String::from_utf8_lossy(raw).into_owned()));
    match of.kind() {
        Kind::Domain(inner) => return decode(inner, raw),
        Kind::Enum(_) => return text(),
        _ => {}
    }
    match *of {
        Type::BOOL => Some(Value::Bool(raw.first() == Some(&1))),
        Type::INT2 => Some(Value::Int(i16::from_be_bytes(raw.try_into().ok()?).into())),
        Type::INT4 => Some(Value::Int(i32::from_be_bytes(raw.try_into().ok()?).into())),
        Type::INT8 => Some(Value::Int(i64::from_be_bytes(raw.try_into().ok()?))),
        Type::OID => Some(Value::Int(u32::from_be_bytes(raw.try_into().ok()?).into())),
        Type::FLOAT4 => Some(Value::Float(
            f32::from_be_bytes(raw.try_into().ok()?).into(),
        )),
        Type::FLOAT8 => Some(Value::Float(f64::from_be_bytes(raw.try_into().ok()?))),
        Type::NUMERIC => numeric(raw),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::UNKNOWN => {
            text()
        }
        Type::BYTEA => Some(Value::Bytes(raw.to_vec())),
        Type::TIMESTAMPTZ | Type::TIMESTAMP => {
            let micros = i64::from_be_bytes(raw.try_into().ok()?).saturating_add(EPOCH);
            Some(Value::Timestamp(Timestamp::from_micros(micros)))
        }
        Type::DATE => {
            let days = i64::from(i32::from_be_bytes(raw.try_into().ok()?));
            let midnight = Timestamp::from_micros(days * DAY + EPOCH).to_string();
            Some(Value::Text(midnight[..10].to_owned()))
        }
        Type::TIME => {
            let micros = i64::from_be_bytes(raw.try_into().ok()?);
            let moment = Timestamp::from_micros(micros).to_string();
            Some(Value::Text(moment[11..26].to_owned()))
        }
        Type::UUID => Some(Value::Text(uuid(raw)?)),
        Type::JSON => serde_json::from_slice(raw).ok().map(Value::Json),
        // The first byte is the version of the format.
        Type::JSONB => serde_json::from_slice(raw.get(1..)?).ok().map(Value::Json),
        Type::VOID => Some(Value::Null),
        _ => None,
    }
}

fn uuid(raw: &[u8]) -> Option<String> {
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    (hex.len() == 32).then(|| {
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    })
}

/// A whole number without decimals that fits is an `Int`, anything else the nearest `Float`: as
/// `sum` and `avg` answer. Digits are in groups of four, the first of weight 10000 ^ `weight`.
fn numeric(raw: &[u8]) -> Option<Value> {
    let word = |at: usize| {
        Some(i16::from_be_bytes(
            raw.get(2 * at..2 * at + 2)?.try_into().ok()?,
        ))
    };
    let (groups, weight, sign, scale) = (word(0)?, word(1)?, word(2)? as u16, word(3)?);
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xD000 => return Some(Value::Float(f64::INFINITY)),
        0xF000 => return Some(Value::Float(f64::NEG_INFINITY)),
        _ => return Some(Value::Float(f64::NAN)),
    };
    let mut text = String::from(if negative { "-0" } else { "0" });
    let group = |place: i16| {
        let at = i32::from(weight) - i32::from(place);
        match usize::try_from(at) {
            Ok(at) if at < usize::try_from(groups).unwrap_or(0) => word(at + 4),
            _ => Some(0),
        }
    };
    for place in (0..=weight).rev() {
        text.push_str(&format!("{:04}", group(place)?));
    }
    if scale == 0
        && let Ok(whole) = text.parse()
    {
        return Some(Value::Int(whole));
    }
    text.push('.');
    for place in 1..=(scale + 3) / 4 {
        text.push_str(&format!("{:04}", group(-place)?));
    }
    text.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[i16], expected: Value) {
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert!(numeric(&raw) == Some(expected));
    }

    #[test]
    fn numerics_are_whole_numbers_or_floats() {
        check(&[0, 0, 0, 0], Value::Int(0));
        check(&[1, 0, 0x4000, 0, 42], Value::Int(-42));
        check(&[1, 1, 0, 0, 5], Value::Int(50_000));
        check(&[2, 0, 0, 2, 12, 3400], Value::Float(12.34));
        check(&[1, -1, 0, 4, 25], Value::Float(0.0025));
        check(&[1, -2, 0, 8, 25], Value::Float(0.000_000_25));
        check(&[1, 9, 0, 0, 1], Value::Float(1e36));
    }

    #[test]
    fn uuids_have_hyphens() {
        let raw: Vec<u8> = (0..16).collect();
        assert_eq!(uuid(&raw).unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(uuid(&raw[1..]), None);
    }
}
