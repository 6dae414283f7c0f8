//! Administrators and editors.
