//! Resident bytes per position: a `replay` that is fed through its stdin and looked at while it
//! waits for more.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::catalog;
use crate::stream::{DAY_MS, START};
use schemas::canonical;
use schemas::{InventoryEvent, Quantity, StockChange};
use test_services::child;

const LOCATIONS: u32 = 20;
/// Events of one position: its balance, then one sale on each of these days.
const SALE_DAYS: [i64; 4] = [0, 1, 2, 5];
const BUSY_LIMIT: Duration = Duration::from_mins(20);

pub(crate) struct Memory {
    pub(crate) bytes_per_position: f64,
    pub(crate) resident_bytes: u64,
}

/// Folds `positions` positions and divides what they made the process grow by.
pub(crate) fn measure(binary: &Path, positions: u32, scratch: &Path) -> Result<Memory> {
    ensure!(positions > 0 && positions.is_multiple_of(LOCATIONS), "--positions must be a multiple of {LOCATIONS}");
    let skus = positions / LOCATIONS;
    let events = 1 + SALE_DAYS.len();
    println!(
        "\nmemory: {positions} positions ({skus} SKUs with a catalogue line × {LOCATIONS} locations), {events} events each"
    );
    catalog::write_catalog(skus, &scratch.join("catalog.jsonl"))?;
    catalog::write_places(LOCATIONS, &scratch.join("locations.jsonl"))?;
    std::fs::write(scratch.join("rules.yaml"), crate::throughput::RULES).context("cannot write the rules")?;

    let empty = Fed::start(binary, scratch, false)?.first_event()?.close()?;
    let mut full = Fed::start(binary, scratch, true)?.first_event()?;
    let catalogue = full.resident()?;
    full.feed(skus)?;
    let after = full.close()?;
    let bytes_per_position = (after - empty) as f64 / f64::from(positions);
    println!(
        "  resident: {:.1} MB empty, {:.1} MB with the catalogue, {:.1} MB with all positions (1 MB = 10^6 bytes)",
        empty as f64 / 1e6,
        catalogue as f64 / 1e6,
        after as f64 / 1e6
    );
    println!(
        "  {bytes_per_position:.0} bytes a position, {:.0} without its share of the catalogue",
        (after - catalogue) as f64 / f64::from(positions)
    );
    Ok(Memory { bytes_per_position, resident_bytes: after })
}

/// A running `replay` that reads from us.
struct Fed {
    child: Child,
    input: BufWriter<ChildStdin>,
    line: Vec<u8>,
    stderr: std::path::PathBuf,
}

impl Fed {
    fn start(binary: &Path, scratch: &Path, catalogue: bool) -> Result<Self> {
        let file = |name: &str| scratch.join(name);
        let stderr = file("memory.err");
        let mut command = Command::new(binary);
        command.arg("replay").arg("--rules").arg(file("rules.yaml")).arg("--alerts").arg(file("alerts.jsonl"));
        if catalogue {
            command.arg("--catalog").arg(file("catalog.jsonl")).arg("--locations").arg(file("locations.jsonl"));
        }
        command.arg("-").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&stderr)?);
        let mut child = command.spawn().with_context(|| format!("cannot run {}", binary.display()))?;
        let input = child.stdin.take().context("the child has no stdin")?;
        Ok(Self { child, input: BufWriter::with_capacity(1 << 16, input), line: Vec::new(), stderr })
    }

    /// A replay opens its inputs before it reads any, and an input is open once it has a byte.
    fn first_event(mut self) -> Result<Self> {
        self.send(0, 0, START.millis(), StockChange::BalanceObserved { on_hand: Quantity::from_units(12) })?;
        self.settle()?;
        Ok(self)
    }

    fn feed(&mut self, skus: u32) -> Result<()> {
        for sku in 0..skus {
            for place in 0..LOCATIONS {
                let on_hand = Quantity::from_units(i64::from(6 + (sku + place) % 19));
                self.send(sku, place, START.millis() + 1000, StockChange::BalanceObserved { on_hand })?;
            }
        }
        for day in SALE_DAYS {
            for sku in 0..skus {
                for place in 0..LOCATIONS {
                    // Spread over the second half of the day, in order.
                    let second = i64::from(sku) * 40_000 / i64::from(skus);
                    let at = START.millis() + day * DAY_MS + DAY_MS / 2 + second * 1000;
                    self.send(sku, place, at, sale(&format!("so-{day}-{sku}-{place}")))?;
                }
            }
        }
        self.settle()
    }

    fn send(&mut self, sku: u32, place: u32, at_ms: i64, change: StockChange<'_>) -> Result<()> {
        let event = InventoryEvent {
            event_id: format!("m-{at_ms}-{sku}-{place}").into(),
            sku: catalog::sku_name(sku).into(),
            location: catalog::place_name(place).into(),
            occurred_at: schemas::Timestamp::from_millis(at_ms),
            source: None,
            change,
        };
        self.line.clear();
        canonical::write_event(&event, &mut self.line);
        let sent = self.input.write_all(&self.line);
        sent.with_context(|| format!("replay stopped reading: {}", child::tail(&self.stderr)))
    }

    fn settle(&mut self) -> Result<()> {
        self.input.flush().with_context(|| format!("replay stopped reading: {}", child::tail(&self.stderr)))?;
        child::wait_until_idle(self.child.id(), BUSY_LIMIT)
    }

    fn resident(&self) -> Result<u64> {
        child::resident_bytes(self.child.id())
    }

    /// What was resident at the end, once the child has ended well.
    fn close(self) -> Result<u64> {
        let resident = self.resident()?;
        let Self { mut child, input, stderr, .. } = self;
        drop(input);
        let status = child.wait().context("cannot wait for replay")?;
        ensure!(status.success(), "replay ended with {status}: {}", child::tail(&stderr));
        Ok(resident)
    }
}

fn sale(order: &str) -> StockChange<'_> {
    StockChange::Sold {
        quantity: Quantity::from_units(1),
        order_id: Some(order.into()),
        customer: None,
        unit_price: None,
    }
}
