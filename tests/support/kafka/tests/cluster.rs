//! Brokers start, stop, come back and leave nothing behind. Real processes, no client library.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_kafka::{Kafka, Options};

fn reachable(bootstrap: &str) -> bool {
    bootstrap.split(',').all(|address| TcpStream::connect(address).is_ok())
}

/// Where the node with this process keeps its data: the directory it runs in.
fn home(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap()
}

fn runs(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

/// What happens after a process was killed, by others, needs a moment.
#[allow(clippy::disallowed_methods, reason = "waits for other processes, a bounded number of times")]
fn comes_true(condition: impl Fn() -> bool) -> bool {
    (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        condition()
    })
}

#[test]
fn one_broker_comes_back_on_its_port_and_leaves_nothing() {
    let kafka = Kafka::start(Options::default());
    assert!(kafka.is_ours() && reachable(kafka.bootstrap()));
    let (first, node) = (kafka.pid(0).unwrap(), home(kafka.pid(0).unwrap()));

    kafka.stop_broker(0);
    assert!(!runs(first) && kafka.pid(0).is_none() && !reachable(kafka.bootstrap()));
    let log = std::fs::read_to_string(node.join("broker.log")).unwrap();
    assert!(log.contains("shut down completed"), "stopped in order");

    kafka.start_broker(0);
    kafka.kill_broker(0);
    assert!(!reachable(kafka.bootstrap()));
    kafka.start_broker(0);
    let last = kafka.pid(0).unwrap();
    assert!(last != first && home(last) == node && reachable(kafka.bootstrap()));

    let cluster = node.parent().unwrap().to_owned();
    drop(kafka);
    assert!(!runs(last) && !cluster.exists());
}

#[test]
fn three_brokers_serve_with_one_down_and_take_it_back() {
    let kafka = Kafka::start(Options { brokers: 3, heap_mb: 256, ..Options::default() });
    assert_eq!((kafka.brokers(), kafka.bootstrap().split(',').count()), (3, 3));
    kafka.kill_broker(1);
    assert!(kafka.pid(1).is_none() && kafka.pid(0).is_some() && kafka.pid(2).is_some());
    kafka.start_broker(1);
    assert!(reachable(kafka.bootstrap()));
    kafka.stop();
    assert!((0..3).all(|i| kafka.pid(i).is_none()));
    kafka.start_brokers().unwrap();
    assert!(reachable(kafka.bootstrap()));
}

#[test]
fn settings_and_passwords_reach_the_broker() {
    let sasl_plain = Some(("shop".to_owned(), "a \"b\" \\c".to_owned()));
    let properties = vec![("num.partitions".to_owned(), "7".to_owned())];
    let kafka = Kafka::start(Options { sasl_plain, properties, ..Options::default() });
    let node = home(kafka.pid(0).unwrap());
    let settings = std::fs::read_to_string(node.join("server.properties")).unwrap();
    assert!(settings.contains("num.partitions=7") && settings.contains("CLIENT:SASL_PLAINTEXT"));
    assert!(reachable(kafka.bootstrap()));
}

#[test]
fn a_broker_that_cannot_start_shows_its_log() {
    let properties = vec![("num.io.threads".to_owned(), "none".to_owned())];
    let error = Kafka::try_start(Options { properties, ..Options::default() }).unwrap_err();
    assert!(format!("{error:#}").contains("Invalid value none for configuration num.io.threads"), "{error:#}");
}

#[test]
fn data_stay_in_a_directory_that_was_named() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { directory: Some(directory.path().to_owned()), ..Options::default() };
    let identity = |path: &Path| std::fs::read_to_string(path.join("node-1/data/meta.properties")).unwrap();
    Kafka::start(options.clone()).stop();
    let first = identity(directory.path());
    Kafka::start(options.clone()).stop();
    assert_eq!(identity(directory.path()), first);
    assert!(Kafka::try_start(Options { brokers: 3, ..options }).is_err(), "of another size");
}

/// Not a test of its own: the process that the next test kills. Prints the broker and waits.
#[test]
#[ignore = "run by a_killed_test_leaves_nothing_behind"]
#[allow(clippy::print_stdout, reason = "this is how the pid gets out")]
fn holder() {
    let kafka = Kafka::shared();
    println!("\nbroker {}", kafka.pid(0).unwrap());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "holder"])
        .env_remove("KAFKA_BOOTSTRAP")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let broker = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("broker ")?.parse().ok());
    let broker: u32 = broker.unwrap();
    let cluster = home(broker).parent().unwrap().to_owned();
    assert!(runs(broker) && cluster.exists());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(comes_true(|| !runs(broker) && !cluster.exists()));
}
