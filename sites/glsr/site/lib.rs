//! The script repository: what the modules below `domains/` share. A module takes a request apart, calls one
//! or two functions here and renders; rules are in `rules.rs`, SQL is in `store/` alone.

pub mod captcha;
pub mod checks;
pub mod flow;
pub mod forms;
pub mod model;
pub mod pages;
pub mod rules;
pub mod sign;
pub mod soon;
pub mod start;
pub mod store;
pub mod view;
pub mod who;
