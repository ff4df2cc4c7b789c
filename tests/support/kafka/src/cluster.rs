//! A cluster: its nodes, its ports and the directory they live in. It must never leave a process
//! or a temporary directory behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::Options;
use crate::guard::{Remover, wait_until};
use crate::install::Installation;
use crate::node::Node;
use crate::settings::{self, Ports, Proxied};
use crate::{ports, probe};

/// Two cores that also compile and run other clusters are slow.
const START_LIMIT: Duration = Duration::from_mins(2);
const START_ATTEMPTS: u32 = 5;

/// A running cluster, or somebody else's. Dropping it kills its brokers and removes their temporary directory.
#[derive(Debug)]
pub struct Kafka {
    bootstrap: String,
    nodes: Vec<Mutex<Node>>,
    ports: Vec<Ports>,
    directory: PathBuf,
    // In this order: brokers end, the directory goes, then nobody needs to watch over it.
    home: Option<TempDir>,
    remover: Option<Remover>,
}

impl Kafka {
    /// As [`Kafka::start`], for those who can do something about a failure.
    #[allow(clippy::needless_pass_by_value, reason = "callers write the options where they start")]
    pub fn try_start(options: Options) -> Result<Self> {
        ensure!(matches!(options.brokers, 1 | 3), "{} brokers: a test cluster has 1 or 3", options.brokers);
        let installation = Installation::find()?;
        let mut attempt = 1;
        loop {
            let kafka = Self::create(&options, &installation)?;
            match kafka.start_brokers() {
                Ok(()) => return Ok(kafka),
                // Another process was quicker to take one of the ports that were free a moment ago.
                Err(e) if attempt < START_ATTEMPTS && format!("{e:#}").contains("Address already in use") => {
                    attempt += 1;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// A cluster that others run.
    pub(crate) fn elsewhere(bootstrap: String) -> Self {
        Self { bootstrap, nodes: Vec::new(), ports: Vec::new(), directory: PathBuf::new(), home: None, remover: None }
    }

    fn create(options: &Options, installation: &Installation) -> Result<Self> {
        let (home, remover, directory) = home(options)?;
        let ports = (0..u16::from(options.brokers)).map(|i| ports_of(i, options)).collect::<Result<Vec<_>>>()?;
        let cluster_id = cluster_id(&directory)?;
        let mut nodes = Vec::new();
        for index in 0..ports.len() {
            let home = directory.join(format!("node-{}", index + 1));
            let text = settings::text(index, &ports, &Node::data(&home), options);
            nodes.push(Node::create(home, index + 1, &cluster_id, &text, options.heap_mb, installation)?.into());
        }
        let addresses: Vec<String> = ports.iter().map(|p| format!("127.0.0.1:{}", p.client)).collect();
        Ok(Self { bootstrap: addresses.join(","), nodes, ports, directory, home, remover })
    }

    /// `host:port[,host:port…]`, what clients call `bootstrap.servers`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The listener behind a proxy of each broker, where [`Options::proxied`] asked for it.
    pub fn proxied(&self) -> Vec<Proxied> {
        self.ports.iter().filter_map(|ports| ports.proxied).collect()
    }

    /// Whether this process started it. Of somebody else's cluster no broker is ever stopped.
    pub fn is_ours(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// How many brokers it has, running or not; 0 if it is not ours.
    pub fn brokers(&self) -> usize {
        self.nodes.len()
    }

    /// Where the nodes keep their data and logs: `node-1/broker.log`. Empty if it is not ours.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process of a broker, counted from 0, while it runs.
    pub fn pid(&self, broker: usize) -> Option<u32> {
        self.node(broker).pid()
    }

    /// Stops all brokers in order, as an operator does. Does nothing to a cluster that is not ours.
    pub fn stop(&self) {
        // All at once: two nodes of three cannot leave in order one after the other, the last has no quorum.
        self.each(Node::ask_to_end);
        self.each(|node| _ = node.stop());
    }

    /// SIGKILL to all brokers. Does nothing to a cluster that is not ours.
    pub fn kill(&self) {
        self.each(Node::kill);
    }

    /// Stops one broker, counted from 0, in order: it hands over what it leads and closes its files.
    pub fn stop_broker(&self, broker: usize) {
        self.node(broker).stop();
    }

    /// SIGKILL to one broker, counted from 0.
    pub fn kill_broker(&self, broker: usize) {
        self.node(broker).kill();
    }

    /// Starts a broker again on its ports and its data, and waits until it serves; without a majority
    /// of the brokers none can, and the wait is left to the start that makes it one.
    ///
    /// # Panics
    /// When it does not come to serve; the message ends with its log.
    pub fn start_broker(&self, broker: usize) {
        // Two statements: the first must have let go of the node before the second looks at all of them.
        let spawned = self.node(broker).spawn();
        spawned.and_then(|()| self.wait()).unwrap_or_else(|e| panic!("{e:#}"));
    }

    /// Starts all brokers that do not run and waits until all serve.
    pub fn start_brokers(&self) -> Result<()> {
        for node in &self.nodes {
            lock(node).spawn()?;
        }
        self.wait()
    }

    /// Until every running broker serves and knows of all the other running ones.
    fn wait(&self) -> Result<()> {
        let running: Vec<usize> = (0..self.nodes.len()).filter(|i| lock(&self.nodes[*i]).is_running()).collect();
        if running.len() * 2 <= self.nodes.len() {
            return Ok(());
        }
        for &index in &running {
            let mut gone = false;
            let served = wait_until(START_LIMIT, || {
                gone = !lock(&self.nodes[index]).is_running();
                let seen = probe::brokers(self.ports[index].open());
                gone || running.iter().all(|i| seen.contains(&(*i as i32 + 1)))
            });
            if gone || !served {
                let what = if gone { "ended" } else { "does not serve" };
                bail!("broker {index} of the test Kafka {what}; {}", lock(&self.nodes[index]).tail());
            }
        }
        Ok(())
    }

    fn each(&self, act: impl Fn(&mut Node)) {
        self.nodes.iter().for_each(|node| act(&mut lock(node)));
    }

    fn node(&self, broker: usize) -> MutexGuard<'_, Node> {
        let node = self.nodes.get(broker);
        lock(node.unwrap_or_else(|| panic!("no broker {broker}: this process runs {} of them", self.nodes.len())))
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
        drop(self.home.take());
        drop(self.remover.take());
    }
}

fn lock(node: &Mutex<Node>) -> MutexGuard<'_, Node> {
    node.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory of the cluster, and what removes it if it is temporary.
fn home(options: &Options) -> Result<(Option<TempDir>, Option<Remover>, PathBuf)> {
    if let Some(directory) = &options.directory {
        let directory = std::path::absolute(directory).context("the data directory of Kafka")?;
        refuse_other_sizes(&directory, options.brokers)?;
        return Ok((None, None, directory));
    }
    let home = TempDir::with_prefix("quartermaster-kafka-").context("no temporary directory for Kafka")?;
    let remover = Remover::of(home.path())?;
    let directory = home.path().to_owned();
    Ok((Some(home), Some(remover), directory))
}

/// A cluster does not change its size: the records of its controllers name their voters.
fn refuse_other_sizes(directory: &Path, brokers: u8) -> Result<()> {
    let kept = (1..=3).filter(|id| directory.join(format!("node-{id}")).is_dir()).count();
    ensure!(
        kept == 0 || kept == usize::from(brokers),
        "{} holds a cluster of {kept} brokers, not {brokers}: use another directory or remove it",
        directory.display()
    );
    Ok(())
}

fn ports_of(index: u16, options: &Options) -> Result<Ports> {
    let client = match options.port {
        Some(first) => ports::named(first.checked_add(index).context("the last port is 65535: choose lower ones")?)?,
        None => ports::free()?,
    };
    let internal = options.sasl_plain.as_ref().map(|_| ports::free()).transpose()?;
    let proxied =
        if options.proxied { Some(Proxied { advertised: ports::free()?, broker: ports::free()? }) } else { None };
    Ok(Ports { client, controller: ports::free()?, internal, proxied })
}

/// That of the data there, or a new one.
fn cluster_id(directory: &Path) -> Result<String> {
    let kept = Node::data(&directory.join("node-1")).join("meta.properties");
    if !kept.is_file() {
        return Ok(ports::identifier());
    }
    let text = fs::read_to_string(&kept).with_context(|| kept.display().to_string())?;
    let id = text.lines().find_map(|line| line.strip_prefix("cluster.id="));
    Ok(id.with_context(|| format!("{} names no cluster.id: remove its directory", kept.display()))?.to_owned())
}
