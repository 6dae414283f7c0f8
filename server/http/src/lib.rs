//! The HTTP front. What follows is the crate's `README.md`.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod config;
mod error;
mod handler;
mod request;
mod response;

mod listen;
mod server;

mod accept;
mod seat;

mod front;

pub mod codec;
mod connection;

mod jobs;

mod compress;
mod events;
mod service;
mod static_files;
mod stats;
mod stream;
mod upgrade;

pub use bytes::Bytes;
pub use config::Limits;
pub use error::Error;
pub use events::{Event, Hub, Subscription};
pub use front::Front;
pub use handler::{Handler, Plan, Record};
pub use http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
pub use listen::Listen;
pub use request::{Head, Peer, Request, RequestBody, RequestId};
pub use response::{Body, BodyStream, Compression, Part, Piece, Response, StreamContext};
pub use server::{Builder, Server};
pub use service::{Conversation, DatagramService, Next, Place, StreamService};
pub use static_files::{StaticConfig, StaticFiles, TryAnswer, answer_file, conditional, file_tag};
pub use stats::FrontStats;
pub use stream::Stream;
pub use upgrade::Upgraded;
