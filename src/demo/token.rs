//! Ids that look like those of the real services: new for each answer, and secret from nobody.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;

/// 64 bits that did not occur before in this process.
pub(super) fn bits() -> u64 {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut hasher = SEED.build_hasher();
    hasher.write_u64(COUNT.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

/// `x-amzn-requestid`: a UUID.
pub(super) fn uuid() -> String {
    let (a, b) = (bits(), bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// `apigw-requestid`, `x-amz-apigw-id`: eleven octets in base64, which ends with `=`.
pub(super) fn short() -> String {
    let octets = [&bits().to_be_bytes()[..], &bits().to_be_bytes()[..3]].concat();
    base64::engine::general_purpose::STANDARD.encode(octets)
}
