//! What every log behind `processor::ports` promises, as functions that a test runs.
//!
//! Each promise is one function named by what it promises; it panics when the promise is broken.
//! The embedded log and Apache Kafka have to keep the same ones, so nothing here may assume more
//! than Kafka gives: what is asynchronous there is awaited here, within the log's patience, and
//! nothing depends on how long something takes.

// A broken promise is a failed test.
#![allow(clippy::expect_used, clippy::panic)]

mod cleanup;
mod groups;
mod membership;
mod offsets;
mod reading;
mod support;
mod transactions;

use std::time::Duration;

use processor::ports::{Log, TopicPartition};

use schemas::topics::Cleanup;
use support::Scene;

/// A log, and the means to do to it what an operator or the passing of time would do.
pub trait LogUnderTest {
    fn log(&self) -> &dyn Log;
    /// Tells this run's topics, groups and transactional ids from those of any other.
    fn run(&self) -> &str;
    fn create_topic(&self, name: &str, partitions: i32, cleanup: Cleanup);
    fn delete_records(&self, partition: &TopicPartition, before: i64);
    /// Gives compaction of a topic its chance; how much it compacts is up to the log.
    fn compact(&self, topic: &str);
    /// Lets the timeout of the transactions that are open now pass.
    fn pass_transaction_timeout(&self);
    /// Lets the session timeout of a member whose client is gone pass.
    fn pass_session_timeout(&self, group: &str, instance: &str);
    /// Puts a member out of its group while its client is alive.
    fn expel(&self, group: &str, instance: &str);
    /// How long to wait for something that has to come.
    fn patience(&self) -> Duration;
    /// How long to watch before believing that nothing comes.
    fn quiet(&self) -> Duration;
}

/// One promise and its check.
#[derive(Clone, Copy)]
pub struct Promise {
    pub name: &'static str,
    check: fn(&Scene<'_>),
}

impl Promise {
    /// Panics when the log does not keep the promise.
    pub fn check(&self, log: &dyn LogUnderTest) {
        (self.check)(&Scene::new(log, self.name));
    }
}

const fn promise(name: &'static str, check: fn(&Scene<'_>)) -> Promise {
    Promise { name, check }
}

/// Every promise, in the order a reader would want them.
pub const PROMISES: &[Promise] = &[
    promise(
        "committed_records_are_seen_in_order_and_as_they_were_sent",
        transactions::committed_records_are_seen_in_order_and_as_they_were_sent,
    ),
    promise(
        "an_open_transaction_is_invisible_and_holds_back_later_ones",
        transactions::an_open_transaction_is_invisible_and_holds_back_later_ones,
    ),
    promise(
        "aborted_records_are_skipped_unless_uncommitted_ones_are_asked_for",
        transactions::aborted_records_are_skipped_unless_uncommitted_ones_are_asked_for,
    ),
    promise(
        "a_transaction_over_several_partitions_is_seen_whole",
        transactions::a_transaction_over_several_partitions_is_seen_whole,
    ),
    promise(
        "gathered_records_commit_in_order_with_their_transaction",
        transactions::gathered_records_commit_in_order_with_their_transaction,
    ),
    promise("an_empty_transaction_commits", transactions::an_empty_transaction_commits),
    promise(
        "a_new_producer_fences_the_old_one_and_aborts_what_it_left_open",
        transactions::a_new_producer_fences_the_old_one_and_aborts_what_it_left_open,
    ),
    promise(
        "a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced",
        transactions::a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced,
    ),
    promise("calls_out_of_turn_are_errors", transactions::calls_out_of_turn_are_errors),
    promise("a_record_for_an_unknown_topic_is_an_error", transactions::a_record_for_an_unknown_topic_is_an_error),
    promise(
        "a_record_without_partition_goes_where_the_java_client_puts_it",
        transactions::a_record_without_partition_goes_where_the_java_client_puts_it,
    ),
    promise("offsets_are_committed_with_their_transaction", offsets::offsets_are_committed_with_their_transaction),
    promise("a_transaction_ends_while_its_owner_looks_on", offsets::a_transaction_ends_while_its_owner_looks_on),
    promise("offsets_of_an_aborted_transaction_are_dropped", offsets::offsets_of_an_aborted_transaction_are_dropped),
    promise(
        "committed_offsets_wait_for_the_transaction_that_may_change_them",
        offsets::committed_offsets_wait_for_the_transaction_that_may_change_them,
    ),
    promise(
        "offsets_without_proof_of_membership_are_refused_and_the_transaction_can_be_aborted",
        offsets::offsets_without_proof_of_membership_are_refused_and_the_transaction_can_be_aborted,
    ),
    promise(
        "offsets_of_a_member_that_was_put_out_are_refused",
        offsets::offsets_of_a_member_that_was_put_out_are_refused,
    ),
    promise("an_empty_partition_begins_and_ends_at_zero", reading::an_empty_partition_begins_and_ends_at_zero),
    promise(
        "reading_goes_on_past_markers_and_stops_at_the_end",
        reading::reading_goes_on_past_markers_and_stops_at_the_end,
    ),
    promise("what_is_fetched_ahead_is_read_from_anywhere", reading::what_is_fetched_ahead_is_read_from_anywhere),
    promise(
        "a_batch_has_at_most_as_many_records_as_asked_for",
        reading::a_batch_has_at_most_as_many_records_as_asked_for,
    ),
    promise("an_offset_outside_of_the_log_is_an_error", reading::an_offset_outside_of_the_log_is_an_error),
    promise("a_topic_tells_its_partitions_and_its_identity", reading::a_topic_tells_its_partitions_and_its_identity),
    promise("deleting_records_moves_the_start_and_no_offset", cleanup::deleting_records_moves_the_start_and_no_offset),
    promise(
        "compaction_keeps_the_newest_record_of_each_key_where_it_is",
        cleanup::compaction_keeps_the_newest_record_of_each_key_where_it_is,
    ),
    promise("compaction_leaves_an_open_transaction_alone", cleanup::compaction_leaves_an_open_transaction_alone),
    promise(
        "a_compacted_topic_takes_no_record_without_a_key",
        cleanup::a_compacted_topic_takes_no_record_without_a_key,
    ),
    promise("nothing_is_delivered_before_seek", groups::nothing_is_delivered_before_seek),
    promise(
        "records_are_delivered_in_order_from_where_seek_says",
        groups::records_are_delivered_in_order_from_where_seek_says,
    ),
    promise(
        "a_paused_partition_delivers_nothing_until_it_is_resumed",
        groups::a_paused_partition_delivers_nothing_until_it_is_resumed,
    ),
    promise("no_partition_starves_behind_another", groups::no_partition_starves_behind_another),
    promise("every_partition_has_exactly_one_member", membership::every_partition_has_exactly_one_member),
    promise(
        "a_joining_member_takes_over_only_what_was_given_up",
        membership::a_joining_member_takes_over_only_what_was_given_up,
    ),
    promise("a_leaving_member_hands_over", membership::a_leaving_member_hands_over),
    promise(
        "a_static_member_that_returns_in_time_moves_nothing",
        membership::a_static_member_that_returns_in_time_moves_nothing,
    ),
    promise(
        "a_newer_client_of_an_instance_fences_the_older",
        membership::a_newer_client_of_an_instance_fences_the_older,
    ),
    promise(
        "a_member_that_crashed_is_replaced_after_its_session",
        membership::a_member_that_crashed_is_replaced_after_its_session,
    ),
    promise(
        "a_member_that_was_put_out_is_told_and_joins_again",
        membership::a_member_that_was_put_out_is_told_and_joins_again,
    ),
];
