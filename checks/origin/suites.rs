//! Cipher suites that Cloudflare offers to origins.

/// `facts/cloudflare.md` section 4.3: number and IANA name.
const OFFERED: &[(u16, &str)] = &[
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
];

/// Does Cloudflare offer this suite (`0xC02F`, or its IANA name) to origins? `None`: it is neither form.
pub(super) fn cloudflare_offers(cipher: &str) -> Option<bool> {
    let hex = cipher.strip_prefix("0x").or_else(|| cipher.strip_prefix("0X"));
    match hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
        Some(number) => Some(OFFERED.iter().any(|(offered, _)| *offered == number)),
        None => cipher.starts_with("TLS_").then(|| OFFERED.iter().any(|(_, name)| *name == cipher)),
    }
}
