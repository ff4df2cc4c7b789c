//! Notifications and delivery attempts as JSON objects, for people.

use super::alert::{write_alert_object, write_uuid};
use super::json::Object;
use crate::notification::{DeliveryAttempt, Notification};

pub(crate) fn write_notification_object(notification: &Notification, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.value("attempt_id", |out| write_uuid(out, notification.attempt_id));
    line.value("notification_id", |out| write_uuid(out, notification.notification_id));
    line.text("action", notification.action.name());
    line.text("route", &notification.route);
    line.integer("step", i64::from(notification.step));
    line.integer("round", i64::from(notification.round));
    line.text("recipient", &notification.recipient);
    line.text("channel", &notification.channel);
    line.exact_time("alerted_at", notification.alerted_at);
    line.value("alert", |out| write_alert_object(&notification.alert, out));
    line.close();
}

pub(crate) fn write_delivery_attempt_object(attempt: &DeliveryAttempt, out: &mut Vec<u8>) {
    let mut line = Object::open(out);
    line.value("attempt_id", |out| write_uuid(out, attempt.attempt_id));
    line.value("notification_id", |out| write_uuid(out, attempt.notification_id));
    line.value("alert_id", |out| write_uuid(out, attempt.alert_id));
    line.integer("revision", i64::from(attempt.revision));
    line.text("route", &attempt.route);
    line.integer("step", i64::from(attempt.step));
    line.integer("round", i64::from(attempt.round));
    line.text("recipient", &attempt.recipient);
    line.text("channel", &attempt.channel);
    line.text("channel_type", &attempt.channel_type);
    line.text("status", attempt.status.name());
    line.integer("tries", i64::from(attempt.tries));
    line.exact_time("changed_at", attempt.changed_at);
    line.exact_time("planned_at", attempt.planned_at);
    line.text_or_null("claimed_at", attempt.claimed_at.map(crate::Timestamp::exact).as_deref());
    line.text_or_null("next_attempt_at", attempt.next_attempt_at.map(crate::Timestamp::exact).as_deref());
    line.text("error_class", attempt.error.name());
    line.number_or_null("http_status", attempt.http_status.map(f64::from));
    line.text_or_null("provider_ref", attempt.provider_ref.as_deref());
    line.text_or_null("detail", attempt.detail.as_deref());
    line.close();
}
