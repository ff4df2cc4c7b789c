//! All of it in one line: what the largest point of a sweep costs, measured by its smallest.

use super::line::Line;

/// Sweeps of points that go up, by what they vary.
const RISING: [(&str, &str, &str); 3] = [
    ("positions", "positions", "cost_ratio_positions"),
    ("partitions", "partitions", "cost_ratio_partitions"),
    ("rules", "documents", "cost_ratio_rules"),
];
/// Figures that are taken over as they are: sweep, field, name.
const TAKEN: [(&str, &str, &str); 7] = [
    ("catch_up", "catch_up_s", "catch_up_s"),
    ("catch_up", "events_per_s", "catch_up_events_per_s"),
    ("catch_up", "alert_p99_ms_after", "catch_up_alert_p99_ms"),
    ("midnight", "alert_p99_ms_before", "midnight_alert_p99_ms_before"),
    ("midnight", "alert_p99_ms_during", "midnight_alert_p99_ms_during"),
    ("midnight", "longest_gap_s", "midnight_longest_gap_s"),
    ("midnight", "behind_s", "midnight_behind_s"),
];

/// A point: the sweep, what was varied, events per CPU-second.
struct Point {
    sweep: &'static str,
    at: f64,
    rate: f64,
}

#[derive(Default)]
pub(super) struct Summary {
    points: Vec<Point>,
    taken: Vec<(&'static str, f64)>,
    /// At the most positions.
    memory: Option<(f64, f64)>,
}

impl Summary {
    pub(super) fn take(&mut self, line: &Line) {
        for (sweep, varied, _) in RISING {
            if let (true, Some(at), Some(rate)) =
                (line.sweep() == sweep, line.get(varied), line.get("events_per_cpu_s"))
            {
                self.points.push(Point { sweep, at, rate });
            }
        }
        for (sweep, field, name) in TAKEN {
            self.taken.extend(line.get(field).filter(|_| line.sweep() == sweep).map(|value| (name, value)));
        }
        if let (Some(positions), Some(rss), true) =
            (line.get("positions"), line.get("rss_mb"), line.sweep() == "positions")
        {
            self.memory = self.memory.filter(|(most, _)| *most > positions).or(Some((positions, rss)));
        }
    }

    /// What was not run is not in it, nor a ratio of one point.
    pub(super) fn line(&self) -> Line {
        let mut line = Line::of("summary");
        for (sweep, _, name) in RISING {
            let of_sweep = || self.points.iter().filter(|point| point.sweep == sweep);
            let least = of_sweep().min_by(|a, b| a.at.total_cmp(&b.at));
            let most = of_sweep().max_by(|a, b| a.at.total_cmp(&b.at));
            if let (Some(least), Some(most)) = (least, most)
                && least.at < most.at
            {
                // Cost is the inverse of the rate.
                line.figure(name, least.rate / most.rate, 3);
            }
        }
        if let Some((positions, rss)) = self.memory {
            line.figure("most_positions", positions, 0).figure("rss_mb_at_most_positions", rss, 1);
        }
        for (name, value) in &self.taken {
            line.figure(name, *value, 2);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_cost_of_the_largest_by_that_of_the_smallest() {
        let mut summary = Summary::default();
        for (positions, rate) in [(100, 200.0), (10, 250.0), (1_000, 125.0)] {
            let mut line = Line::of("positions");
            line.whole("positions", positions).figure("events_per_cpu_s", rate, 0).figure("rss_mb", rate, 1);
            summary.take(&line);
        }
        let mut alone = Line::of("rules");
        summary.take(alone.whole("documents", 1).figure("events_per_cpu_s", 1.0, 0));
        let text = r#"{"sweep":"summary","cost_ratio_positions":2.000,"most_positions":1000,"rss_mb_at_most_positions":125.0}"#;
        assert_eq!(summary.line().text().unwrap(), text);
    }
}
