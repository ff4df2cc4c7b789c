//! The demo: the same seed gives the same score, however its threads race, in both languages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::thread;

use support::{Ended, quartermaster, run};

/// The smallest chain, as fast as it goes.
fn demo(seed: &str, flags: &[&str]) -> Ended {
    let chain = ["demo", "--plain", "--speed", "0", "--stores", "8", "--items", "100", "--seed", seed];
    run(quartermaster(chain).args(flags))
}

/// What stands below the last line of progress: the planted problems and the figures.
fn score(ended: &Ended) -> &str {
    ended.stdout.rsplit_once("\n\n ").expect("a table after the run").1
}

/// The alert lines, in any order: partitions commit when they are ready.
fn alerts(ended: &Ended) -> Vec<&str> {
    let mut lines: Vec<&str> = ended.stdout.lines().take_while(|line| !line.is_empty()).collect();
    lines.retain(|line| !line.starts_with('─'));
    lines.sort_unstable();
    lines
}

#[test]
fn the_same_seed_gives_the_same_alerts_and_score_however_threads_race() {
    let again = thread::spawn(|| demo("3", &[]));
    let one = demo("3", &[]);
    let again = again.join().unwrap();
    one.expect(0, &[]);
    again.expect(0, &[]);
    assert!(alerts(&one).len() > 20, "{}", one.stdout);
    assert_eq!(alerts(&one), alerts(&again));
    assert_eq!(score(&one), score(&again));
    assert!(score(&one).contains("missed 0"), "{}", one.stdout);
}

#[test]
fn it_speaks_chinese() {
    let ended = demo("4", &["--language", "zh-CN"]);
    ended.expect(0, &[]);
    assert!(score(&ended).contains("预设问题") && score(&ended).contains("漏报 0"), "{}", ended.stdout);
    assert!(alerts(&ended).iter().all(|line| !line.is_ascii()), "{}", ended.stdout);
}
