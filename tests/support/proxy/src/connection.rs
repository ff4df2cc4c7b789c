//! One connection of a client through to its broker: two directions that share what is under way.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::sleep;

use crate::forge;
use crate::frame::{self, Head};
use crate::rules::{Action, Direction, Rules};

/// Of a request so much is kept until its answer: ids and names stand at the beginning.
const KEPT: usize = 512;

/// A request whose answer is still to come.
struct Expected {
    head: Head,
    beginning: Vec<u8>,
    /// Of a repeated request the client knows nothing.
    swallow: bool,
}

struct Shared {
    route: usize,
    rules: Arc<Rules>,
    /// Requests may be repeated, so a number may be there twice; brokers answer in order.
    expected: Mutex<HashMap<i32, VecDeque<Expected>>>,
    client: AsyncMutex<OwnedWriteHalf>,
}

/// Runs until either side ends, or until a rule ends it.
pub(crate) async fn run(client: TcpStream, broker: TcpStream, route: usize, rules: Arc<Rules>) -> io::Result<()> {
    client.set_nodelay(true)?;
    broker.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let shared = Shared { route, rules, expected: Mutex::default(), client: AsyncMutex::new(to_client) };
    tokio::select! {
        ended = shared.requests(from_client, to_broker) => ended,
        ended = shared.answers(from_broker) => ended,
    }
}

impl Shared {
    async fn requests(&self, mut client: OwnedReadHalf, mut broker: OwnedWriteHalf) -> io::Result<()> {
        while let Some(request) = frame::read(&mut client).await? {
            let Some(head) = frame::head(&request) else { return Ok(()) };
            self.rules.count_request(head.api, head.version);
            let beginning = &request[..request.len().min(KEPT)];
            match self.rules.meet(head.api, Direction::Request, self.route, beginning) {
                None => {}
                Some(Action::Drop) => continue,
                Some(Action::Cut) => return Ok(()),
                Some(Action::Delay(time)) => sleep(time).await,
                Some(Action::Duplicate) => {
                    self.expect(head, beginning, false);
                    frame::write(&mut broker, &request).await?;
                    self.expect(head, beginning, true);
                    frame::write(&mut broker, &request).await?;
                    continue;
                }
                Some(Action::Error(code)) => {
                    if let Some(answer) = forge::answer(head, code) {
                        frame::write(&mut *self.client.lock().await, &answer).await?;
                        continue;
                    }
                }
            }
            self.expect(head, beginning, false);
            frame::write(&mut broker, &request).await?;
        }
        Ok(())
    }

    async fn answers(&self, mut broker: OwnedReadHalf) -> io::Result<()> {
        while let Some(mut answer) = frame::read(&mut broker).await? {
            let Some(expected) = frame::correlation(&answer).and_then(|number| self.take(number)) else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that nobody asked for"));
            };
            if expected.swallow {
                continue;
            }
            match self.rules.meet(expected.head.api, Direction::Answer, self.route, &expected.beginning) {
                None | Some(Action::Duplicate) => {}
                Some(Action::Drop) => continue,
                Some(Action::Cut) => return Ok(()),
                Some(Action::Delay(time)) => sleep(time).await,
                Some(Action::Error(code)) => {
                    answer = forge::with_error(expected.head, &answer, code).unwrap_or(answer);
                }
            }
            frame::write(&mut *self.client.lock().await, &answer).await?;
        }
        Ok(())
    }

    fn expect(&self, head: Head, beginning: &[u8], swallow: bool) {
        let expected = Expected { head, beginning: beginning.to_vec(), swallow };
        self.expected().entry(head.correlation).or_default().push_back(expected);
    }

    fn take(&self, correlation: i32) -> Option<Expected> {
        let mut all = self.expected();
        let queue = all.get_mut(&correlation)?;
        let first = queue.pop_front();
        if queue.is_empty() {
            all.remove(&correlation);
        }
        first
    }

    fn expected(&self) -> MutexGuard<'_, HashMap<i32, VecDeque<Expected>>> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
