//! The account's id and the token taken out of what the API told.

pub(super) use cfdoctor_checks::evidence::zone::hide::{compared_secrets, harmless, header_values};

pub(super) use crate::probe::api::without;
