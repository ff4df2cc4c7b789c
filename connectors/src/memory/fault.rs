//! Seeded fault injection: what a log may legally do to its clients, on purpose.
//!
//! Whether a call fails is a pure function of the seed, the client's name, the operation and how
//! many times that client called it. Threads that interleave differently meet the same faults.

use processor::ports::LogError;

use super::by_name::ByName;

/// A call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    InitTransactions,
    Produce,
    SendOffsets,
    Commit,
    Abort,
    Poll,
    Committed,
    Extent,
    Read,
}

const OPERATIONS: usize = Operation::Read as usize + 1;

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InitTransactions => "init transactions",
            Self::Produce => "produce",
            Self::SendOffsets => "send offsets",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Poll => "poll",
            Self::Committed => "committed offsets",
            Self::Extent => "extent",
            Self::Read => "read",
        }
    }
}

/// What became of a commit whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    Committed,
    /// The transaction stays open until it is fenced or times out.
    NotCommitted,
    /// The request arrives some calls later, unless a new producer fenced it first.
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Any operation: nothing was done.
    Retriable,
    /// `Produce`, `SendOffsets`, `Commit`: nothing was done and the transaction has to be aborted.
    Abortable,
    /// `Commit`.
    InDoubt(Doubt),
    /// Producers: another one took the transactional id. `Poll`: another one took the instance.
    Fenced,
    /// `Poll`: the member was put out of its group.
    Lost,
    /// `Commit`: it succeeds, and its markers arrive some calls later.
    DelayedVisibility,
}

impl Fault {
    fn fits(self, operation: Operation) -> bool {
        use Operation::{Abort, Commit, Poll, Produce, SendOffsets};
        match self {
            Self::Retriable => true,
            Self::Abortable => matches!(operation, Produce | SendOffsets | Commit),
            Self::InDoubt(_) | Self::DelayedVisibility => operation == Commit,
            Self::Fenced => matches!(operation, Produce | SendOffsets | Commit | Abort | Poll),
            Self::Lost => operation == Poll,
        }
    }
}

#[derive(Clone, Debug)]
struct Rate {
    operation: Operation,
    fault: Fault,
    probability: f64,
}

#[derive(Clone, Debug)]
struct Once {
    operation: Operation,
    fault: Fault,
    /// `None`: counted over all clients.
    client: Option<String>,
    call: u64,
}

/// Which faults happen, and when. The default plan is none.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    seed: u64,
    rates: Vec<Rate>,
    once: Vec<Once>,
    delay_calls: u64,
    slow_looks: u64,
}

impl FaultPlan {
    /// A plan without faults yet. What is delayed is delayed by 8 calls to the log.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, delay_calls: 8, ..Self::default() }
    }

    /// Every call of `operation` meets `fault` with this probability, 0 to 1.
    #[must_use]
    pub fn rate(mut self, operation: Operation, fault: Fault, probability: f64) -> Self {
        self.rates.push(Rate { operation, fault, probability });
        self
    }

    /// The `call`-th call of `operation`, from 1 on and over all clients, meets `fault`.
    #[must_use]
    pub fn at(mut self, operation: Operation, call: u64, fault: Fault) -> Self {
        self.once.push(Once { operation, fault, client: None, call });
        self
    }

    /// Like [`FaultPlan::at`] for the calls of one client: a transactional id, `group/instance`, or
    /// `reader`. Reopened clients go on counting.
    #[must_use]
    pub fn at_client(mut self, client: &str, operation: Operation, call: u64, fault: Fault) -> Self {
        self.once.push(Once { operation, fault, client: Some(client.to_owned()), call });
        self
    }

    /// How many calls to the log (by whomever) late requests and delayed markers take, at most.
    #[must_use]
    pub fn delay_calls(self, delay_calls: u64) -> Self {
        Self { delay_calls, ..self }
    }

    /// Whoever does not wait for offsets or a commit looks for the answer so many times in vain, at most.
    #[must_use]
    pub fn slow_looks(self, slow_looks: u64) -> Self {
        Self { slow_looks, ..self }
    }

    fn check(&self) -> Result<(), LogError> {
        let planned = self.rates.iter().map(|rate| (rate.operation, rate.fault));
        match planned
            .chain(self.once.iter().map(|once| (once.operation, once.fault)))
            .find(|(at, fault)| !fault.fits(*at))
        {
            None => Ok(()),
            Some((at, fault)) => {
                let reason = format!("{fault:?} cannot happen to {}", at.name());
                Err(LogError::Fatal { operation: "inject faults", reason })
            }
        }
    }
}

/// A fault that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Injected {
    pub client: String,
    pub operation: Operation,
    /// Which call of this client it was, from 1 on.
    pub call: u64,
    pub fault: Fault,
}

struct Client {
    name: String,
    hash: u64,
    calls: [u64; OPERATIONS],
    /// Calls that were started without waiting.
    started: u64,
}

/// The plan in force and what came of it.
#[derive(Default)]
pub(super) struct Faults {
    plan: FaultPlan,
    clients: ByName<Client>,
    calls: [u64; OPERATIONS],
    pub(super) injected: Vec<Injected>,
}

impl Faults {
    /// Replaces the plan and starts counting anew.
    pub(super) fn install(&mut self, plan: FaultPlan) -> Result<(), LogError> {
        plan.check()?;
        self.plan = plan;
        self.calls = [0; OPERATIONS];
        self.clients.iter_mut().for_each(|client| client.calls = [0; OPERATIONS]);
        self.injected.clear();
        Ok(())
    }

    pub(super) fn client(&mut self, name: &str) -> usize {
        let new = || Client { name: name.to_owned(), hash: fnv1a(name), calls: [0; OPERATIONS], started: 0 };
        self.clients.index_or(name, new)
    }

    /// Counts a call and says what shall happen to it.
    pub(super) fn decide(&mut self, operation: Operation, client: usize) -> Option<Fault> {
        if self.plan.rates.is_empty() && self.plan.once.is_empty() {
            return None;
        }
        let overall = &mut self.calls[operation as usize];
        *overall += 1;
        let client = self.clients.get_mut(client);
        client.calls[operation as usize] += 1;
        let call = client.calls[operation as usize];
        let fault = self.plan.decide(operation, client, *overall, call)?;
        self.injected.push(Injected { client: client.name.clone(), operation, call, fault });
        Some(fault)
    }

    /// How often the answer to a call that is now started is looked for in vain.
    pub(super) fn looks(&mut self, client: usize) -> u64 {
        let client = self.clients.get_mut(client);
        client.started += 1;
        mix(self.plan.seed ^ mix(client.hash ^ client.started)) % (self.plan.slow_looks + 1)
    }

    /// After how many calls something late arrives: 1 to the plan's limit.
    pub(super) fn delay(&self, transaction: u64) -> u64 {
        1 + mix(self.plan.seed ^ transaction) % self.plan.delay_calls.max(1)
    }
}

impl FaultPlan {
    fn decide(&self, operation: Operation, client: &Client, overall: u64, call: u64) -> Option<Fault> {
        let planned = self.once.iter().find(|once| {
            let count = match &once.client {
                None => overall,
                Some(name) if *name == client.name => call,
                Some(_) => return false,
            };
            once.operation == operation && once.call == count
        });
        if let Some(once) = planned {
            return Some(once.fault);
        }
        let draw = mix(self.seed ^ mix(client.hash ^ mix(call ^ ((operation as u64) << 56))));
        let rates = self.rates.iter().enumerate().filter(|(_, rate)| rate.operation == operation);
        let mut met = rates.filter(|(nth, rate)| uniform(mix(draw ^ *nth as u64)) < rate.probability);
        met.next().map(|(_, rate)| rate.fault)
    }
}

/// One step of splitmix64 (Steele, Lea & Flood 2014).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 53 random bits as a number in [0, 1).
fn uniform(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(plan: FaultPlan, order: &[&str]) -> Vec<Injected> {
        let mut faults = Faults::default();
        faults.install(plan).unwrap();
        for name in order {
            let client = faults.client(name);
            faults.decide(Operation::Commit, client);
        }
        faults.injected.sort();
        faults.injected
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_however_clients_interleave() {
        let plan = |seed| FaultPlan::seeded(seed).rate(Operation::Commit, Fault::Retriable, 0.2);
        let turns: Vec<&str> = ["a", "b"].repeat(500);
        let mut blocks = vec!["a"; 500];
        blocks.extend(vec!["b"; 500]);
        let faults = run(plan(7), &turns);
        assert_eq!(faults, run(plan(7), &blocks));
        assert_ne!(faults, run(plan(8), &turns));
        assert!((150..250).contains(&faults.len()), "{} of 1000 at a rate of 0.2", faults.len());
    }

    #[test]
    fn a_planned_call_fails_once() {
        let plan = FaultPlan::seeded(0).at(Operation::Commit, 3, Fault::Fenced).at_client(
            "b",
            Operation::Commit,
            1,
            Fault::Abortable,
        );
        let met: Vec<_> =
            run(plan, &["a", "b", "a", "a"]).into_iter().map(|met| (met.client, met.call, met.fault)).collect();
        assert_eq!(met, [("a".to_owned(), 2, Fault::Fenced), ("b".to_owned(), 1, Fault::Abortable)]);
    }

    #[test]
    fn a_fault_that_cannot_happen_is_refused() {
        let plan = FaultPlan::seeded(0).rate(Operation::Read, Fault::Lost, 0.5);
        assert!(Faults::default().install(plan).is_err());
    }
}
