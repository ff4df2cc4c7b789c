//! `Notification` and `DeliveryAttempt`.

use super::alert::{read_alert, read_revision, write_alert, write_uuid};
use super::frame;
use super::schema::{DELIVERY_ATTEMPT, NOTIFICATION};
use super::wire::{Reader, Writer};
use crate::DecodeError;
use crate::notification::{DeliveryAttempt, DeliveryError, DeliveryStatus, Notification, NotificationAction};

/// Appends a notification in single-object encoding.
pub fn encode_notification(notification: &Notification, out: &mut Vec<u8>) {
    frame::write_header(&NOTIFICATION, out);
    let w = &mut Writer { out };
    write_uuid(notification.attempt_id, w);
    write_uuid(notification.notification_id, w);
    // Symbol 0 of the enums here is the one of readers that do not know; the others stand in the
    // order of the variants.
    w.int(notification.action as i32 + 1);
    w.text(&notification.route);
    w.int(notification.step);
    w.int(notification.round);
    w.text(&notification.recipient);
    w.text(&notification.channel);
    w.time(notification.alerted_at);
    write_alert(&notification.alert, w);
}

pub fn decode_notification(value: &[u8]) -> Result<Notification, DecodeError> {
    let mut r = Reader::new(frame::body(&NOTIFICATION, value)?);
    let notification = Notification {
        attempt_id: r.uuid("attempt_id")?,
        notification_id: r.uuid("notification_id")?,
        action: r.known_symbol("action", NotificationAction::ALL)?,
        route: r.text("route")?.to_owned(),
        step: r.int("step")?,
        round: r.int("round")?,
        recipient: r.identifier("recipient")?.to_owned(),
        channel: r.identifier("channel")?.to_owned(),
        alerted_at: r.time("alerted_at")?,
        alert: read_alert(&mut r)?,
    };
    r.finish().map(|()| notification)
}

/// Appends the state of an attempt in single-object encoding.
pub fn encode_delivery_attempt(attempt: &DeliveryAttempt, out: &mut Vec<u8>) {
    frame::write_header(&DELIVERY_ATTEMPT, out);
    let w = &mut Writer { out };
    write_uuid(attempt.attempt_id, w);
    write_uuid(attempt.notification_id, w);
    write_uuid(attempt.alert_id, w);
    w.long(i64::from(attempt.revision));
    w.text(&attempt.route);
    w.int(attempt.step);
    w.int(attempt.round);
    w.text(&attempt.recipient);
    w.text(&attempt.channel);
    w.text(&attempt.channel_type);
    w.int(attempt.status as i32 + 1);
    w.int(attempt.tries);
    w.time(attempt.changed_at);
    w.time(attempt.planned_at);
    w.option(attempt.claimed_at, Writer::time);
    w.option(attempt.next_attempt_at, Writer::time);
    w.int(attempt.error as i32 + 1);
    w.option(attempt.http_status, Writer::int);
    w.optional_text(attempt.provider_ref.as_deref());
    w.optional_text(attempt.detail.as_deref());
}

pub fn decode_delivery_attempt(value: &[u8]) -> Result<DeliveryAttempt, DecodeError> {
    let mut r = Reader::new(frame::body(&DELIVERY_ATTEMPT, value)?);
    let attempt = DeliveryAttempt {
        attempt_id: r.uuid("attempt_id")?,
        notification_id: r.uuid("notification_id")?,
        alert_id: r.uuid("alert_id")?,
        revision: read_revision(&mut r)?,
        route: r.text("route")?.to_owned(),
        step: r.int("step")?,
        round: r.int("round")?,
        recipient: r.identifier("recipient")?.to_owned(),
        channel: r.identifier("channel")?.to_owned(),
        channel_type: r.text("channel_type")?.to_owned(),
        status: r.known_symbol("status", DeliveryStatus::ALL)?,
        tries: r.int("tries")?,
        changed_at: r.time("changed_at")?,
        planned_at: r.time("planned_at")?,
        claimed_at: r.option("claimed_at", Reader::time)?,
        next_attempt_at: r.option("next_attempt_at", Reader::time)?,
        error: r.known_symbol("error_class", DeliveryError::ALL)?,
        http_status: r.option("http_status", Reader::int)?,
        provider_ref: r.optional_owned("provider_ref")?,
        detail: r.optional_owned("detail")?,
    };
    r.finish().map(|()| attempt)
}
