//! Deterministic identities: ordering a notification again gives the same ids.

use uuid::Uuid;

/// Namespace of notification ids. Part of the contract: changing it renames every notification.
const NOTIFICATIONS: Uuid = Uuid::from_u128(0x0f3c_8a61_52b7_5c9e_b0d4_6e21_9a7f_13c8);

/// UUIDv5 of `alert_id:revision`.
pub fn notification_id(alert_id: Uuid, revision: u32) -> Uuid {
    Uuid::new_v5(&NOTIFICATIONS, format!("{alert_id}:{revision}").as_bytes())
}

/// UUIDv5 of `step|round|recipient|channel` in the namespace of the notification. Names of recipients
/// and channels hold no `|`.
pub fn attempt_id(notification: Uuid, step: i32, round: i32, recipient: &str, channel: &str) -> Uuid {
    Uuid::new_v5(&notification, format!("{step}|{round}|{recipient}|{channel}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_part_of_the_contract() {
        let notification = notification_id(Uuid::from_u128(1), 2);
        assert_eq!(notification.get_version_num(), 5);
        let id = attempt_id(notification, 0, 0, "ops", "ops");
        assert_eq!(id, attempt_id(notification_id(Uuid::from_u128(1), 2), 0, 0, "ops", "ops"));
        for other in [attempt_id(notification, 1, 0, "ops", "ops"), attempt_id(notification, 0, 1, "ops", "ops")] {
            assert_ne!(id, other);
        }
        assert_ne!(id, attempt_id(notification, 0, 0, "ops", "hq"));
        assert_ne!(notification, notification_id(Uuid::from_u128(1), 3));
    }
}
