//! A guide in docs/, followed as somebody would: its files and its commands, in its order.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::service::Service;
use super::{Scratch, quartermaster, run};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Programs of others that a guide may run.
const OTHERS: [&str; 2] = ["psql", "curl"];

pub struct Guide {
    text: String,
}

/// Variables and arguments of the program.
pub struct Line {
    pub variables: Vec<(String, String)>,
    pub arguments: Vec<String>,
}

pub enum Step {
    Program(Line),
    /// For the shell, with the variables exported before it.
    Other(String),
}

impl Line {
    pub fn is_service(&self) -> bool {
        ["ingest", "process", "notify"].iter().any(|name| self.arguments.iter().any(|word| word == name))
    }
}

impl Guide {
    /// A guide with other addresses than it names; each must be in it.
    pub fn read(path: &str, instead: &[(&str, &str)]) -> Self {
        let mut text = std::fs::read_to_string(format!("{ROOT}/{path}")).unwrap();
        for (named, ours) in instead {
            assert!(text.contains(named), "{path} does not name {named}");
            text = text.replace(named, ours);
        }
        Self { text }
    }

    /// The fenced blocks of a language, in order.
    pub fn blocks(&self, language: &str) -> Vec<String> {
        let fence = format!("```{language}\n");
        let bodies = self.text.split(&fence).skip(1);
        bodies.map(|rest| rest.split_once("```").expect("a block ends").0.to_owned()).collect()
    }

    /// Files by name: what follows `<!-- file: NAME -->`.
    pub fn files(&self) -> Vec<(String, String)> {
        let named = self.text.split("<!-- file: ").skip(1);
        let file = |rest: &str| {
            let (name, rest) = rest.split_once(" -->").expect("a file has a name");
            let body = rest.split_once("```").expect("a block follows").1.split_once('\n').unwrap().1;
            (name.to_owned(), body.split_once("```").expect("a block ends").0.to_owned())
        };
        named.map(file).collect()
    }

    /// The lines of the shell blocks that run something, in order, without comments.
    pub fn steps(&self) -> Vec<Step> {
        let (mut steps, mut exports) = (Vec::new(), String::new());
        for block in self.blocks("sh") {
            for line in block.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let Some(at) = words.iter().position(|word| *word == "quartermaster") {
                    let pair = |word: &&str| {
                        word.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned())).expect("a variable")
                    };
                    let variables = words[..at].iter().map(pair).collect();
                    let arguments = words[at + 1..].iter().map(|word| (*word).to_owned()).collect();
                    steps.push(Step::Program(Line { variables, arguments }));
                } else if words.first().is_some_and(|word| OTHERS.contains(word)) {
                    steps.push(Step::Other(format!("{exports}{line}")));
                } else if line.starts_with("export ") && !line.contains("PATH=") {
                    exports.extend([line, "\n"]);
                }
            }
        }
        steps
    }

    /// Those that run the program.
    pub fn commands(&self) -> Vec<Line> {
        let command = |step| match step {
            Step::Program(line) => Some(line),
            Step::Other(_) => None,
        };
        self.steps().into_iter().filter_map(command).collect()
    }
}

/// Starts a service as the guide says, but on an admin port of its own: that of the guide may be taken.
pub fn start(line: &Line, here: &Path, scratch: &Scratch) -> Service {
    let words: Vec<&str> = line.arguments.iter().map(String::as_str).collect();
    let name = words[words.iter().position(|word| *word == "--instance").unwrap() + 1];
    let own = line.variables.iter().filter(|(n, _)| n != "QM_ADMIN__LISTEN").map(|(n, v)| (n.as_str(), v.clone()));
    let own: Vec<(&str, String)> = own.collect();
    let mut service = Service::start_in(here, name, scratch.path(&format!("{name}.log")), &words, &own);
    service.ready();
    service
}

/// Runs commands to their end; the last one prints an alert.
pub fn run_to_the_alert(commands: &[Line], here: &Path) -> Value {
    let mut printed = String::new();
    for line in commands {
        let ended = run(quartermaster(&line.arguments).current_dir(here));
        ended.expect(0, &[]);
        printed = ended.stdout;
    }
    serde_json::from_str(printed.lines().next().expect("an alert is printed")).unwrap()
}

/// Runs what is not ours; it must succeed.
pub fn run_other(line: &str, here: &Path) {
    let ended = run(Command::new("sh").args(["-ec", line]).current_dir(here));
    assert_eq!(ended.code, Some(0), "{line}\n{}\n{}", ended.stdout, ended.stderr);
}
