//! The listeners, one for each broker, on a runtime of their own; and the handle to the rules.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use crate::connection;
use crate::rules::{Rule, RuleId, Rules};

/// A port of the proxy on 127.0.0.1 and the port of the broker behind it.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub listen: u16,
    pub broker: u16,
}

/// A proxy for the brokers of one cluster. Dropping it ends all its connections.
pub struct Proxy {
    rules: Arc<Rules>,
    listen: Vec<u16>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Listens on all routes; what the rules leave to chance is drawn from the seed.
    pub fn start(routes: &[Route], seed: u64) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("proxy").enable_all().build();
        let runtime = runtime.context("no runtime for the proxy")?;
        let rules = Arc::new(Rules::seeded(seed));
        for (index, route) in routes.iter().enumerate() {
            let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, route.listen)));
            let listener = listener.with_context(|| format!("the proxy cannot listen on port {}", route.listen))?;
            runtime.spawn(accept(listener, route.broker, index, Arc::clone(&rules)));
        }
        let listen = routes.iter().map(|route| route.listen).collect();
        Ok(Self { rules, listen, runtime: Some(runtime) })
    }

    /// What clients call `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        self.listen.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
    }

    pub fn set(&self, rule: Rule) -> RuleId {
        self.rules.set(rule)
    }

    pub fn remove(&self, rule: RuleId) {
        self.rules.remove(rule);
    }

    pub fn clear(&self) {
        self.rules.clear();
    }

    /// How often a rule was met, also after it was removed.
    pub fn hits(&self, rule: RuleId) -> u64 {
        self.rules.hits(rule)
    }

    /// What was done so far, by action and request.
    pub fn done(&self) -> BTreeMap<(&'static str, i16), u64> {
        self.rules.done()
    }

    /// Requests that came so far, by number and version.
    pub fn seen(&self) -> BTreeMap<(i16, i16), u64> {
        self.rules.seen()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, broker: u16, route: usize, rules: Arc<Rules>) {
    // Accepting fails for want of file descriptors only, and then passes.
    loop {
        if let Ok((client, _)) = listener.accept().await {
            let rules = Arc::clone(&rules);
            tokio::spawn(async move {
                // A broker that is away refuses; the client then sees its connection end, as it should.
                if let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await {
                    // How a connection ends is the business of its two ends.
                    let _ = connection::run(client, broker, route, rules).await;
                }
            });
        }
    }
}
