//! Real sockets on loopback: sound servers of both versions, and all kinds of strange ones.

mod certificates;
mod clients;
mod old;
mod strange;
mod world;
