//! One HTTP request to a Connect worker, written by hand, so that this crate needs no client library.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// A worker that is validating a connector asks its database first.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Status and body. HTTP/1.0: the body ends where the connection does.
pub(super) fn request(port: u16, method: &str, path: &str, body: Option<&str>) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let body = body.unwrap_or_default();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json");
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    decode(&String::from_utf8_lossy(&answer)).context("an answer that is no HTTP")
}

fn decode(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn status_and_body_are_read() {
        assert_eq!(decode("HTTP/1.1 201 Created\r\nA: b\r\n\r\n{}"), Some((201, "{}".to_owned())));
        assert_eq!(decode("nothing"), None);
    }
}
