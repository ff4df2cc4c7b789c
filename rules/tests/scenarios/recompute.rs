//! A person gets the same figures from the evidence in an alert.

use rules::threshold::gamma_quantile;
use schemas::{Alert, AlertKind, AlertState, EvidenceValue};
use statrs::distribution::{DiscreteCDF, NegativeBinomial};

/// The evidence of a low-stock alert is enough to work the reorder point out by hand.
pub(crate) fn reorder_point(alert: &Alert) {
    let figure = |name: &str| {
        alert.evidence.0.iter().find(|(n, _)| n == name).and_then(|(_, v)| match v {
            EvidenceValue::Number(v) => Some(*v),
            _ => None,
        })
    };
    let (Some(reorder_point), Some(level)) = (figure("reorder_point"), figure("service_level")) else { return };
    let of = |name| figure(name).unwrap_or_else(|| panic!("{name} is missing"));
    let (velocity, lead_time) = (of("velocity_per_day"), of("lead_time_days"));
    if velocity == 0.0 {
        return; // nothing to recompute from
    }
    let mean = velocity * lead_time;
    let sd = (lead_time * of("velocity_sd_per_day").powi(2) + (velocity * of("lead_time_sd_days")).powi(2)).sqrt();
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} is not {b}");
    close(of("lead_time_demand"), mean);
    close(of("lead_time_demand_sd"), sd);
    close(mean + of("safety_factor") * sd, reorder_point);
    let (unknown_mean, undershoot) = (lead_time * of("velocity_sd_per_day"), of("undershoot"));
    let predictive = sd.powi(2) + unknown_mean.powi(2) / of("observed_days").max(1.0) + undershoot.powi(2) / 2.0;
    let risk = ((1.0 - level) * of("allocation_weight") * of("calibration_factor")).min(0.8);
    close(of("stock_out_risk"), risk);
    let demand_variance = of("velocity_sd_per_day").powi(2);
    let spread = velocity * of("lead_time_sd_days");
    let third = 2.0 * lead_time * demand_variance.powi(2) / velocity
        + 3.0 * demand_variance * velocity * of("lead_time_sd_days").powi(2)
        + of("lead_time_skew") * spread.powi(3);
    close(of("lead_time_demand_skew") * sd.powi(3), third);
    let all = mean + 1.5 * undershoot;
    let beyond =
        if third > 0.0 { all.min((2.0 * predictive.powi(2) / third).max(2.0 / 3.0 * predictive.sqrt())) } else { all };
    close(all - beyond + gamma_quantile(beyond, predictive.sqrt(), 1.0 - risk), reorder_point);
    close(of("safety_stock"), (reorder_point - mean).max(0.0));
    close(of("inventory_position"), of("available") + of("on_order"));
    close(of("available"), of("on_hand") - of("reserved"));
}

/// The score of a surge, from the windows its evidence names and the formulas of docs/decisions.md.
pub(crate) fn surge_score(alert: &Alert) {
    let number = |name: &str| {
        alert.evidence.0.iter().find_map(|(n, v)| match v {
            EvidenceValue::Number(v) if n == name => Some(*v),
            _ => None,
        })
    };
    let windows = alert.evidence.0.iter().find_map(|(n, v)| match v {
        EvidenceValue::Text(text) if n == "windows" => Some(text),
        _ => None,
    });
    let (Some(windows), Some(score)) = (windows, number("score")) else { return };
    let factor = number("site_factor_today").unwrap().max(number("planned_uplift").unwrap_or(0.0));
    let today = number("expected_share_of_day").unwrap() * factor;
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-3 * b.abs().max(0.1), "{a} is not {b} in {windows}");
    let weights = windows.split("; ").map(|window| {
        let words = window.split([' ', ',']).filter_map(|word| word.parse().ok());
        let mut figures: [f64; 7] = words.collect::<Vec<f64>>().try_into().unwrap();
        let since_a_line = window.starts_with("since");
        if since_a_line {
            figures.swap(0, 1);
        }
        let [before, lines, rate, phi, mean, variance, bayes_factor] = figures;
        let (expected, weight) = if since_a_line {
            ((rate * (before * factor + 0.1)).max(0.01), 0.1)
        } else {
            (rate * (today + before + 0.3) + 0.1, 10_f64.powf(-0.2 * before))
        };
        close(mean, expected);
        close(variance, (mean * (1.0 + 0.3 * (phi - 1.0)) + mean * mean / (40.0 * rate + 1.0)).max(1.0001 * mean));
        let r = mean * mean / (variance - mean);
        let ln_ratio = |k: f64| {
            let rising = |r: f64| (0..lines as u32).map(|i| (r + f64::from(i)).ln()).sum::<f64>();
            rising(k * r) - rising(r) - (k - 1.0) * r * (1.0 + mean / r).ln()
        };
        let ratios = [2.0, 3.0, 5.0, 10.0].map(|k| ln_ratio(k).exp());
        close((ratios.iter().sum::<f64>() / 4.0).log10(), bayes_factor.log10());
        weight * bayes_factor
    });
    close(weights.sum::<f64>().log10().max(0.0), score);
}

/// Why what a stocktake found missing, or a run of losses, is no chance.
pub(crate) fn losses(alert: &Alert) {
    let figure = |name: &str| {
        alert.evidence.0.iter().find(|(n, _)| n == name).and_then(|(_, v)| match v {
            EvidenceValue::Number(v) => Some(*v),
            EvidenceValue::Integer(v) => Some(*v as f64),
            _ => None,
        })
    };
    let of = |name| figure(name).unwrap_or_else(|| panic!("{name} is missing"));
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{a} is not {b}");
    if alert.kind != AlertKind::Shrinkage || alert.state != AlertState::Opened {
        return;
    }
    if let Some(mean) = figure("expected_missing") {
        close(of("book") - of("counted"), of("missing"));
        close(of("handled") * of("usual_missing_share"), mean);
        let success = 1.0 / of("variance_to_mean");
        let tail = NegativeBinomial::new(mean * success / (1.0 - success), success).unwrap();
        close(tail.sf(of("missing") as u64 - 1), of("p_value"));
        assert!(of("p_value") <= of("false_alarms_per_1000_counts") / 1000.0);
        close(of("missing") * of("unit_value"), of("money_missing"));
    }
    if let Some(usual) = figure("usual_loss_day_share") {
        let bleed = of("bleed_loss_day_share");
        let of_losses = of("loss_days") * (bleed / usual).ln();
        close(of_losses + of("quiet_days") * ((1.0 - bleed) / (1.0 - usual)).ln(), of("score"));
        close((1000.0 / of("false_alarms_per_1000_sku_days")).ln(), of("score_limit"));
        assert!(of("score") >= of("score_limit"));
        close(of("lost") * of("unit_value"), of("money_lost"));
    }
}

/// How rare a line is, from how rare each thing about it is and the formula of docs/decisions.md.
pub(crate) fn outbound(alert: &Alert) {
    let told = matches!(alert.state, AlertState::Opened | AlertState::Updated);
    if alert.kind != AlertKind::AbnormalOutbound || !told {
        return;
    }
    let of = |name: &str| {
        alert.evidence.0.iter().find_map(|(n, v)| match v {
            EvidenceValue::Number(v) if n == name => Some(*v),
            _ => None,
        })
    };
    let figure = |name| of(name).unwrap_or_else(|| panic!("{name} is missing"));
    let shares = ["as_large_one_in", "as_quiet_one_in", "as_rare_a_reason_one_in"].map(of);
    let shares: Vec<f64> = shares.into_iter().flatten().collect();
    let y: f64 = shares.iter().map(|one_in| one_in.ln()).sum();
    let fisher = (-y).exp() * if shares.len() == 2 { 1.0 + y } else { 1.0 + y + y * y / 2.0 };
    let way = 1.0 / (figure("kind_one_in") * of("without_document_one_in").unwrap_or(1.0));
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-4, "{a} is not {b}");
    close(8.0 * way * fisher, 1.0 / figure("as_rare_one_in"));
    close(figure("times_usual"), figure("quantity") / figure("usual_quantity"));
    assert!(1000.0 / figure("as_rare_one_in") <= figure("false_alarms_per_1000_lines"));
    if let Some(value) = of("unit_value") {
        close(figure("money"), value * (figure("total_quantity") - figure("came_back")));
    }
}
