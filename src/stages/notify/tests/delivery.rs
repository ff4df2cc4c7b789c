//! The life of attempts, step by step on a virtual clock.

use rules::escalation::Limits;
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use schemas::{AlertState, DeliveryStatus, Mode, Severity, topics};

use super::bench::{Bench, Reply, alert, endpoint, route};

fn failed(verdict: Verdict, error: DeliveryError) -> Reply {
    Reply::Outcome(SendOutcome::failed(verdict, error, None))
}

#[test]
fn an_alert_is_told_once_and_every_step_is_recorded() {
    let mut bench = Bench::new(true);
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(1_000);
    assert_eq!(bench.life(1, 1), ["planned", "claimed", "delivered"]);
    let (order, seen) = (bench.orders().remove(0), bench.seen());
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].of.attempt, seen[0].of.number), (order.attempt_id, 1));
    let delivered = bench.deliveries().pop().unwrap();
    assert_eq!((&*delivered.route, &*delivered.channel, &*delivered.channel_type), ("all", "hook", "webhook"));
    assert_eq!((delivered.status, delivered.tries), (DeliveryStatus::Delivered, 1));
    assert!(delivered.planned_at <= delivered.claimed_at.unwrap() && delivered.claimed_at.unwrap() <= seen[0].at);
    bench.order(&order);
    bench.pass(500);
    assert_eq!((bench.seen().len(), bench.deliveries().len()), (1, 3), "the same order again is nothing new");
}

#[test]
fn a_shadow_alert_and_one_without_a_route_are_told_to_nobody() {
    let mut bench = Bench::idle(true);
    bench.policy.routes[0].severity_at_least = Severity::High;
    bench.start(processor::runtime::NoFailPoints);
    let mut shadow = alert(1, 1, AlertState::Opened);
    shadow.mode = Mode::Shadow;
    let mut mild = alert(2, 1, AlertState::Opened);
    mild.severity = Severity::Medium;
    bench.raise(&shadow);
    bench.raise(&mild);
    bench.pass(1_000);
    assert_eq!((bench.orders().len(), bench.seen().len()), (0, 0));
}

#[test]
fn a_try_waits_for_its_time_and_a_receiver_that_asks_for_more_gets_it() {
    let mut bench = Bench::new(true);
    let throttled = SendOutcome {
        retry_after_ms: Some(7_000),
        ..SendOutcome::failed(Verdict::NotDelivered, DeliveryError::Throttled, None)
    };
    bench.reply([
        failed(Verdict::NotDelivered, DeliveryError::ServerError),
        Reply::Outcome(throttled),
        failed(Verdict::Unsure, DeliveryError::Timeout),
    ]);
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(60_000);
    let expected = [
        "planned",
        "claimed",
        "failed_temporary/server_error",
        "claimed",
        "failed_temporary/throttled",
        "claimed",
        "failed_temporary/timeout",
        "claimed",
        "delivered",
    ];
    assert_eq!(bench.life(1, 1), expected);
    let seen = bench.seen();
    assert_eq!(seen.iter().map(|seen| seen.of.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(seen.iter().all(|s| s.of.attempt == seen[0].of.attempt), "the id stays the same over all tries");
    let waits: Vec<_> = bench.deliveries().iter().filter_map(|d| Some((d.changed_at, d.next_attempt_at?))).collect();
    for (seen, (failed_at, due)) in seen[1..].iter().zip(&waits) {
        assert!(seen.at >= *due && due >= failed_at);
    }
    assert!(waits[1].1.since(waits[1].0) >= 7_000);
}

#[test]
fn tries_end_and_age_ends_them_too() {
    let mut bench = Bench::new(true);
    bench.reply((0..5).map(|_| failed(Verdict::NotDelivered, DeliveryError::Connect)));
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(120_000);
    assert_eq!(bench.life(1, 1).last().unwrap(), "exhausted/connect");
    assert_eq!(bench.seen().len(), 5);

    let mut order = bench.orders().remove(0);
    order.attempt_id = uuid::Uuid::from_u128(77);
    order.alert = alert(2, 1, AlertState::Opened);
    order.alerted_at = order.alerted_at.minus_ms(bench.retry.expire_ms);
    bench.order(&order);
    bench.pass(1_000);
    assert_eq!(bench.life(2, 1), ["planned", "closed/too_old"]);
    assert_eq!(bench.seen().len(), 5);
}

#[test]
fn an_endpoint_that_is_gone_gets_nothing_until_it_is_configured_anew() {
    let mut bench = Bench::new(true);
    bench.reply([failed(Verdict::Gone, DeliveryError::Gone)]);
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(1_000);
    assert_eq!(bench.life(1, 1).last().unwrap(), "failed_permanent/gone");
    for (number, restart) in [(2, false), (3, true)] {
        if restart {
            bench.kill_and_start();
        }
        bench.raise(&alert(number, 1, AlertState::Opened));
        bench.pass(2_000);
        assert_eq!(bench.life(number, 1), ["planned", "failed_permanent/disabled"]);
    }
    bench.endpoints.get_mut("hook").unwrap().fingerprint = "2".to_owned();
    bench.kill_and_start();
    bench.raise(&alert(4, 1, AlertState::Opened));
    bench.pass(2_000);
    assert_eq!(bench.life(4, 1), ["planned", "claimed", "delivered"]);
    bench.kill_and_start();
    bench.raise(&alert(5, 1, AlertState::Opened));
    bench.pass(2_000);
    assert_eq!(bench.life(5, 1).last().unwrap(), "delivered");
}

#[test]
fn what_has_ended_is_not_told_any_more() {
    let mut bench = Bench::idle(true);
    bench.policy.routes = vec![route("openings", &[AlertState::Opened], &["quiet"]), route("all", &[], &["hook"])];
    bench.endpoints.insert("quiet".to_owned(), endpoint(true));
    bench.retry.base_ms = 60_000;
    bench.start(processor::runtime::NoFailPoints);
    bench.reply((0..2).map(|_| failed(Verdict::NotDelivered, DeliveryError::Connect)));
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(200);
    assert_eq!(bench.seen().len(), 2);
    bench.raise(&alert(1, 2, AlertState::Resolved));
    bench.pass(5_000);
    let mut ends: Vec<_> = bench.deliveries().iter().filter(|d| d.status == DeliveryStatus::Closed).cloned().collect();
    ends.sort_by(|a, b| a.channel.cmp(&b.channel));
    let told: Vec<_> = ends.iter().map(|d| (&*d.channel, d.revision, d.error)).collect();
    assert_eq!(told, [("hook", 1, DeliveryError::Withdrawn), ("quiet", 1, DeliveryError::Withdrawn)]);
    let later: Vec<_> = bench.seen()[2..].iter().map(|seen| (seen.channel.clone(), seen.revision)).collect();
    assert_eq!(later, [("hook".to_owned(), 2)], "the end is told to whoever asked for it");
}

#[test]
fn a_rate_is_kept_and_a_channel_nobody_knows_is_refused() {
    let mut bench = Bench::idle(true);
    bench.endpoints.get_mut("hook").unwrap().limits =
        Limits { per_minute: Some(30), burst: 1, concurrent: 8, breaker_failures: 100, breaker_open_ms: 1_000 };
    bench.policy.routes.push(route("lost", &[], &["nowhere"]));
    bench.start(processor::runtime::NoFailPoints);
    for number in 1..=10 {
        bench.raise(&alert(number, 1, AlertState::Opened));
    }
    bench.pass(40_000);
    let times: Vec<i64> = bench.seen().windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    assert_eq!(times.len(), 9);
    assert!(times.iter().all(|gap| *gap >= 2_000), "{times:?}");
    let refused = |d: &&schemas::DeliveryAttempt| d.error == DeliveryError::UnknownChannel;
    assert_eq!(bench.deliveries().iter().filter(refused).count(), 10);
}

#[test]
fn what_cannot_be_read_is_a_dead_letter() {
    let mut bench = Bench::new(true);
    bench.publish(topics::ALERTS, "SKU-1", b"no alert");
    bench.publish(topics::DISPATCH, "hook", b"no order");
    bench.raise(&alert(1, 1, AlertState::Opened));
    bench.pass(1_000);
    let mut letters = Vec::new();
    let at = processor::ports::TopicPartition::new(topics::DEAD_LETTERS, 0);
    let each = &mut |record: processor::ports::RecordView<'_>| letters.push(record.value.unwrap_or_default().to_vec());
    bench.log.records(&at, processor::ports::Isolation::ReadCommitted, each).unwrap();
    letters.sort();
    assert_eq!(letters, [b"no alert".to_vec(), b"no order".to_vec()]);
    assert_eq!(bench.life(1, 1).last().unwrap(), "delivered");
}
