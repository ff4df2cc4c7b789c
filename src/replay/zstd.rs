//! Reads zstd: every frame of a file, each checked against its checksum where it carries one.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Decompresses a stream of frames. A stream that ends inside a frame is an error, after what could
/// be decompressed.
pub struct ZstdReader<R> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> ZstdReader<R> {
    pub fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), in_frame: false }
    }

    /// Begins the next frame, passing by those that carry no data. False at the end of the stream.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(damaged(e)),
            }
        }
        Ok(false)
    }

    fn end_frame(&mut self) -> io::Result<()> {
        self.in_frame = false;
        let (stored, computed) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        if stored.is_some() && stored != computed {
            return Err(damaged("the checksum does not match"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.in_frame || self.begin_frame()? {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.decoder.is_finished() {
                self.end_frame()?;
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(damaged)?;
            }
        }
        Ok(0)
    }
}

fn damaged(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged or cut off zstd stream: {reason}"))
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn frames() -> Vec<u8> {
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let mut bytes = compress_to_vec(&b"a\nb"[..], CompressionLevel::Fastest);
        bytes.extend(skippable);
        bytes.extend(compress_to_vec(&vec![b'c'; 500_000][..], CompressionLevel::Fastest));
        bytes
    }

    #[test]
    fn frames_are_read_one_after_the_other() {
        let mut text = Vec::new();
        ZstdReader::new(&frames()[..]).read_to_end(&mut text).unwrap();
        assert_eq!(text.len(), 500_003);
        assert!(text.starts_with(b"a\nbccc"));
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_an_error() {
        let bytes = frames();
        let mut text = Vec::new();
        let error = ZstdReader::new(&bytes[..bytes.len() - 5]).read_to_end(&mut text).unwrap_err();
        assert!(error.to_string().contains("cut off"), "{error}");
        assert!(text.starts_with(b"a\nb"), "what came before is there");
    }
}
