//! The house rules that a compiler does not check. `make tidy` runs this file alone, in seconds.
//!
//! Standard library only: it must never wait for the dependencies of the workspace. Every failure
//! says where, and what to do. The rules are explained in CONTRIBUTING.md.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read the repository has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Which workspace crates a crate may depend on. The root package sees all and is seen by none.
const ARROWS: [(&str, &[&str]); 4] =
    [("schemas", &[]), ("rules", &["schemas"]), ("processor", &["schemas"]), ("connectors", &["schemas", "processor"])];

/// One library, one home: where its name may appear in code.
const HOMES: [(&str, &[&str]); 10] = [
    ("apache_avro", &["schemas/"]),
    ("jiff", &["schemas/"]),
    ("statrs", &["rules/"]),
    ("serde_saphyr", &["schemas/src/document/", "src/config/"]),
    ("rocksdb", &["processor/src/store/rocks"]),
    ("rdkafka", &["connectors/src/kafka/"]),
    ("reqwest", &["connectors/src/channels/"]),
    ("hmac", &["connectors/src/channels/"]),
    ("prometheus", &["src/"]),
    ("ratatui", &["src/demo/view/"]),
];

/// What the decision core must never see, whatever the arrows say.
const CORE_NEVER: [&str; 6] = ["tokio", "rdkafka", "rocksdb", "tracing", "tempfile", "walkdir"];

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// Not ours to keep tidy.
const SKIPPED: [&str; 5] = ["target", "dist", ".git", "Cargo.lock", "LICENSE"];
const TEXT: [&str; 13] =
    ["rs", "py", "toml", "md", "yaml", "yml", "json", "avsc", "sh", "html", "sql", "run", "Makefile"];

struct File {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path.rsplit('.').next() == Some("rs")
    }

    /// Test code has its own licence: it may be longer and may mention anything.
    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "benches" || part.ends_with("tests.rs"))
    }

    /// Numbered from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, line)| (i + 1, line))
    }
}

fn root() -> PathBuf {
    PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap())
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}; the repository needs this file"))
}

fn repository() -> Vec<File> {
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if TEXT.contains(&name.rsplit('.').next().unwrap()) {
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            files.push(File { path: relative, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// Fails with every violation and what to do about them.
fn refuse(violations: &[String], what_to_do: &str) {
    assert!(violations.is_empty(), "\n{}\n→ {what_to_do}\n", violations.join("\n"));
}

/// The dependencies a manifest declares, of every kind: `rocksdb.workspace = true` and `rocksdb = …`.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies") && !section.starts_with("workspace");
        } else if inside && !line.starts_with('#') && line.contains('=') {
            found.push(line.split(['.', '=', ' ']).next().unwrap().to_owned());
        }
    }
    found
}

/// Whether `word` stands in `line` as a whole identifier.
fn mentions(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(part) && !line[at + word.len()..].chars().next().is_some_and(part)
    })
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn the_arrows_between_crates_hold() {
    let mut wrong = Vec::new();
    for (name, allowed) in ARROWS {
        for dependency in dependencies(&read(&format!("{name}/Cargo.toml"))) {
            let internal = dependency == "quartermaster" || ARROWS.iter().any(|(other, _)| *other == dependency);
            if internal && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name}/Cargo.toml depends on {dependency}"));
            }
        }
    }
    refuse(
        &wrong,
        "schemas ← rules; schemas ← processor ← connectors; only the root package sees all: move the code up",
    );
}

#[test]
fn the_decision_core_stays_pure() {
    let declared = dependencies(&read("rules/Cargo.toml"));
    let wrong: Vec<String> = CORE_NEVER
        .iter()
        .filter(|l| declared.iter().any(|d| d == *l))
        .map(|l| format!("rules/Cargo.toml: {l}"))
        .collect();
    refuse(&wrong, "rules decides, synchronously, without I/O: pass what it needs as an argument");
}

#[test]
fn every_library_has_one_home() {
    let mut wrong = Vec::new();
    for file in repository().iter().filter(|f| f.is_rust() && !f.is_test()) {
        for (library, homes) in HOMES {
            if homes.iter().any(|home| file.path.starts_with(home)) {
                continue;
            }
            let used =
                |line: &str| !is_comment(line) && mentions(line, library) && line.contains(&format!("{library}::"));
            wrong.extend(
                file.lines()
                    .filter(|(_, l)| used(l))
                    .map(|(n, _)| format!("{}:{n} uses {library} (home: {homes:?})", file.path)),
            );
        }
    }
    refuse(&wrong, "go through the crate that owns the library, or argue for a second home in docs/adr/ and HOMES");
}

#[test]
fn files_and_functions_stay_short() {
    let mut wrong = Vec::new();
    for file in repository().iter().filter(|f| f.is_rust()) {
        let lines = file.text.lines().count();
        if lines > MAX_FILE_LINES {
            wrong.push(format!("{} has {lines} lines, the limit is {MAX_FILE_LINES}", file.path));
        }
        for (name, at, length) in functions(&file.text).into_iter().filter(|f| f.2 > MAX_FUNCTION_LINES) {
            wrong.push(format!("{}:{at} {name} has {length} lines, the limit is {MAX_FUNCTION_LINES}", file.path));
        }
    }
    refuse(&wrong, "a file is one thing and its name says which; a function does one step: split them");
}

/// Name, first line and length of every function, by the indentation that rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let head = body.split('(').next().unwrap_or_default();
        let Some(name) = head.split("fn ").nth(1).filter(|_| !is_comment(line) && !head.contains(['"', '='])) else {
            continue;
        };
        let indent = &line[..line.len() - body.len()];
        let ends = |l: &&str| l.strip_prefix(indent).is_some_and(|rest| rest.starts_with('}') || declares(rest));
        let one_line = line.ends_with('}') || line.ends_with(';');
        let length = if one_line { 1 } else { lines[start + 1..].iter().position(ends).map_or(1, |n| n + 2) };
        found.push((name.to_owned(), start + 1, length));
    }
    found
}

/// The last line of a trait method without a body: `) -> T;` or `where T: U;`.
fn declares(rest: &str) -> bool {
    rest.starts_with(')') && rest.ends_with(';')
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = |f: &&File| f.is_rust() && !f.is_test() && !f.text.trim_start().starts_with("//!");
    let wrong: Vec<String> = repository().iter().filter(silent).map(|f| f.path.clone()).collect();
    refuse(&wrong, "begin the file with a `//!` header: what it is for, and what it must never do");
}

#[test]
fn nothing_is_left_undone_or_tied_to_one_machine() {
    // Spelled in halves, so that this file does not find itself.
    let marks = ["TO DO", "FIX ME", "X XX"].map(|m| m.replace(' ', ""));
    let homes = ["ho me", "ro ot", "Us ers", "wo rk"].map(|m| format!("/{}/", m.replace(' ', "")));
    let hosts = [
        "static.cr ates.io",
        "index.cr ates.io",
        "py pi.org",
        "files.pytho nhosted.org",
        "registry.np mjs.org",
        "proxy.go lang.org",
    ]
    .map(|m| m.replace(' ', ""));
    let mut wrong = Vec::new();
    for file in repository() {
        for (n, line) in file.lines() {
            let mark = marks.iter().find(|m| mentions(line, m)).map(|m| format!("says {m}"));
            let path = homes.iter().find(|h| names_path(line, h)).map(|h| format!("names a path under {h}"));
            let host = hosts.iter().find(|h| line.contains(h.as_str())).map(|h| format!("names the host {h}"));
            wrong.extend(mark.or(path).or(host).map(|what| format!("{}:{n} {what}", file.path)));
        }
    }
    refuse(&wrong, "finish it or drop it; use relative paths, and the ordinary clients of package registries");
}

/// Whether an absolute path begins with `home` here: not `a/home/b`.
fn names_path(line: &str, home: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '}' | ')' | '~');
    line.match_indices(home).any(|(at, _)| !line[..at].chars().next_back().is_some_and(inside))
}

#[test]
fn a_possible_panic_says_why_it_cannot_happen() {
    let lints = ["clippy::unwrap_used", "clippy::expect_used", "clippy::panic", "clippy::disallowed_methods"];
    let mut wrong = Vec::new();
    for file in repository().iter().filter(|f| f.is_rust() && !f.is_test()) {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let allows = line.contains("allow(") && lints.iter().any(|lint| line.contains(lint));
            let nearby = &lines[at.saturating_sub(1)..lines.len().min(at + 3)];
            if allows && !nearby.iter().any(|l| l.contains("reason = ") || l.contains("// ")) {
                wrong.push(format!("{}:{} {}", file.path, at + 1, line.trim()));
            }
        }
    }
    refuse(&wrong, "add `reason = \"…\"` to the attribute, or a comment next to it");
}

/// The rows of docs/INVARIANTS.md: id, and whether the row says that it is asserted later.
fn invariants() -> Vec<(String, bool)> {
    let row = |line: &str| {
        let id = line.strip_prefix("| ")?.split(' ').next()?;
        let number = id.strip_prefix('I')?;
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
            .then(|| (id.to_owned(), line.trim_end().ends_with("later |")))
    };
    read("docs/INVARIANTS.md").lines().filter_map(row).collect()
}

#[test]
fn every_invariant_is_asserted_where_its_id_stands() {
    let files = repository();
    let code: Vec<&File> = files.iter().filter(|f| f.is_rust() && f.path != "tests/tidy.rs").collect();
    let listed = invariants();
    assert!(!listed.is_empty(), "docs/INVARIANTS.md lists no invariant");
    let tag = |id: &str| format!("invariant {id}");
    let asserted = |id: &str| code.iter().any(|f| f.lines().any(|(_, l)| l.contains(&tag(id)) && mentions(l, id)));
    let mut wrong: Vec<String> = listed
        .iter()
        .filter(|(id, later)| !later && !asserted(id))
        .map(|(id, _)| format!("docs/INVARIANTS.md: {id} is not in the code"))
        .collect();
    for file in &code {
        for (n, line) in file.lines() {
            for (at, _) in line.match_indices("invariant I") {
                let id: String = line[at + 10..].chars().take_while(char::is_ascii_alphanumeric).collect();
                if id[1..].chars().all(|c| c.is_ascii_digit()) && !listed.iter().any(|(known, _)| *known == id) {
                    wrong.push(format!("{}:{n} names {id}, which docs/INVARIANTS.md does not list", file.path));
                }
            }
        }
    }
    refuse(&wrong, "write `invariant <id>` in a comment at the assertion and at the test that would catch a breach");
}

#[test]
fn the_changelog_has_an_unreleased_section() {
    let text = read("CHANGELOG.md");
    assert!(
        text.contains("## [Unreleased]") || text.contains("## Unreleased"),
        "CHANGELOG.md: add `## Unreleased` on top"
    );
}

#[test]
fn every_decision_record_is_listed() {
    let index = read("docs/adr/README.md");
    let missing: Vec<String> = repository()
        .iter()
        .filter_map(|f| f.path.strip_prefix("docs/adr/").filter(|n| *n != "README.md" && !index.contains(*n)))
        .map(|name| format!("docs/adr/{name}"))
        .collect();
    refuse(&missing, "add a line with its title to docs/adr/README.md");
}

#[test]
fn the_rules_above_can_fail() {
    let text = "impl A {\n    fn one() -> u8 { 1 }\n    fn two(\n        a: u8,\n    ) -> u8 {\n        a\n    }\n    fn three(\n        a: u8,\n    );\n}\n";
    let found = functions(text);
    assert_eq!(found, [("one".to_owned(), 2, 1), ("two".to_owned(), 3, 5), ("three".to_owned(), 8, 3)]);
    assert!(mentions("use statrs::x;", "statrs") && !mentions("use my_statrs::x;", "statrs"));
    assert!(names_path("cd /x/me", "/x/") && !names_path("a/x/me", "/x/"));
    let manifest = "[workspace.dependencies]\na = 1\n[dependencies]\nb.workspace = true\n# c = 1\n[dev-dependencies]\nd = { path = \"x\" }\n[lints]\ne = 1\n";
    assert_eq!(dependencies(manifest), ["b", "d"]);
}
