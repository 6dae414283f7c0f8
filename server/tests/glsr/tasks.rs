//! Tasks: imports, accounts, upkeep.
