//! Lists: by category, language, tag and author; their orders and pages.
