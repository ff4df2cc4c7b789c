//! What a service does with what it cannot work with, on a real Kafka: it says what, where and what
//! to do, and skips nothing silently.

#![allow(clippy::print_stdout, reason = "figures and what was skipped are for whoever runs the test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use support::deployment::{Deployment, STOCK};
use support::service::{eventually, free_port};
use support::{FIXED_RULES, Scratch, balance, client, quartermaster, run, sold};
use test_kafka::{Kafka, Options};

const DEAD_LETTERS: &str = "inventory.dead-letters";
const EVENTS: &str = "inventory.events";

/// Dead letters as `stage class: message`, once there are this many.
fn dead_letters(deployment: &Deployment, count: usize) -> Vec<String> {
    let letters = eventually("the dead letters", || {
        let seen = client::read(deployment.bootstrap(), DEAD_LETTERS, &BTreeMap::new());
        (seen.len() >= count).then_some(seen)
    });
    let text = |letter: &client::Seen, name: &str| String::from_utf8(letter.headers[name].clone()).unwrap();
    let mut letters: Vec<String> = letters
        .iter()
        .map(|l| format!("{} {}: {}", text(l, "stage"), text(l, "error_class"), text(l, "message")))
        .collect();
    letters.sort();
    letters
}

#[test]
fn a_broker_that_does_not_answer_is_named() {
    let scratch = Scratch::new();
    let nobody = format!("127.0.0.1:{}", free_port());
    let config = scratch.file(
        "q.toml",
        format!("[kafka]\nbootstrap_servers = \"{nobody}\"\nstartup_timeout_ms = 2000\n[state]\ndirectory = \"{}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n", scratch.path("state").display()),
    );
    for command in [&["process"][..], &["ingest"], &["topics", "check"], &["topics", "create"]] {
        let ended = run(quartermaster(["--config", config.to_str().unwrap()]).args(command));
        ended.expect(1, &[&nobody, "kafka.bootstrap_servers"]);
        assert!(ended.stderr.contains("refused"), "the reason, for {command:?}: {}", ended.stderr);
    }
}

#[test]
fn wrong_credentials_are_told_from_a_silent_broker() {
    let options = Options { sasl_plain: Some(("someone".to_owned(), "right".to_owned())), ..Options::default() };
    let kafka = Kafka::start(options);
    let scratch = Scratch::new();
    let with = |password: &str| {
        let secret = scratch.file("password", password);
        let config = scratch.file(
            "q.toml",
            format!(
                "[kafka]\nbootstrap_servers = \"{}\"\nstartup_timeout_ms = 5000\nsecurity_protocol = \"sasl_plaintext\"\n\
                 sasl_mechanism = \"PLAIN\"\nsasl_username = \"someone\"\nsasl_password_file = \"{}\"\nreplication_factor = 1\n\
                 min_insync_replicas = 1\n",
                kafka.bootstrap(),
                secret.display()
            ),
        );
        run(quartermaster(["--config", config.to_str().unwrap()]).args(["topics", "create"]))
    };
    let refused = with("wrong");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.to_lowercase().contains("authentication"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("wrong\n") && !refused.stderr.contains("right"), "no secret is printed");
    with("right\n").expect(0, &[]);
}

#[test]
fn topics_that_do_not_fit_are_refused_with_what_to_do() {
    let deployment = Deployment::new(FIXED_RULES);
    let admin = deployment.admin();
    let refused = |change: &mut dyn FnMut(), said: &[&str]| {
        change();
        let mut process = deployment.start("process", "process-0");
        let status = process.ended();
        let log = process.log();
        assert_eq!(status.code(), Some(2), "{log}");
        for text in said {
            assert!(log.contains(text), "{text:?} is not in: {log}");
        }
        let check = deployment.command(&["topics", "check"]);
        assert_eq!(check.code, Some(1), "{}", check.stderr);
        let (out, name) = (format!("{}{}", check.stdout, check.stderr), said[0]);
        assert!(out.contains(name), "{name} is not in: {out}");
    };
    refused(&mut || admin.delete("inventory.positions"), &["inventory.positions", "topics create"]);
    refused(&mut || admin.create("inventory.positions", 3, "compact"), &["inventory.positions", "3", "8"]);
    admin.delete("inventory.positions");
    refused(
        &mut || admin.create("inventory.positions", 8, "delete"),
        &["inventory.positions", "cleanup.policy", "compact"],
    );
}

#[test]
fn an_input_topic_that_was_created_again_stops_the_service() {
    let deployment = Deployment::new(FIXED_RULES);
    let admin = deployment.admin();
    let mut ingest = deployment.start("ingest", "ingest-0");
    let mut process = deployment.start("process", "process-0");
    ingest.ready();
    process.ready();
    deployment.feed(STOCK, &balance("1", "SKU-1", "2026-11-22T08:00:00Z", 5));
    deployment.ingested_stock();
    deployment.processed();
    assert!(process.stop().success());
    assert!(ingest.stop().success());
    admin.delete(EVENTS);
    admin.create(EVENTS, 8, "delete");
    let mut process = deployment.start("process", "process-0");
    assert_eq!(process.ended().code(), Some(1), "{}", process.log());
    let log = process.log();
    assert!(log.contains("deleted and created again") && log.contains("state reset"), "{log}");
    // What the message says helps.
    deployment.command(&["state", "reset", "process"]).expect(2, &["quartermaster-process"]);
    // The former member's session has to end first.
    eventually("the state is reset", || {
        (deployment.command(&["state", "reset", "quartermaster-process", "--yes"]).code == Some(0)).then_some(())
    });
    let mut process = deployment.start("process", "process-0");
    process.ready();
    assert!(process.stop().success());
}

#[test]
fn records_that_cannot_be_used_are_dead_letters_with_their_reason() {
    let deployment = Deployment::new(FIXED_RULES);
    let mut ingest = deployment.start("ingest", "ingest-0");
    let mut process = deployment.start("process", "process-0");
    ingest.ready();
    process.ready();
    let long = format!("{{\"event_id\":\"{}\"}}", "x".repeat(3 << 20));
    deployment.feed_records(STOCK, &[(Some("SKU-1"), Some(b"no json")), (Some("SKU-1"), Some(long.as_bytes()))]);
    // Straight to what `process` reads, as a foreign producer would.
    let good = sold("1", "SKU-1", "2026-11-22T08:00:00Z", 1);
    let event = Deployment::encoded(good.trim());
    let mut unknown = event.clone();
    unknown[2] ^= 0xff;
    deployment.feed_records(
        EVENTS,
        &[(None, Some(&event)), (Some("SKU-2"), Some(&event)), (Some("SKU-1"), Some(&unknown)), (Some("SKU-1"), None)],
    );
    let letters = dead_letters(&deployment, 6);
    for class in ["missing_key", "wrong_key"] {
        assert!(letters.iter().any(|letter| letter.starts_with(&format!("process {class}"))), "{class}: {letters:#?}");
    }
    assert!(letters.iter().any(|letter| letter.contains("fingerprint")), "{letters:#?}");
    assert_eq!(letters.len(), 6, "{letters:#?}");
    assert_eq!(ingest.metric("quartermaster_dead_letter_records_total"), 2.0);
    assert_eq!(process.metric("quartermaster_dead_letter_records_total"), 4.0);
    // Nothing blocks: what comes after them is processed.
    deployment.feed(STOCK, &balance("2", "SKU-1", "2026-11-22T08:00:00Z", 5));
    deployment.ingested_stock();
    deployment.processed();
    assert_eq!(deployment.alerts().len(), 1, "low stock of SKU-1");
    what_was_refused_can_be_looked_at_and_put_back(&deployment);
}

fn what_was_refused_can_be_looked_at_and_put_back(deployment: &Deployment) {
    let ask = |arguments: &[&str]| deployment.command(&[&["dead-letters"], arguments].concat());
    let all = ask(&["list"]);
    all.expect(0, &[]);
    let total = all.stdout.lines().last().unwrap();
    assert!(total.starts_with("6 dead letters: ") && total.contains("1 wrong_key"), "{}", all.stdout);
    let ingest = ask(&["list", "--stage", "ingest", "--class", "malformed", "--json"]);
    let letter: serde_json::Value = serde_json::from_str(ingest.stdout.lines().next().unwrap()).unwrap();
    let id = letter["id"].as_str().unwrap();
    assert_eq!(
        (letter["key"].as_str(), letter["value"].as_str(), letter["topic"].as_str()),
        (Some("SKU-1"), Some("no json"), Some(STOCK))
    );
    assert_eq!(ask(&["show", id, "--raw"]).stdout, "no json");
    assert!(ask(&["show", id]).stdout.contains("class      malformed"));
    ask(&["show", "0/999999"]).expect(2, &["0/999999"]);
    ask(&["replay"]).expect(2, &["--class"]);
    assert_eq!(ask(&["replay", id]).stdout, format!("would put back 1 (1 to {STOCK}); add --yes to do it\n"));
    assert_eq!(ask(&["replay", id, "--yes"]).stdout, "put back 1\n");
    // Nothing was mended: it comes again, and says which one it was.
    eventually("it is refused again", || {
        let again = ask(&["list", "--class", "malformed", "--json"]).stdout;
        again.lines().any(|line| line.contains(&format!("[\"quartermaster.replayed\",\"{id}\"]"))).then_some(())
    });
}

#[test]
fn a_state_directory_that_is_not_its_own_is_refused() {
    let deployment = Deployment::new(FIXED_RULES);
    let mut process = deployment.start("process", "process-0");
    process.ready();
    assert!(process.stop().success());
    let directory = deployment.state_directory("process-0");
    let refused = |code: i32, said: &str| {
        let mut process = deployment.start("process", "process-0");
        let status = process.ended();
        assert_eq!(status.code(), Some(code), "{}", process.log());
        assert!(process.log().contains(said), "{said:?} is not in: {}", process.log());
    };
    let identity = deployment.identity_file("process-0");
    let own = fs::read_to_string(&identity).unwrap();
    fs::write(&identity, own.replace("quartermaster-process", "somebody-else")).unwrap();
    refused(2, "somebody-else");
    fs::write(&identity, own.replace("format=1", "format=99")).unwrap();
    refused(2, "newer");
    fs::write(&identity, own).unwrap();
    // Root writes where it likes: only a read-only file system stops it.
    let read_only = fs::Permissions::from_mode(0o555);
    fs::set_permissions(&directory, read_only).unwrap();
    if fs::write(directory.join("probe"), "").is_err() {
        refused(1, directory.to_str().unwrap());
    } else {
        println!("SKIPPED: this user may write to read-only directories");
    }
}
