//! Methods: as the contract has them, and as `Allow` names them.

use harmonious_abi::method;
use http::{HeaderValue, Method};

/// Methods whose repetition at another URL nobody has to think about.
pub(crate) fn may_redirect(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The value of an `Allow` field (RFC 9110, section 10.2.1).
pub(super) fn allow(methods: u32) -> HeaderValue {
    let names = method::ALL.iter().filter(|(bit, _)| methods & bit != 0);
    let names: Vec<&str> = names.map(|(_, name)| *name).collect();
    // Names of methods are valid in a header.
    HeaderValue::from_str(&names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}

/// One of [`method`]; 0 for what no module can answer.
pub(super) fn method_bit(wanted: &Method) -> u32 {
    let known = method::ALL
        .iter()
        .find(|(_, name)| *name == wanted.as_str());
    known.map_or(0, |(bit, _)| *bit)
}

/// Whether it is none of the safe methods (RFC 9110, section 9.2.1).
pub(super) fn changes_something(method: &Method) -> bool {
    !method.is_safe()
}
