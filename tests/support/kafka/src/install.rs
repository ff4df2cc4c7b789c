//! Finds Java and the jars that `scripts/kafka-jars.sh` keeps; it must never fetch or install anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

const POM: &str = include_str!("../pom.xml");
const WHAT_TO_DO: &str = "run `make setup-kafka` once (`make test` does it by itself)";

/// The directory of `scripts/kafka-jars.sh`.
#[derive(Debug)]
pub(crate) struct Installation(PathBuf);

impl Installation {
    pub(crate) fn find() -> Result<Self> {
        let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !java.is_ok_and(|status| status.success()) {
            bail!("Kafka needs Java, and there is no `java` in PATH: {WHAT_TO_DO}");
        }
        let directory = cache()?.join("quartermaster/kafka").join(version()?);
        if !directory.join("bootstrap.checkpoint").is_file() {
            bail!("Kafka's jars are not in {}: {WHAT_TO_DO}", directory.display());
        }
        Ok(Self(directory))
    }

    /// The record a formatted data directory begins with: which features the cluster has.
    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.0.join("bootstrap.checkpoint")
    }

    /// `java` and its arguments up to the name of the settings file.
    pub(crate) fn command_line(&self, heap_mb: u32, log4j: &Path) -> Vec<String> {
        let mut line = vec!["java".to_owned(), format!("-Xmx{heap_mb}m")];
        // Brokers that live for seconds: the quick compiler only, and no threads for collecting garbage.
        line.extend(["-Xms64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"].map(str::to_owned));
        let classes = self.0.join("classes.jsa");
        if classes.is_file() {
            line.push(format!("-XX:SharedArchiveFile={}", classes.display()));
        }
        line.push(format!("-Dlog4j2.configurationFile={}", log4j.display()));
        line.extend(["-cp".to_owned(), format!("{}/lib/*", self.0.display()), "kafka.Kafka".to_owned()]);
        line
    }
}

fn cache() -> Result<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("Kafka's jars are under ~/.cache, and HOME is not set: set it")
}

fn version() -> Result<&'static str> {
    let after = POM.split_once("<kafka.version>").context("pom.xml names no kafka.version")?.1;
    Ok(after.split_once('<').context("pom.xml does not close kafka.version")?.0)
}
