//! The protocol as bytes: what packets look like, with no socket, no session and no waiting.

pub(super) mod auth;
pub(super) mod binary;
pub(super) mod cells;
pub(super) mod column;
pub(super) mod constants;
pub(super) mod frame;
#[cfg(test)]
mod fuzz;
pub(super) mod handshake;
pub(super) mod parameter;
pub(super) mod payload;
pub(super) mod reply;
pub(super) mod sql;
pub(super) mod text;
