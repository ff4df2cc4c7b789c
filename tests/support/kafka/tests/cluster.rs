//! Brokers start, stop, come back and leave nothing behind. Real processes, no client library.
#![allow(clippy::unwrap_used, reason = "a test that cannot read what it started has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use test_kafka::{Kafka, Options};

fn reachable(bootstrap: &str) -> bool {
    bootstrap.split(',').all(|address| TcpStream::connect(address).is_ok())
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
    let (first, node) = (kafka.pid(0).unwrap(), kafka.directory().join("node-1"));

    kafka.stop_broker(0);
    assert!(!runs(first) && kafka.pid(0).is_none() && !reachable(kafka.bootstrap()));
    let in_order = node.join("data/.kafka_cleanshutdown");
    assert!(in_order.exists());

    kafka.start_broker(0);
    kafka.kill_broker(0);
    assert!(!reachable(kafka.bootstrap()) && !in_order.exists());
    kafka.start_broker(0);
    let last = kafka.pid(0).unwrap();
    assert!(last != first && reachable(kafka.bootstrap()));

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

/// The error code of the answer to a request with this key, version and body; clients begin like this.
fn ask(stream: &mut TcpStream, key: i16, version: i16, body: &[u8]) -> i16 {
    let head = [&key.to_be_bytes()[..], &version.to_be_bytes(), &[0, 0, 0, 1, 0xff, 0xff]].concat();
    stream.write_all(&((head.len() + body.len()) as u32).to_be_bytes()).unwrap();
    stream.write_all(&[&head, body].concat()).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    i16::from_be_bytes([answer[4], answer[5]])
}

/// SaslHandshake and SaslAuthenticate; 0 is success.
fn log_in(bootstrap: &str, user: &str, password: &str) -> i16 {
    let mut stream = TcpStream::connect(bootstrap).unwrap();
    assert_eq!(ask(&mut stream, 17, 1, b"\0\x05PLAIN"), 0);
    let token = format!("\0{user}\0{password}");
    ask(&mut stream, 36, 0, &[&(token.len() as u32).to_be_bytes(), token.as_bytes()].concat())
}

#[test]
fn clients_need_the_password_where_there_is_one() {
    let password = r#"a "b" \c;"#;
    let sasl_plain = Some(("shop".to_owned(), password.to_owned()));
    let kafka = Kafka::start(Options { sasl_plain, ..Options::default() });
    assert_eq!(log_in(kafka.bootstrap(), "shop", password), 0);
    assert_ne!(log_in(kafka.bootstrap(), "shop", "wrong"), 0);
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

/// `make kafka` on a free port: the process, the address, the directory of its cluster.
fn local_kafka() -> (Child, String, PathBuf) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut process = Command::new(env!("CARGO_BIN_EXE_local-kafka"))
        .args(["--port", &port.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
    let mut directory = None;
    for line in lines.map_while(Result::ok).take_while(|line| !line.starts_with("Ctrl-C")) {
        directory =
            directory.or(line.strip_prefix("data and logs: ").map(|rest| rest.split(" (").next().unwrap().into()));
    }
    (process, format!("127.0.0.1:{port}"), directory.unwrap())
}

#[test]
fn a_process_that_is_killed_leaves_nothing_behind() {
    let (mut process, address, directory) = local_kafka();
    assert!(reachable(&address) && directory.exists());
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(comes_true(|| !reachable(&address) && !directory.exists()));
}

#[test]
fn a_local_kafka_stops_when_asked() {
    let (mut process, address, directory) = local_kafka();
    let asked = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(asked.success() && process.wait().unwrap().success());
    assert!(!reachable(&address) && !directory.exists());
}
