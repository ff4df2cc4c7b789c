//! Finds Java and the jars that `scripts/kafka-jars.sh` and `scripts/connect-jars.sh` keep; it must never
//! fetch or install anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

const POM: &str = include_str!("../pom.xml");
const CONNECT_POM: &str = include_str!("../connect/pom.xml");
const WHAT_TO_DO: &str = "run `make setup-kafka` once (`make test` does it by itself)";
const CONNECT_WHAT_TO_DO: &str = "run `make setup-connect` once (`make test` does it by itself)";
/// Programs that live for seconds: the quick compiler only, and no threads for collecting garbage.
const QUICK_JVM: [&str; 4] = ["-Xms64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"];

/// The directory of `scripts/kafka-jars.sh`.
#[derive(Debug)]
pub(crate) struct Installation(PathBuf);

impl Installation {
    pub(crate) fn find() -> Result<Self> {
        find_java(WHAT_TO_DO)?;
        let directory = cache()?.join("quartermaster/kafka").join(version(POM, "kafka.version")?);
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
        line.extend(QUICK_JVM.map(str::to_owned));
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

fn find_java(what_to_do: &str) -> Result<()> {
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(
        java.is_ok_and(|status| status.success()),
        "Kafka needs Java, and there is no `java` in PATH: {what_to_do}"
    );
    Ok(())
}

/// What a pom says between `<name>` and `</name>`.
fn version(pom: &'static str, name: &str) -> Result<&'static str> {
    let after = pom.split_once(&format!("<{name}>")).with_context(|| format!("pom.xml names no {name}"))?.1;
    Ok(after.split_once('<').with_context(|| format!("pom.xml does not close {name}"))?.0)
}

/// The directory of `scripts/connect-jars.sh`.
#[derive(Debug)]
pub(crate) struct ConnectInstallation(PathBuf);

impl ConnectInstallation {
    pub(crate) fn find() -> Result<Self> {
        find_java(CONNECT_WHAT_TO_DO)?;
        let connect = version(CONNECT_POM, "connect.version")?;
        let debezium = version(CONNECT_POM, "debezium.version")?;
        let directory = cache()?.join("quartermaster/connect").join(format!("{connect}-{debezium}"));
        if !directory.join("plugins").is_dir() {
            bail!("the jars of Kafka Connect are not in {}: {CONNECT_WHAT_TO_DO}", directory.display());
        }
        Ok(Self(directory))
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    /// `java` and its arguments up to the name of the settings file.
    pub(crate) fn command_line(&self, log4j: &Path) -> Vec<String> {
        let mut line = vec!["java".to_owned(), "-Xmx320m".to_owned()];
        line.extend(QUICK_JVM.map(str::to_owned));
        line.push(format!("-Dlog4j2.configurationFile={}", log4j.display()));
        line.extend(["-cp".to_owned(), format!("{}/lib/*", self.0.display())]);
        line.push("org.apache.kafka.connect.cli.ConnectDistributed".to_owned());
        line
    }
}
