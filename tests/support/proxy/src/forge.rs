//! Answers that no broker gave: an error code in the layout that the client expects. Layouts are those
//! of Kafka's message definitions (`clients/src/main/resources/common/message`).

use crate::api;
use crate::frame::Head;

/// An answer with this error to a request; `None` where the layout is not known.
pub(crate) fn answer(head: Head, code: i16) -> Option<Vec<u8>> {
    let flexible_from = match head.api {
        api::HEARTBEAT => 4,
        api::END_TXN | api::ADD_OFFSETS_TO_TXN => 3,
        api::INIT_PRODUCER_ID => 2,
        _ => return None,
    };
    let flexible = head.version >= flexible_from;
    let mut out = head.correlation.to_be_bytes().to_vec();
    out.extend(flexible.then_some(0));
    if head.api != api::HEARTBEAT || head.version > 0 {
        // How long the client is throttled.
        out.extend(0_i32.to_be_bytes());
    }
    out.extend(code.to_be_bytes());
    if head.api == api::INIT_PRODUCER_ID || head.api == api::END_TXN && head.version >= 5 {
        out.extend((-1_i64).to_be_bytes());
        out.extend((-1_i16).to_be_bytes());
    }
    out.extend(flexible.then_some(0));
    Some(out)
}

/// A broker's answer with this error instead of what it said; `None` where the layout is not known.
pub(crate) fn with_error(head: Head, real: &[u8], code: i16) -> Option<Vec<u8>> {
    if head.api == api::TXN_OFFSET_COMMIT { offsets_refused(head, real, code) } else { answer(head, code) }
}

/// Every partition of an answer to `TxnOffsetCommit` with this error.
fn offsets_refused(head: Head, real: &[u8], code: i16) -> Option<Vec<u8>> {
    let flexible = head.version >= 3;
    let mut out = real.to_vec();
    // Correlation id, tags of the header, throttle time.
    let mut at = 4 + usize::from(flexible) + 4;
    for _ in 0..count(real, &mut at, flexible)? {
        let name = if flexible { varint(real, &mut at)?.checked_sub(1)? } else { number::<2>(real, &mut at)? };
        at += name;
        for _ in 0..count(real, &mut at, flexible)? {
            at += 4;
            out.get_mut(at..at + 2)?.copy_from_slice(&code.to_be_bytes());
            at += 2;
            no_tags(real, &mut at, flexible)?;
        }
        no_tags(real, &mut at, flexible)?;
    }
    Some(out)
}

fn count(bytes: &[u8], at: &mut usize, flexible: bool) -> Option<usize> {
    if flexible { varint(bytes, at)?.checked_sub(1) } else { number::<4>(bytes, at) }
}

fn number<const N: usize>(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let digits = bytes.get(*at..*at + N)?;
    *at += N;
    Some(digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit)))
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Tagged fields have never been given to these answers.
fn no_tags(bytes: &[u8], at: &mut usize, flexible: bool) -> Option<()> {
    if flexible && varint(bytes, at)? != 0 { None } else { Some(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(api: i16, version: i16) -> Head {
        Head { api, version, correlation: 7 }
    }

    #[test]
    fn simple_answers_carry_the_error_where_it_belongs() {
        assert_eq!(answer(head(api::END_TXN, 1), 51).unwrap(), [0, 0, 0, 7, 0, 0, 0, 0, 0, 51]);
        assert_eq!(answer(head(api::END_TXN, 3), 51).unwrap(), [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 51, 0]);
        assert_eq!(answer(head(api::HEARTBEAT, 0), 25).unwrap(), [0, 0, 0, 7, 0, 25]);
        assert_eq!(answer(head(api::FETCH, 4), 1), None);
    }

    #[test]
    fn every_partition_of_an_offset_commit_is_refused() {
        let old = [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
        let refused = with_error(head(api::TXN_OFFSET_COMMIT, 2), &old, 22).unwrap();
        assert_eq!(refused[19..], [0, 0, 0, 0, 0, 22, 0, 0, 0, 1, 0, 22]);
        let new = [0, 0, 0, 7, 0, 0, 0, 0, 0, 2, 2, b't', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
        let refused = with_error(head(api::TXN_OFFSET_COMMIT, 3), &new, 22).unwrap();
        assert_eq!(refused[13..], [0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 1, 0, 22, 0, 0, 0]);
        assert_eq!(with_error(head(api::TXN_OFFSET_COMMIT, 3), &new[..15], 22), None, "cut short");
    }
}
