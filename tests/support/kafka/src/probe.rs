//! Asks a broker which brokers it knows: one Metadata request, written by hand, so that this crate
//! needs no client library. It must never be more of a client than that.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Length, key 3 (Metadata), version 1, correlation 1, client "probe", no topics.
const REQUEST: [u8; 23] = [0, 0, 0, 19, 0, 3, 0, 1, 0, 0, 0, 1, 0, 5, b'p', b'r', b'o', b'b', b'e', 0, 0, 0, 0];
const TIMEOUT: Duration = Duration::from_secs(1);
const MAX_RESPONSE: usize = 1 << 20;

/// The nodes that serve, as the broker at `port` sees them; none while it does not answer.
pub(crate) fn brokers(port: u16) -> Vec<i32> {
    exchange(port).ok().and_then(|response| decode(&response)).unwrap_or_default()
}

fn exchange(port: u16) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut response = vec![0; (u32::from_be_bytes(length) as usize).min(MAX_RESPONSE)];
    stream.read_exact(&mut response)?;
    Ok(response)
}

/// Correlation, then an array of brokers: node, host, port, nullable rack.
fn decode(mut rest: &[u8]) -> Option<Vec<i32>> {
    number(&mut rest)?;
    let mut nodes = Vec::new();
    for _ in 0..number(&mut rest)? {
        nodes.push(number(&mut rest)?);
        skip_string(&mut rest)?;
        number(&mut rest)?;
        skip_string(&mut rest)?;
    }
    Some(nodes)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (head, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(i32::from_be_bytes(*head))
}

/// Two bytes of length, -1 for null.
fn skip_string(rest: &mut &[u8]) -> Option<()> {
    let (head, tail) = rest.split_first_chunk::<2>()?;
    *rest = tail.get(usize::try_from(i16::from_be_bytes(*head)).unwrap_or(0)..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{REQUEST, decode};

    #[test]
    fn the_request_says_its_own_length() {
        assert_eq!(usize::from(REQUEST[3]), REQUEST.len() - 4);
    }

    #[test]
    fn the_nodes_of_a_response_are_read() {
        let mut response = vec![0, 0, 0, 1, 0, 0, 0, 2];
        response.extend([0, 0, 0, 7, 0, 1, b'h', 0, 0, 0x23, 0x84, 0xff, 0xff]);
        response.extend([0, 0, 0, 9, 0, 1, b'h', 0, 0, 0x23, 0x85, 0, 1, b'r', 0, 0, 0, 7]);
        assert_eq!(decode(&response), Some(vec![7, 9]));
        assert_eq!(decode(&response[..20]), None, "cut short");
    }
}
