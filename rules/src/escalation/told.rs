//! Who was told about an alert that has not ended, so that they hear no more of it once it has.

use schemas::notification::ends;
use schemas::row::{RowError, RowReader, RowWriter};
use schemas::{Alert, Notification, NotificationAction, Timestamp};

use super::ids;
use super::policy::Policy;

const ROW_VERSION: u8 = 1;

/// What was ordered about one alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Newest revision seen; 0: none.
    revision: u32,
    /// Channels that were ordered to tell, sorted.
    channels: Vec<String>,
}

impl Told {
    /// Orders for a revision of the alert: one for every destination, and, where the alert ends, a
    /// withdrawal for every other channel that was ordered to tell about it before. `None` for a
    /// revision seen before.
    pub fn order(&mut self, policy: &Policy, alert: &Alert, alerted_at: Timestamp) -> Option<Vec<Notification>> {
        if alert.revision <= self.revision {
            return None;
        }
        self.revision = alert.revision;
        let order = |action, route: &str, channel: &str| {
            let notification_id = ids::notification_id(alert.alert_id, alert.revision);
            Notification {
                attempt_id: ids::attempt_id(notification_id, 0, 0, channel, channel),
                notification_id,
                action,
                route: route.to_owned(),
                step: 0,
                round: 0,
                // Until recipients have contacts of their own, a channel is its recipient.
                recipient: channel.to_owned(),
                channel: channel.to_owned(),
                alerted_at,
                alert: alert.clone(),
            }
        };
        let destinations = policy.destinations(alert);
        let mut orders: Vec<Notification> =
            destinations.iter().map(|to| order(NotificationAction::Send, to.route, to.channel)).collect();
        if ends(alert) {
            let silent = self.channels.iter().filter(|told| destinations.iter().all(|to| to.channel != **told));
            orders.extend(silent.map(|channel| order(NotificationAction::Withdraw, "", channel)));
            self.channels.clear();
        } else {
            self.channels.extend(destinations.iter().map(|to| to.channel.to_owned()));
            self.channels.sort_unstable();
            self.channels.dedup();
        }
        Some(orders)
    }

    /// Nobody is left who would have to be told of the end.
    pub fn is_over(&self) -> bool {
        self.channels.is_empty()
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = RowWriter::new(out);
        w.u8(ROW_VERSION);
        w.unsigned(u64::from(self.revision));
        w.unsigned(self.channels.len() as u64);
        for channel in &self.channels {
            w.text(channel);
        }
    }

    pub fn decode(row: &[u8]) -> Result<Self, RowError> {
        let mut r = RowReader::new(row);
        let version = r.u8()?;
        if version > ROW_VERSION {
            return Err(RowError::TooNew { found: version, newest: ROW_VERSION });
        }
        let revision = u32::try_from(r.unsigned()?).map_err(|_| r.invalid("revision"))?;
        let mut channels = Vec::new();
        for _ in 0..r.unsigned()? {
            channels.push(r.text()?.to_owned());
        }
        Ok(Self { revision, channels })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use schemas::{AlertKind, AlertState, Evidence, Message, Mode, RuleRef, Severity};
    use uuid::Uuid;

    use super::super::policy::Route;
    use super::*;
    use crate::golden;

    pub(in super::super) fn alert(revision: u32, state: AlertState, severity: Severity) -> Alert {
        let at = Timestamp::from_millis(1_763_790_840_000);
        Alert {
            alert_id: Uuid::from_u128(7),
            revision,
            episode_id: Uuid::from_u128(8),
            kind: AlertKind::StockOut,
            state,
            severity,
            mode: Mode::Active,
            sku: Some("SKU-1".to_owned()),
            location: Some("STORE-7".to_owned()),
            scope: None,
            occurred_at: at,
            detected_at: at,
            opened_at: at,
            rule: RuleRef { document: "pack".to_owned(), version: 1, rule: "empty".to_owned() },
            evidence: Evidence::default(),
            message: Message::default(),
        }
    }

    fn policy() -> Policy {
        let route = |name: &str, severity_at_least, states: &[AlertState], goes_on| Route {
            name: name.to_owned(),
            kinds: Vec::new(),
            severity_at_least,
            states: states.to_vec(),
            locations: Vec::new(),
            scopes: Vec::new(),
            rules: Vec::new(),
            channels: vec![name.to_owned()],
            goes_on,
        };
        Policy {
            routes: vec![
                route("urgent", Severity::High, &[AlertState::Opened, AlertState::Updated], true),
                route("everything", Severity::Low, &[], false),
            ],
        }
    }

    fn orders(told: &mut Told, revision: u32, state: AlertState, severity: Severity) -> Vec<(String, &'static str)> {
        let alert = alert(revision, state, severity);
        let orders = told.order(&policy(), &alert, alert.occurred_at).unwrap_or_default();
        orders.into_iter().map(|order| (order.channel, order.action.name())).collect()
    }

    fn expected(list: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
        list.iter().map(|(channel, action)| ((*channel).to_owned(), *action)).collect()
    }

    #[test]
    fn the_end_reaches_everybody_who_was_told_or_is_still_being_told() {
        let mut told = Told::default();
        assert_eq!(orders(&mut told, 1, AlertState::Opened, Severity::Low), expected(&[("everything", "send")]));
        let both = expected(&[("urgent", "send"), ("everything", "send")]);
        assert_eq!(orders(&mut told, 2, AlertState::Updated, Severity::High), both);
        let mut row = Vec::new();
        told.encode(&mut row);
        let mut told = Told::decode(&row).unwrap();
        assert!(!told.is_over());
        let end = expected(&[("everything", "send"), ("urgent", "withdraw")]);
        assert_eq!(orders(&mut told, 3, AlertState::Resolved, Severity::Low), end);
        assert!(told.is_over());
        assert_eq!(orders(&mut told, 4, AlertState::Opened, Severity::Low), expected(&[("everything", "send")]));
    }

    #[test]
    fn golden_rows_of_every_version_are_read() {
        let mut told = Told::default();
        orders(&mut told, 2, AlertState::Opened, Severity::High);
        let mut row = Vec::new();
        told.encode(&mut row);
        golden::check("told", ROW_VERSION, &row, |_, row| assert_eq!(Told::decode(row).as_ref(), Ok(&told)));
        golden::refuses_newer("told", ROW_VERSION, 0, Told::decode);
    }

    #[test]
    fn a_revision_is_ordered_once() {
        let mut told = Told::default();
        assert_eq!(orders(&mut told, 2, AlertState::Opened, Severity::Low).len(), 1);
        for revision in [1, 2] {
            let again = alert(revision, AlertState::Updated, Severity::Low);
            assert_eq!(told.order(&policy(), &again, again.occurred_at), None);
        }
    }
}
