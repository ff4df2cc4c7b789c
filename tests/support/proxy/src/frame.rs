//! Frames on the wire: four bytes of length, then that much. Of a request no more is understood than
//! its first eight bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Larger than any broker takes (`socket.request.max.bytes`).
const LARGEST: usize = 256 << 20;

/// What a request begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) api: i16,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
}

/// The head of a request, without its length.
pub(crate) fn head(request: &[u8]) -> Option<Head> {
    let (api, rest) = request.split_first_chunk::<2>()?;
    let (version, rest) = rest.split_first_chunk::<2>()?;
    let (number, _) = rest.split_first_chunk::<4>()?;
    Some(Head {
        api: i16::from_be_bytes(*api),
        version: i16::from_be_bytes(*version),
        correlation: i32::from_be_bytes(*number),
    })
}

/// The request that an answer belongs to.
pub(crate) fn correlation(answer: &[u8]) -> Option<i32> {
    answer.first_chunk::<4>().map(|number| i32::from_be_bytes(*number))
}

/// The next frame without its length; `None` at the end of the connection.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    };
    let length = u32::from_be_bytes(length) as usize;
    if length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(Some(frame))
}

pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let mut whole = Vec::with_capacity(frame.len() + 4);
    whole.extend((frame.len() as u32).to_be_bytes());
    whole.extend(frame);
    stream.write_all(&whole).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_request_is_read_and_nothing_short_of_it() {
        let request = [0, 26, 0, 1, 0, 0, 0, 9, 0, 2, b'm', b'e'];
        assert_eq!(head(&request), Some(Head { api: 26, version: 1, correlation: 9 }));
        assert_eq!(head(&request[..7]), None);
        assert_eq!(correlation(&[0, 0, 1, 0, 7]), Some(256));
    }
}
