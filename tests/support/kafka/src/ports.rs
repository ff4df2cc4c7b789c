//! Free ports on 127.0.0.1, and the other random bits of a cluster.
//!
//! It must never take ports from the range the kernel gives to outgoing connections: a client that
//! tries to reach a stopped broker there may connect to itself and keep the port from the broker.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

const FIRST: u16 = 15_000;
const LAST: u16 = 32_000;
const ATTEMPTS: usize = 2_000;

/// Ports this process has given out; a stopped broker keeps its port.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port nobody listens on. Another process may still be quicker: the start of a cluster tries again.
pub(crate) fn free() -> Result<u16> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..ATTEMPTS {
        let port = FIRST + (random() % u64::from(LAST - FIRST)) as u16;
        if !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {FIRST} and {LAST}: stop what listens there")
}

/// The port somebody asked for.
pub(crate) fn named(port: u16) -> Result<u16> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(port),
        Err(e) => bail!("port {port} on 127.0.0.1 is not free ({e}): stop what listens there or choose another"),
    }
}

/// 16 bytes in the alphabet Kafka wants for the identifiers of clusters and directories: 22 characters.
pub(crate) fn identifier() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let character = || char::from(ALPHABET[(random() % ALPHABET.len() as u64) as usize]);
    (0..21).map(|_| character()).chain(['A']).collect()
}

/// The seeds of hash maps are the standard library's only source of randomness.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
