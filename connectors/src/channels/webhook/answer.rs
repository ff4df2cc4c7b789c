//! What an answer of a receiver means, or the lack of one.

use schemas::Timestamp;
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use schemas::time::DAY_MS;

use super::super::detail;

/// Longest pause a receiver is granted.
const MAX_RETRY_AFTER_MS: i64 = DAY_MS;

/// An answer, as far as it was read.
#[derive(Clone, Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<&'a str>,
    /// The beginning of the body.
    pub(super) body: &'a [u8],
}

pub(super) fn outcome(answer: &Answer<'_>, sent_at: Timestamp) -> SendOutcome {
    use DeliveryError::{Gone, None as NoError, Rejected, ServerError, Throttled};
    let (verdict, error) = match answer.status {
        200..=299 => (Verdict::Delivered, NoError),
        410 => (Verdict::Gone, Gone),
        429 => (Verdict::NotDelivered, Throttled),
        503 if answer.retry_after.is_some() => (Verdict::NotDelivered, Throttled),
        // The receiver was too slow, not the message wrong.
        408 => (Verdict::NotDelivered, DeliveryError::Timeout),
        500..=599 => (Verdict::NotDelivered, ServerError),
        // Redirects are not followed: the signature is for the configured receiver alone.
        _ => (Verdict::Refused, Rejected),
    };
    let asks = matches!(verdict, Verdict::NotDelivered).then(|| answer.retry_after.and_then(|v| pause(v, sent_at)));
    let said = detail(&String::from_utf8_lossy(answer.body));
    SendOutcome {
        verdict,
        error,
        http_status: Some(answer.status),
        retry_after_ms: asks.flatten(),
        provider_ref: None,
        detail: Some(said).filter(|said| !said.is_empty() && verdict != Verdict::Delivered),
    }
}

/// Milliseconds of a `Retry-After`: seconds, or a date.
fn pause(value: &str, sent_at: Timestamp) -> Option<i64> {
    let value = value.trim();
    let ms = match value.parse::<u32>() {
        Ok(seconds) => i64::from(seconds) * 1000,
        Err(_) => Timestamp::parse_http(value).ok()?.since(sent_at),
    };
    Some(ms.clamp(0, MAX_RETRY_AFTER_MS))
}

pub(super) fn failure(error: &reqwest::Error) -> SendOutcome {
    let (verdict, class) = if error.is_connect() {
        (Verdict::NotDelivered, DeliveryError::Connect)
    } else if error.is_timeout() {
        (Verdict::Unsure, DeliveryError::Timeout)
    } else if error.is_builder() {
        (Verdict::Refused, DeliveryError::Internal)
    } else {
        (Verdict::Unsure, DeliveryError::Interrupted)
    };
    SendOutcome::failed(verdict, class, detail(&reasons(error)))
}

/// An error and what caused it. The caller has taken the address out: it may hold a secret.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_326_840_000);

    fn of(status: u16, retry_after: Option<&str>) -> SendOutcome {
        outcome(&Answer { status, retry_after, body: b"busy\r\n" }, NOW)
    }

    #[test]
    fn every_status_has_its_meaning() {
        use DeliveryError as E;
        for (status, verdict, error) in [
            (200, Verdict::Delivered, E::None),
            (204, Verdict::Delivered, E::None),
            (301, Verdict::Refused, E::Rejected),
            (400, Verdict::Refused, E::Rejected),
            (404, Verdict::Refused, E::Rejected),
            (408, Verdict::NotDelivered, E::Timeout),
            (410, Verdict::Gone, E::Gone),
            (429, Verdict::NotDelivered, E::Throttled),
            (500, Verdict::NotDelivered, E::ServerError),
            (503, Verdict::NotDelivered, E::ServerError),
        ] {
            let outcome = of(status, None);
            assert_eq!((outcome.verdict, outcome.error, outcome.http_status), (verdict, error, Some(status)));
            let said = if verdict == Verdict::Delivered { None } else { Some("busy".to_owned()) };
            assert_eq!(outcome.detail, said);
        }
        assert_eq!(of(503, Some("1")).error, E::Throttled);
    }

    #[test]
    fn a_pause_is_in_seconds_or_until_a_date() {
        assert_eq!(NOW.to_string(), "2026-11-22T05:54:00Z");
        for (value, ms) in [
            ("120", Some(120_000)),
            ("0", Some(0)),
            ("Sun, 22 Nov 2026 05:55:30 GMT", Some(90_000)),
            ("Sun, 22 Nov 2026 05:53:00 GMT", Some(0)),
            ("999999999", Some(MAX_RETRY_AFTER_MS)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(of(429, Some(value)).retry_after_ms, ms, "{value}");
        }
        assert_eq!(of(200, Some("120")).retry_after_ms, None);
    }
}
