//! The script repository: what the modules below `domains/` share. A module takes a request apart, calls one
//! or two functions here and renders; rules are in `rules.rs`, SQL is in `store/` alone.

#![forbid(unsafe_code)]

pub mod captcha;
pub mod checking;
pub mod checks;
pub mod flow;
pub mod forms;
pub mod header;
pub mod languages;
pub mod model;
pub mod outline;
pub mod pages;
pub mod raw;
pub mod rules;
pub mod seed;
pub mod sign;
pub mod start;
pub mod store;
pub mod view;
pub mod who;
