//! A key as a slot keeps it: in place where it is short, which most are.
//!
//! Numbers: 24 bytes; keys of up to 22 bytes take nothing beside them.

/// Longest key that needs no allocation of its own.
const IN_PLACE: usize = 22;

pub(super) enum SlotKey {
    Short { length: u8, bytes: [u8; IN_PLACE] },
    Long(Box<[u8]>),
}

impl SlotKey {
    pub(super) fn new(key: &[u8]) -> Self {
        let mut bytes = [0; IN_PLACE];
        match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(key);
                Self::Short { length, bytes }
            }
            _ => Self::Long(key.into()),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }

    /// Bytes beside the slot.
    pub(super) fn beside(&self) -> usize {
        match self {
            Self::Short { .. } => 0,
            Self::Long(bytes) => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_length_are_kept_and_a_short_one_takes_24_bytes() {
        for length in 0..300_usize {
            let key: Vec<u8> = (0..length).map(|i| i as u8).collect();
            assert_eq!(SlotKey::new(&key).bytes(), key);
        }
        assert_eq!(size_of::<SlotKey>(), 24);
        assert_eq!((SlotKey::new(&[1; IN_PLACE]).beside(), SlotKey::new(&[1; IN_PLACE + 1]).beside()), (0, 23));
    }
}
