//! `dead-letters`: what could not be used, why, and putting it back.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use connectors::kafka::KafkaLog;
use processor::ports::{Log, LogError};

use super::print;
use crate::config::{Config, Override};
use crate::dead_letters::{self, Filter, Letter, LetterId};
use crate::exit::{Failure, Outcome};
use crate::service::open_kafka;

/// Look at the records that could not be used, and put them back when the reason is gone
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// Kafka brokers to find the others through [config: kafka.bootstrap_servers]
    #[arg(long, global = true, value_name = "HOST:PORT,…")]
    bootstrap_servers: Option<String>,
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// List them, and count them by class
    List {
        #[command(flatten)]
        of: Which,
        /// Show this many, the newest
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// One JSON line each, with everything
        #[arg(long)]
        json: bool,
    },
    /// Show everything about one
    Show {
        /// Its place, as the list has it
        #[arg(value_name = "PARTITION/OFFSET")]
        id: LetterId,
        /// Only the original value, byte for byte
        #[arg(long)]
        raw: bool,
    },
    /// Write the original records to the topics and partitions they came from, with their key, value and headers and
    /// a header `quartermaster.replayed`
    ///
    /// They come after everything that was written there since. Nothing remembers what was put back: done twice,
    /// they are written twice. Give places, or say which with --class, --stage or --topic.
    Replay {
        /// Their places, as the list has them
        #[arg(value_name = "PARTITION/OFFSET")]
        ids: Vec<LetterId>,
        #[command(flatten)]
        of: Which,
        /// Do it; without this it only says what it would do
        #[arg(long)]
        yes: bool,
    },
}

/// Which dead letters.
#[derive(Debug, Args)]
struct Which {
    /// Refused for this class of reason: malformed, unresolved_lookup, …
    #[arg(long)]
    class: Option<String>,
    /// Refused by this stage: ingest, process, notify
    #[arg(long)]
    stage: Option<String>,
    /// From this topic
    #[arg(long)]
    topic: Option<String>,
}

impl Which {
    fn filter(&self, ids: &[LetterId]) -> Filter {
        Filter { ids: ids.to_vec(), class: self.class.clone(), stage: self.stage.clone(), topic: self.topic.clone() }
    }

    fn is_any(&self) -> bool {
        self.class.is_none() && self.stage.is_none() && self.topic.is_none()
    }
}

impl DeadLettersArgs {
    /// The flags that stand for a configuration key.
    pub fn overrides(&self) -> Vec<Override> {
        self.bootstrap_servers.iter().map(|text| Override::new("kafka.bootstrap_servers", text.as_str())).collect()
    }
}

pub fn run(args: &DeadLettersArgs, config: &Config) -> Outcome {
    let desk = Desk { log: open_kafka(&config.kafka)?, wait: Duration::from_millis(config.kafka.startup_timeout_ms) };
    match &args.command {
        DeadLettersCommand::List { of, limit, json } => desk.list(&of.filter(&[]), *limit, *json),
        DeadLettersCommand::Show { id, raw } => desk.show(*id, *raw),
        DeadLettersCommand::Replay { ids, of, yes } => {
            if ids.is_empty() && of.is_any() {
                let what = "say which: places as `dead-letters list` has them, or --class, --stage or --topic";
                return Err(Failure::Request(anyhow!(what)));
            }
            desk.replay(&of.filter(ids), *yes)
        }
    }
}

struct Desk {
    log: KafkaLog,
    wait: Duration,
}

impl Desk {
    fn visit(&self, filter: &Filter, sink: &mut dyn FnMut(Letter)) -> Outcome {
        let mut reader = self.log.reader().map_err(unreadable)?;
        let foreign = dead_letters::visit(&mut *reader, filter, self.wait, sink).map_err(unreadable)?;
        if foreign > 0 {
            tracing::warn!(records = foreign, "on the topic of dead letters, but without their headers; passed by");
        }
        Ok(())
    }

    fn list(&self, filter: &Filter, limit: usize, json: bool) -> Outcome {
        let (mut newest, mut by_class) = (VecDeque::new(), BTreeMap::<String, u64>::new());
        self.visit(filter, &mut |letter| {
            *by_class.entry(letter.about.error_class.clone()).or_default() += 1;
            newest.push_back(letter);
            if newest.len() > 2 * limit {
                keep_newest(&mut newest, limit);
            }
        })?;
        keep_newest(&mut newest, limit);
        for letter in &newest {
            print(&if json {
                dead_letters::as_json(letter).map_err(Failure::runtime)?
            } else {
                dead_letters::as_line(letter)
            })?;
        }
        if json {
            return Ok(());
        }
        let total: u64 = by_class.values().sum();
        let classes: Vec<String> = by_class.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let noun = if total == 1 { "dead letter" } else { "dead letters" };
        let listed =
            if total > newest.len() as u64 { format!(", the newest {} above", newest.len()) } else { String::new() };
        let classes = if classes.is_empty() { String::new() } else { format!(": {}", classes.join(", ")) };
        print(&format!("{total} {noun}{classes}{listed}\n"))
    }

    fn show(&self, id: LetterId, raw: bool) -> Outcome {
        let mut found = None;
        self.visit(&Filter { ids: vec![id], ..Filter::default() }, &mut |letter| found = Some(letter))?;
        let letter = found.ok_or_else(|| {
            Failure::Request(anyhow!("no dead letter stands at {id}; `dead-letters list` has their places"))
        })?;
        if raw {
            let value = letter.value.as_deref().unwrap_or_default();
            return std::io::stdout().lock().write_all(value).map_err(Failure::runtime);
        }
        print(&dead_letters::as_text(&letter))
    }

    fn replay(&self, filter: &Filter, yes: bool) -> Outcome {
        if !yes {
            let (mut count, mut topics) = (0, BTreeMap::<String, u64>::new());
            self.visit(filter, &mut |letter| {
                count += 1;
                *topics.entry(letter.about.topic).or_default() += 1;
            })?;
            let topics: Vec<String> = topics.iter().map(|(topic, count)| format!("{count} to {topic}")).collect();
            let to = if topics.is_empty() { String::new() } else { format!(" ({})", topics.join(", ")) };
            return print(&format!("would put back {count}{to}; add --yes to do it\n"));
        }
        let done = dead_letters::put_back(&self.log, filter, self.wait).map_err(|error| {
            Failure::Runtime(anyhow::Error::new(error).context("not everything was put back; list what is left"))
        })?;
        for id in &done.omitted {
            tracing::warn!(%id, "not put back: its bytes were too many to be kept; see `dead-letters show`");
        }
        print(&format!("put back {}\n", done.records))
    }
}

/// Partitions come one after the other: the newest are known only by their time.
fn keep_newest(letters: &mut VecDeque<Letter>, limit: usize) {
    let sorted = letters.make_contiguous();
    sorted.sort_by_key(|letter| (letter.written_at, letter.id));
    let older = letters.len().saturating_sub(limit);
    letters.drain(..older);
}

fn unreadable(error: LogError) -> Failure {
    Failure::Runtime(anyhow::Error::new(error).context("the dead letters cannot be read"))
}
