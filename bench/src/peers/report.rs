//! What was measured, engine by engine, in words and as the last line.

use super::catch_up::CaughtUp;
use super::engine::{Engine, KAFKA_STREAMS, OURS};
use super::figures::Figures;
use super::latency::{Latency, Level};
use super::restart::Restarts;
use super::session::Empty;

/// Shares of what is sustained at which latency is measured.
const LIGHT: u32 = 30;
const HEAVY: u32 = 70;

/// Runs of one engine over one input.
#[derive(Default)]
struct Runs {
    events_per_s: Figures,
    cpu_s: Figures,
    peak_mb: Figures,
}

impl Runs {
    fn push(&mut self, run: &CaughtUp) {
        self.events_per_s.push(run.events_per_s);
        self.cpu_s.push(run.cpu_s_per_million);
        self.peak_mb.push(run.peak_bytes as f64 / 1e6);
    }

    fn show(&self, name: &str) {
        println!(
            "  {name}: {} CPU-s a million events, {} events/s, peak {} MB",
            self.cpu_s.show(2),
            self.events_per_s.show(0),
            self.peak_mb.show(0)
        );
    }
}

#[derive(Default)]
struct Side {
    real: Runs,
    synthetic: Runs,
    /// Events a second that it keeps up with while it is fed.
    sustained: f64,
    latencies: Vec<Latency>,
    restarts: Option<Restarts>,
}

#[derive(Default)]
pub(super) struct Report {
    ours: Side,
    theirs: Side,
    bytes_per_position: f64,
    positions: u32,
}

impl Report {
    fn side(&mut self, engine: &Engine) -> Option<&mut Side> {
        match engine.name {
            OURS => Some(&mut self.ours),
            KAFKA_STREAMS => Some(&mut self.theirs),
            _ => None,
        }
    }

    pub(super) fn real(&mut self, engine: &Engine, run: &CaughtUp) {
        if let Some(side) = self.side(engine) {
            side.real.push(run);
        }
    }

    pub(super) fn synthetic(&mut self, engine: &Engine, run: &CaughtUp) {
        if let Some(side) = self.side(engine) {
            side.synthetic.push(run);
        }
    }

    pub(super) fn compare_real(&self) {
        compare("real movements", &self.ours.real, &self.theirs.real);
    }

    pub(super) fn compare_synthetic(&mut self, positions: u32, empty: &[Empty]) {
        compare("synthetic", &self.ours.synthetic, &self.theirs.synthetic);
        self.positions = positions;
        for Empty { engine, resident_bytes } in empty {
            let before = *resident_bytes as f64;
            let peak = if *engine == OURS { &self.ours } else { &self.theirs }.synthetic.peak_mb.median() * 1e6;
            let each = (peak - before) / f64::from(positions);
            println!(
                "  {engine}: {:.0} MB before its first record, then {each:.0} bytes a position at its peak",
                before / 1e6
            );
            if *engine == OURS {
                self.bytes_per_position = each;
            }
        }
    }

    /// Events a second of a full topic.
    pub(super) fn throughput(&mut self, engine: &Engine) -> Option<f64> {
        self.side(engine).map(|side| side.synthetic.events_per_s.median())
    }

    pub(super) fn sustains(&mut self, engine: &Engine, per_second: f64) {
        if let Some(side) = self.side(engine) {
            side.sustained = per_second;
        }
    }

    pub(super) fn compare_sustained(&self) {
        let (ours, theirs) = (self.ours.sustained, self.theirs.sustained);
        println!("\nfed, {OURS} sustains {ours:.0} events/s, {KAFKA_STREAMS} {theirs:.0}: {:.2} times", ours / theirs);
    }

    /// Shares of what it sustains, and of what the one does that sustains less.
    pub(super) fn levels(&self, engine: &Engine) -> Vec<Level> {
        let rates = [(OURS, &self.ours), (KAFKA_STREAMS, &self.theirs)];
        let rate = |(name, side): (&'static str, &Side)| (name, side.sustained);
        let [ours, theirs] = rates.map(rate);
        let own = if engine.name == OURS { ours } else { theirs };
        let slower = if ours.1 < theirs.1 { ours } else { theirs };
        let mut wanted = vec![slower];
        if own.0 != slower.0 {
            wanted.push(own);
        }
        let levels = |(of, saturation): (&'static str, f64)| {
            [LIGHT, HEAVY].map(|percent| Level { percent, of, per_second: saturation * f64::from(percent) / 100.0 })
        };
        wanted.into_iter().flat_map(levels).collect()
    }

    pub(super) fn latency(&mut self, engine: &Engine, latency: Latency) {
        let Level { percent, of, per_second } = latency.level;
        println!(
            "  {percent} % of what {of} sustains, {per_second:.0} events/s: p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, slowest {:.1} ms, {} alerts{}; \
             the feeder's latest beat took {:.1} ms",
            latency.p50_ms,
            latency.p99_ms,
            latency.p999_ms,
            latency.slowest_ms,
            latency.alerts,
            if latency.keeps_up() {
                String::new()
            } else {
                format!("; DOES NOT KEEP UP, {:.1} s behind", latency.behind_s)
            },
            latency.fed_late_ms
        );
        if let Some(side) = self.side(engine) {
            side.latencies.push(latency);
        }
    }

    pub(super) fn restarts(&mut self, engine: &Engine, restarts: Restarts) {
        println!(
            "  after SIGKILL, {} positions: ready in {} ms, an alert in {} ms",
            self.positions,
            restarts.ready_ms.show(0),
            restarts.alert_ms.show(0)
        );
        if let Some(side) = self.side(engine) {
            side.restarts = Some(restarts);
        }
    }

    /// The last line: theirs ÷ ours for CPU time, ours ÷ theirs for throughput, each at its own heavy load.
    pub(super) fn line(&self) -> String {
        let (ours, theirs) = (&self.ours, &self.theirs);
        let p99 = |side: &Side, of: &str| {
            let heavy = side.latencies.iter().find(|l| l.level.percent == HEAVY && l.level.of == of);
            heavy.map_or(f64::NAN, |latency| latency.p99_ms)
        };
        let restart_ms = ours.restarts.as_ref().map_or(f64::NAN, |restarts| restarts.ready_ms.median());
        let figures = [
            ("cpu_ratio_kafka_streams", theirs.synthetic.cpu_s.median() / ours.synthetic.cpu_s.median(), 2),
            (
                "throughput_ratio_kafka_streams",
                ours.synthetic.events_per_s.median() / theirs.synthetic.events_per_s.median(),
                2,
            ),
            ("sustained_ratio_kafka_streams", ours.sustained / theirs.sustained, 2),
            ("alert_p99_ms", p99(ours, OURS), 1),
            ("alert_p99_ms_kafka_streams", p99(theirs, KAFKA_STREAMS), 1),
            ("restart_ms_1m", restart_ms, 0),
            ("bytes_per_position", self.bytes_per_position, 0),
        ];
        if self.positions != 1_000_000 {
            println!("\nrestart_ms_1m was measured with {} positions", self.positions);
        }
        let figures = figures.map(|(name, figure, decimals)| {
            if figure.is_finite() { format!("\"{name}\":{figure:.decimals$}") } else { format!("\"{name}\":null") }
        });
        format!("{{{}}}", figures.join(","))
    }
}

fn compare(input: &str, ours: &Runs, theirs: &Runs) {
    println!("\n{input}, median (least … greatest):");
    ours.show(OURS);
    theirs.show(KAFKA_STREAMS);
    println!(
        "  Kafka Streams takes {:.2} × the CPU time; we do {:.2} × the events a second",
        theirs.cpu_s.median() / ours.cpu_s.median(),
        ours.events_per_s.median() / theirs.events_per_s.median()
    );
}
