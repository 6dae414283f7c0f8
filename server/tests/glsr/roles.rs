//! Who may ask for which page: all of them.
