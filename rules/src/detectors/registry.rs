//! Every alert kind of a SKU at a location, in the order in which alerts of one instant appear. The one that is
//! about none, `feed_stale`, is judged in [`crate::feeds`].
//!
//! How a rule of the kind is written stands in [`crate::ruleset::KINDS`], in the same order.

use schemas::AlertKind;

use super::{
    Detector, abnormal_outbound, data_quality, demand_surge, expiry_risk, low_stock, shrinkage, slow_mover, stock_out,
};

pub static DETECTORS: [Detector; 8] = [
    low_stock::DETECTOR,
    stock_out::DETECTOR,
    slow_mover::DETECTOR,
    shrinkage::DETECTOR,
    expiry_risk::DETECTOR,
    abnormal_outbound::DETECTOR,
    demand_surge::DETECTOR,
    data_quality::DETECTOR,
];

#[must_use]
pub fn detector(kind: AlertKind) -> Option<&'static Detector> {
    DETECTORS.iter().find(|d| d.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::DETECTED;

    #[test]
    fn every_kind_a_rule_can_name_has_a_detector_and_the_reverse() {
        let of_keys: Vec<AlertKind> = DETECTED.into_iter().filter(|kind| *kind != AlertKind::FeedStale).collect();
        assert_eq!(DETECTORS.each_ref().map(|d| d.kind).to_vec(), of_keys);
        assert!(DETECTED.is_sorted(), "alerts of one instant come in the order of AlertKind");
    }
}
