//! What an error of librdkafka means to the caller: one place, so that no call decides by itself.

use processor::ports::{LogError, TopicPartition};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::context::Context;
use super::native::Failure;

pub(super) fn fatal(operation: &'static str, reason: impl Into<String>) -> LogError {
    LogError::Fatal { operation, reason: reason.into() }
}

pub(super) fn retriable(operation: &'static str, reason: impl Into<String>) -> LogError {
    LogError::Retriable { operation, reason: reason.into() }
}

pub(super) fn fenced(operation: &'static str, reason: impl Into<String>) -> LogError {
    LogError::Fenced { operation, reason: reason.into() }
}

pub(super) fn unknown_topic(operation: &'static str, topic: &str) -> LogError {
    fatal(operation, format!("topic {topic} does not exist; create it with `quartermaster topics create`"))
}

pub(super) fn out_of_range(operation: &'static str, at: &TopicPartition, offset: i64) -> LogError {
    let TopicPartition { topic, partition } = at;
    fatal(
        operation,
        format!(
            "offset {offset} of {topic}-{partition} is not in the log: either the topic was deleted and created again, \
             or retention deleted records that were not read yet; check the topic, then run `quartermaster state reset`"
        ),
    )
}

/// A call that is not about a transaction failed for what `about` names.
pub(super) fn of_call(operation: &'static str, about: &str, failure: &Failure, context: &Context) -> LogError {
    let Failure { code, text, .. } = failure;
    match code {
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => {
            unknown_topic(operation, about)
        }
        Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            fatal(operation, format!("not authorized for {about}: {text}; grant it by an ACL"))
        }
        code if is_passing(*code) => retriable(operation, format!("{about}: {}", context.why(text))),
        _ => fatal(operation, format!("{about}: {text}")),
    }
}

/// What a broker said of one partition instead of giving records.
pub(super) fn partition_error(
    operation: &'static str,
    at: &TopicPartition,
    offset: i64,
    code: Code,
    text: String,
    context: &Context,
) -> LogError {
    match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange => out_of_range(operation, at, offset),
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => {
            unknown_topic(operation, &at.topic)
        }
        _ => of_call(
            operation,
            &format!("{}-{} at {offset}", at.topic, at.partition),
            &Failure::new(code, text),
            context,
        ),
    }
}

/// As a [`Failure`], which `rdkafka` keeps in many kinds.
pub(super) fn failure(error: &KafkaError) -> Failure {
    let code = match error {
        KafkaError::AdminOp(code) => *code,
        _ => error.rdkafka_error_code().unwrap_or(Code::Fail),
    };
    Failure::new(code, readable(code, error))
}

fn readable(code: Code, error: &KafkaError) -> String {
    match (code, error) {
        (Code::Fail, _) => error.to_string(),
        (_, KafkaError::Transaction(error)) => error.to_string(),
        _ => describe(code),
    }
}

/// librdkafka's own words for a code, without the name of the code.
pub(super) fn describe(code: Code) -> String {
    let text = code.to_string();
    text.split_once('(').map_or(text.clone(), |(_, words)| words.trim_end_matches(')').to_owned())
}

/// Whether the same call can succeed later.
pub(super) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::Authentication
            | Code::SSL
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::Retry
            | Code::State
            | Code::InProgress
            | Code::PreviousInProgress
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::RebalanceInProgress
            | Code::ConcurrentTransactions
            | Code::KafkaStorageError
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::UnstableOffsetCommit
            | Code::ThrottlingQuotaExceeded
            | Code::PollExceeded
    )
}

/// Codes that say that another client has taken this one's place.
pub(super) fn is_fencing(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::InvalidProducerIdMapping
            | Code::TransactionCoordinatorFenced
            | Code::FencedInstanceId
    )
}

/// A transaction call failed. The flags decide, in this order: a client that cannot go on, a
/// transaction that cannot, a call that can be made again; what has no flag is treated as fatal.
pub(super) fn of_transaction(
    operation: &'static str,
    failure: &Failure,
    raised: Option<(Code, String)>,
    context: &Context,
) -> LogError {
    if let Some((code, text)) = raised {
        return if is_fencing(code) { fenced(operation, text) } else { fatal(operation, text) };
    }
    let reason = context.undelivered().unwrap_or_else(|| failure.text.clone());
    if failure.fatal || failure.abort {
        return match failure.code {
            // The member is fenced, not the producer: its group refuses the offsets.
            Code::FencedInstanceId if failure.abort => LogError::Abortable { operation, reason },
            code if is_fencing(code) => fenced(operation, reason),
            _ if failure.abort => LogError::Abortable { operation, reason },
            _ => fatal(operation, reason),
        };
    }
    if failure.retriable || is_passing(failure.code) && failure.code != Code::State {
        return retriable(operation, context.why(&failure.text));
    }
    fatal(operation, failure.text.clone())
}
