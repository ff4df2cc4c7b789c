//! The item of an alert at its other locations, which are all in this partition: who could give some, who sells it.

use processor::table::{KeyId, StateTable};
use rules::decide;
use rules::detectors::asks_elsewhere;
use rules::network::Elsewhere;
use schemas::Timestamp;

use super::rows::{positions_of, split_position_key};
use super::{Ctx, ProcessOperator, Row, emit_alerts};

impl ProcessOperator {
    /// Emits the alert lines of a position, those that ask for the item's other locations with them in sight.
    pub(super) fn tell_elsewhere(&mut self, ctx: &mut Ctx<'_>, id: KeyId, now: Timestamp) {
        let mut alerts = std::mem::take(&mut self.alerts);
        let mut asking = alerts.iter_mut().filter(|alert| asks_elsewhere(alert)).peekable();
        if asking.peek().is_some() {
            let elsewhere = self.elsewhere(ctx.states, id);
            let row = ctx.states.derived_mut(id).and_then(Row::as_position_mut);
            if let Some((state, around)) = row.filter(|_| !elsewhere.is_empty()) {
                let env = self.world.around(around, ctx.now);
                for alert in asking {
                    decide::tell_with(&env, state, now, &elsewhere, alert);
                }
            }
        }
        emit_alerts(&mut alerts, ctx);
        self.alerts = alerts;
    }

    /// The other locations of a position's item, in order of name. Of a place that is blind nothing is known.
    fn elsewhere(&mut self, states: &mut StateTable<Row>, own: KeyId) -> Vec<Elsewhere> {
        let Some((sku, _)) = split_position_key(states.key(own)) else { return Vec::new() };
        positions_of(sku, &mut self.key);
        let others = states.with_prefix(&self.key);
        let at = |id: KeyId| {
            let (_, location) = split_position_key(states.key(id))?;
            let Some(Row::Position(row)) = states.get(id) else { return None };
            let place = self.world.place(location);
            (!self.world.site.is_blind(location)).then(|| Elsewhere::of(&row.state, &place)).flatten()
        };
        others.into_iter().filter(|id| *id != own).filter_map(at).collect()
    }
}
