//! The latest figures of every client that a log has opened, reduced to what somebody looks at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use processor::ports::TopicPartition;
use rdkafka::statistics::Broker;

/// Over all clients that are open. Counters belong to the clients that are open now: they fall when one closes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// By broker id.
    pub brokers: BTreeMap<i32, BrokerStatistics>,
    /// Records that wait in producers, or for a broker's answer.
    pub producer_queue: u64,
    /// Records between a group member's position and the last stable offset; unknown ones are absent.
    pub lag: BTreeMap<TopicPartition, i64>,
}

/// Round trips are in microseconds and of the last interval; of several clients the slowest counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerStatistics {
    pub rtt_avg_us: i64,
    pub rtt_p99_us: i64,
    pub send_errors: u64,
    pub receive_errors: u64,
    pub request_timeouts: u64,
}

/// Collects what each client says at its interval.
#[derive(Default)]
pub(super) struct Collector {
    next: AtomicU64,
    clients: Mutex<BTreeMap<u64, Statistics>>,
}

impl Collector {
    pub(super) fn register(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn update(&self, client: u64, statistics: &rdkafka::Statistics, group_member: bool) {
        let snapshot = reduce(statistics, group_member);
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(client, snapshot);
    }

    pub(super) fn forget(&self, client: u64) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&client);
    }

    pub(super) fn total(&self) -> Statistics {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = Statistics::default();
        for client in clients.values() {
            add(&mut total, client);
        }
        total
    }
}

fn reduce(statistics: &rdkafka::Statistics, group_member: bool) -> Statistics {
    // Bootstrap addresses and the like have negative ids.
    let brokers = statistics.brokers.values().filter(|broker| broker.nodeid >= 0);
    let mut lag = BTreeMap::new();
    if group_member {
        for topic in statistics.topics.values() {
            let known = topic.partitions.values().filter(|partition| partition.partition >= 0);
            lag.extend(
                known
                    .filter(|partition| partition.consumer_lag >= 0)
                    .map(|partition| (TopicPartition::new(&topic.topic, partition.partition), partition.consumer_lag)),
            );
        }
    }
    Statistics {
        brokers: brokers.map(|broker| (broker.nodeid, reduce_broker(broker))).collect(),
        producer_queue: if statistics.client_type == "producer" { statistics.msg_cnt } else { 0 },
        lag,
    }
}

fn reduce_broker(broker: &Broker) -> BrokerStatistics {
    let rtt = broker.rtt.as_ref();
    BrokerStatistics {
        rtt_avg_us: rtt.map_or(0, |window| window.avg),
        rtt_p99_us: rtt.map_or(0, |window| window.p99),
        send_errors: broker.txerrs,
        receive_errors: broker.rxerrs,
        request_timeouts: broker.req_timeouts,
    }
}

fn add(total: &mut Statistics, client: &Statistics) {
    for (id, broker) in &client.brokers {
        let sum = total.brokers.entry(*id).or_default();
        sum.rtt_avg_us = sum.rtt_avg_us.max(broker.rtt_avg_us);
        sum.rtt_p99_us = sum.rtt_p99_us.max(broker.rtt_p99_us);
        sum.send_errors += broker.send_errors;
        sum.receive_errors += broker.receive_errors;
        sum.request_timeouts += broker.request_timeouts;
    }
    total.producer_queue += client.producer_queue;
    total.lag.extend(client.lag.iter().map(|(at, lag)| (at.clone(), *lag)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_add_up_and_the_slowest_counts() {
        let broker = |rtt_avg_us, send_errors| BrokerStatistics { rtt_avg_us, send_errors, ..Default::default() };
        let client = |rtt, errors, queue, partition| Statistics {
            brokers: BTreeMap::from([(1, broker(rtt, errors))]),
            producer_queue: queue,
            lag: BTreeMap::from([(TopicPartition::new("t", partition), 5)]),
        };
        let mut total = Statistics::default();
        add(&mut total, &client(10, 1, 2, 0));
        add(&mut total, &client(30, 2, 3, 1));
        assert_eq!(total.brokers, BTreeMap::from([(1, broker(30, 3))]));
        assert_eq!((total.producer_queue, total.lag.len()), (5, 2));
    }
}
