//! Real libraries through the boundary: what is refused, what is called, what is loaded when and how
//! often, and when it retires.

#![forbid(unsafe_code)]

#[path = "loading/bodies.rs"]
mod bodies;
#[path = "loading/boundary.rs"]
mod boundary;
#[path = "loading/fixture.rs"]
mod fixture;
#[path = "loading/generations.rs"]
mod generations;
#[path = "loading/once.rs"]
mod once;
#[path = "loading/recorder.rs"]
mod recorder;
#[path = "loading/refusals.rs"]
mod refusals;
#[path = "loading/services.rs"]
mod services;
