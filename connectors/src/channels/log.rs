//! The `log` channel: a notification becomes a line of the program's own log.
//!
//! For trying routes out, and for places whose log collector does the rest. The line carries the
//! attempt's id: a second one is recognised by it.

use std::sync::Arc;

use schemas::notification::SendOutcome;
use serde::Deserialize;

use super::registry::{self, ChannelType, Settings};
use super::{Channel, ChannelError, Outgoing, Sending};

pub const TYPE: ChannelType = ChannelType {
    name: "log",
    summary: "A line of the program's own log, with the alert as JSON",
    build,
    example: "[[notify.channels]]\nname = \"log\"\ntype = \"log\"\n",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogSettings {}

struct LogChannel;

fn build(settings: &Settings) -> Result<Arc<dyn Channel>, ChannelError> {
    let LogSettings {} = registry::read(settings)?;
    Ok(Arc::new(LogChannel))
}

impl Channel for LogChannel {
    fn kind(&self) -> &'static str {
        TYPE.name
    }

    fn idempotent(&self) -> bool {
        true
    }

    fn fingerprint(&self) -> String {
        String::new()
    }

    fn timeout_ms(&self) -> u64 {
        1_000
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> Sending<'a> {
        let order = &outgoing.notification;
        let mut alert = Vec::new();
        schemas::canonical::write_alert(&order.alert, &mut alert);
        tracing::info!(
            target: "quartermaster::notification",
            attempt_id = %order.attempt_id,
            tries = outgoing.tries,
            channel = %order.channel,
            route = %order.route,
            severity = order.alert.severity.name(),
            alert = %String::from_utf8_lossy(&alert).trim_end(),
            "{}",
            order.alert.message.en
        );
        Box::pin(std::future::ready(SendOutcome::delivered()))
    }
}
