//! What librdkafka tells a client besides answers: logs, errors, statistics, rebalances and
//! deliveries that failed. It must never act on them: it keeps them for whoever calls.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use processor::ports::TopicPartition;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaRespErr;

use super::error::describe;
use super::statistics::Collector;

/// A change of ownership that librdkafka waits to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rebalance {
    Assign(Vec<TopicPartition>),
    Revoke(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

pub(super) struct Context {
    /// Who it is, for logs: `consumer processor-1`.
    name: String,
    group_member: bool,
    collector: Arc<Collector>,
    id: u64,
    /// Rebalances are answered at once: nobody polls any more.
    closing: AtomicBool,
    rebalances: Mutex<VecDeque<Rebalance>>,
    undelivered: Mutex<Option<String>>,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    /// What a broker or the way to it said last.
    reason: Option<String>,
    authentication: Option<String>,
    /// What was logged last, without its counters.
    logged: String,
}

impl Context {
    pub(super) fn new(name: impl Into<String>, group_member: bool, collector: &Arc<Collector>) -> Self {
        Self {
            name: name.into(),
            group_member,
            id: collector.register(),
            collector: Arc::clone(collector),
            closing: AtomicBool::new(false),
            rebalances: Mutex::default(),
            undelivered: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        lock(&self.rebalances).pop_front()
    }

    /// The first record of this transaction that was not delivered, and why.
    pub(super) fn undelivered(&self) -> Option<String> {
        lock(&self.undelivered).clone()
    }

    pub(super) fn forget_undelivered(&self) {
        *lock(&self.undelivered) = None;
    }

    /// `said`, and what is behind it as far as it is known.
    pub(super) fn why(&self, said: &str) -> String {
        let trouble = lock(&self.trouble);
        match trouble.authentication.as_ref().or(trouble.reason.as_ref()) {
            Some(reason) => format!("{said}; the last error was: {reason}"),
            None => said.to_owned(),
        }
    }

    /// The brokers answer again.
    pub(super) fn all_is_well(&self) {
        let mut trouble = lock(&self.trouble);
        trouble.reason = None;
        trouble.authentication = None;
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.collector.forget(self.id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let elements = list.elements();
    elements.iter().map(|element| TopicPartition::new(element.topic(), element.partition())).collect()
}

/// Without what changes from one repetition to the next: `(after 3ms in state CONNECT, 5 identical error(s) suppressed)`.
fn constant_part(message: &str) -> &str {
    message.rsplit_once(" (after ").map_or(message, |(constant, _)| constant)
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        let client = &self.name;
        let constant = constant_part(message);
        let repeated = std::mem::replace(&mut lock(&self.trouble).logged, constant.to_owned()) == constant;
        // Settings of all clients are given to each of them.
        let level = if repeated || facility == "CONFWARN" { Level::Debug } else { level };
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::error!(target: "librdkafka", client, facility, "{message}");
            }
            Level::Warning => tracing::warn!(target: "librdkafka", client, facility, "{message}"),
            Level::Notice | Level::Info => tracing::info!(target: "librdkafka", client, facility, "{message}"),
            Level::Debug => tracing::debug!(target: "librdkafka", client, facility, "{message}"),
        }
    }

    fn stats(&self, statistics: rdkafka::Statistics) {
        self.collector.update(self.id, &statistics, self.group_member);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let reason = constant_part(reason).to_owned();
        tracing::debug!(target: "librdkafka", client = self.name, %error, %reason, "error");
        let mut trouble = lock(&self.trouble);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                trouble.authentication = Some(reason);
            }
            // Says nothing that the errors before it have not said better.
            Some(RDKafkaErrorCode::AllBrokersDown) if trouble.reason.is_some() => {}
            _ => trouble.reason = Some(reason),
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, client: &BaseConsumer<Self>, kind: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assign = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            let answered = if assign { client.incremental_assign(list) } else { client.incremental_unassign(list) };
            if let Err(error) = answered {
                tracing::warn!(client = self.name, %error, "a rebalance while closing was not answered");
            }
            return;
        }
        let partitions = partitions(list);
        let rebalance = if assign {
            Rebalance::Assign(partitions)
        } else if client.assignment_lost() {
            Rebalance::Lost(partitions)
        } else {
            Rebalance::Revoke(partitions)
        };
        lock(&self.rebalances).push_back(rebalance);
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else { return };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        if matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            return; // Their transaction was aborted.
        }
        let size = message.payload_len() + message.key_len();
        let reason = undelivered(message.topic(), message.partition(), size, code);
        lock(&self.undelivered).get_or_insert(reason);
    }
}

fn undelivered(topic: &str, partition: i32, size: usize, code: RDKafkaErrorCode) -> String {
    match code {
        RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition => {
            format!(
                "topic {topic} or its partition {partition} does not exist; create it with `quartermaster topics create`"
            )
        }
        RDKafkaErrorCode::MessageSizeTooLarge => format!(
            "a record of {size} bytes is too large for {topic}-{partition}; raise the topic's max.message.bytes"
        ),
        code => format!("a record for {topic}-{partition} was not delivered: {}", describe(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authentication_failure_outlasts_what_follows_from_it() {
        let context = Context::new("test", false, &Arc::default());
        assert_eq!(context.why("timed out"), "timed out");
        context.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password (after 3ms in state AUTH)");
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(context.why("timed out"), "timed out; the last error was: wrong password");
        context.all_is_well();
        assert_eq!(context.why("timed out"), "timed out");
    }
}
