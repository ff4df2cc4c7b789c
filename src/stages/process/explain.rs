//! Why a rule decides about a position, and another does not: for a look at the end of a replay, never in a service.

use processor::operator::Rejection;
use processor::table::StateTable;
use rules::decide::Key;
use rules::environment::{Environment, Moment};
use rules::explain::{self, Explanation};
use schemas::Timestamp;

use super::{ProcessOperator, Row, position_key};

impl ProcessOperator {
    /// What decides about a position at `at`. Opens what is not there: nothing may be decided after it.
    pub fn explain(
        &mut self,
        states: &mut StateTable<Row>,
        key: Key<'_>,
        at: Timestamp,
    ) -> Result<Explanation, Rejection> {
        position_key(key.sku, key.location, &mut self.key)?;
        let id = states.intern(&self.key);
        let around = self.surroundings(states, key);
        let state = match states.get(id) {
            Some(Row::Position(row)) => Some(&row.state),
            _ => None,
        };
        let now = Moment { stream_time: at, closed_before: at };
        let Self { world, .. } = self;
        let env =
            Environment { rules: world.rules(), item: &around.item, place: &around.place, site: &world.site, now };
        Ok(explain::explain(&env, state, at))
    }
}
