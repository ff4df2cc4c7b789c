//! Signatures of Standard Webhooks: HMAC-SHA256 (RFC 2104) over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// Lengths of a secret that the specification allows, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret, ready to sign with. Cannot be printed.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Reads `whsec_` and base64.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.strip_prefix(PREFIX).ok_or("it must begin with whsec_")?;
        let bytes = STANDARD.decode(encoded).map_err(|_| "what follows whsec_ must be base64")?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err("it must be 24 to 64 bytes long, before base64");
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| "it cannot be used as a key")
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature per key, so that a receiver that knows either of two
/// accepts it while they are exchanged. `timestamp`: seconds since the epoch.
pub(super) fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let all: Vec<String> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference libraries of Standard Webhooks.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap_or_else(|e| panic!("{e}"));
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signatures(std::slice::from_ref(&key), id, 1_614_265_330, body), expected);
        // Computed with Python's hmac module.
        let other = SigningKey::parse(&format!("whsec_{}", STANDARD.encode([7; 32]))).unwrap_or_else(|e| panic!("{e}"));
        let both = signatures(&[key, other], id, 1_614_265_330, body);
        assert_eq!(both, format!("{expected} v1,YO/ulmd+VFtlnbodv7yLOOsS6RlBZ48h++gXZrGOpZo="));
    }

    #[test]
    fn secrets_are_held_to_the_specification() {
        let refused = |text: &str| SigningKey::parse(text).err().unwrap_or_default();
        assert!(refused("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").contains("whsec_"));
        assert!(refused("whsec_not base64").contains("base64"));
        for length in [23, 65] {
            assert!(refused(&format!("whsec_{}", STANDARD.encode(vec![1; length]))).contains("24 to 64"));
        }
    }
}
