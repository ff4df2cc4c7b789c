//! Every alert kind this version detects, in the order in which alerts of one instant appear.
//!
//! How a rule of the kind is written stands in [`crate::ruleset::KINDS`], in the same order.

use schemas::AlertKind;

use super::{Detector, demand_surge, low_stock, stock_out};

pub static DETECTORS: [Detector; 3] = [low_stock::DETECTOR, stock_out::DETECTOR, demand_surge::DETECTOR];

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
        assert_eq!(DETECTORS.each_ref().map(|d| d.kind), DETECTED);
        assert!(DETECTED.is_sorted(), "alerts of one instant come in the order of AlertKind");
    }
}
