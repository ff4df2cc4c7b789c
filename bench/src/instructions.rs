//! One step of the hot path, so many times, for counting instructions: scripts/instructions.sh runs this under
//! valgrind twice and takes the difference, which is the price of a round whatever starting costs.
//!
//! It must never read a clock, nor draw anything but from a fixed seed: the same rounds are the same instructions.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};
use clap::ValueEnum;
use connectors::wms::mapping::Mapping;
use connectors::wms::reader::Reader;
use connectors::wms::row::{RawRecord, Record};
use connectors::wms::translate::Translator;
use fastrand::Rng;
use processor::operator::Incoming;
use processor::table::StateTable;
use rules::decide::{self, Key};
use rules::environment::{Environment, Moment};
use rules::item::Item;
use rules::place::Place;
use rules::ruleset::{self, RuleBook};
use rules::site::{SiteLevel, SiteSums};
use rules::state::KeyState;
use schemas::stream::StreamRecord;
use schemas::{CatalogItem, InventoryEvent, Money, Quantity, SourcePosition, StockChange, Timestamp, Zone, avro};

use crate::kafka::captured;
use crate::stream::START;
use crate::throughput::RULES;

/// A step of the hot path.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Step {
    /// A stock change from Avro
    Decode,
    /// A stock change to Avro, a position's state to its row, its public figures to Avro
    Encode,
    /// A captured row of Debezium's, decoded and translated
    Captured,
    /// A sale folded into its position and judged
    Fold,
}

pub(crate) fn run(step: Step, rounds: u64) -> Result<()> {
    match step {
        Step::Decode => decode(rounds),
        Step::Encode => encode(rounds),
        Step::Captured => captured_rows(rounds),
        Step::Fold => Shelf::new()?.sell(rounds).map(drop),
    }
}

/// A sale, one a minute.
fn sale(n: u64) -> InventoryEvent<'static> {
    let at = START.plus_ms(n as i64 * 60_000);
    InventoryEvent {
        event_id: format!("s-{n}").into(),
        sku: "SKU-01048".into(),
        location: "STORE-07".into(),
        occurred_at: at,
        source: Some(SourcePosition { source: "stock".into(), partition: 3, position: n.to_string().into(), time: at }),
        change: StockChange::Sold {
            quantity: Quantity::from_units(1 + (n % 3) as i64),
            order_id: Some(format!("A-{n}").into()),
            customer: Some("17850".into()),
            unit_price: Some(Money::from_micros(12_500_000)),
        },
    }
}

fn decode(rounds: u64) -> Result<()> {
    let mut value = Vec::new();
    avro::encode_stream(&StreamRecord::Event(sale(1_000_000)), &mut value);
    for _ in 0..rounds {
        black_box(avro::decode_stream(black_box(&value)).map_err(|error| anyhow!("{error}"))?);
    }
    Ok(())
}

fn encode(rounds: u64) -> Result<()> {
    let mut shelf = Shelf::new()?;
    let at = shelf.sell(200)?;
    let record = StreamRecord::Event(sale(1_000_000));
    let (mut event, mut row, mut position) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        for buffer in [&mut event, &mut row, &mut position] {
            buffer.clear();
        }
        avro::encode_stream(black_box(&record), &mut event);
        black_box(&shelf.state).encode(&mut row);
        avro::encode_position(&decide::snapshot(KEY, &shelf.state, &shelf.item, at), &mut position);
        black_box((&event, &row, &position));
    }
    Ok(())
}

const KEY: Key<'static> = Key { sku: "SKU-01048", location: "STORE-07" };

/// One position under the rules that ship.
struct Shelf {
    rules: RuleBook,
    item: Item,
    place: Place,
    site: SiteLevel,
    sums: SiteSums,
    state: KeyState,
}

impl Shelf {
    fn new() -> Result<Self> {
        let document = ruleset::parse("retail@1", RULES).map_err(|errors| anyhow!("{errors:?}"))?;
        let line = CatalogItem { sku: KEY.sku.to_owned(), lead_time_days: Some(3.0), ..CatalogItem::default() };
        let mut shelf = Self {
            rules: RuleBook::from_documents(&[document]),
            item: Item::from_catalog(&line),
            place: Place::unknown(KEY.location),
            site: SiteLevel::default(),
            sums: SiteSums::default(),
            state: KeyState::first_seen(START, &Zone::UTC),
        };
        let on_hand = Quantity::from_units(1_000_000);
        shelf.take(&InventoryEvent { change: StockChange::BalanceObserved { on_hand }, ..sale(0) })?;
        Ok(shelf)
    }

    /// So many sales; when the last one was.
    fn sell(&mut self, sales: u64) -> Result<Timestamp> {
        let mut at = START;
        for n in 1..=sales {
            let event = sale(n);
            at = event.occurred_at;
            self.take(&event)?;
        }
        Ok(at)
    }

    fn take(&mut self, event: &InventoryEvent<'_>) -> Result<()> {
        let Self { rules, item, place, site, sums, state } = self;
        let mut alerts = Vec::new();
        let close = state.demand.day_close();
        let now = Moment { stream_time: event.occurred_at, closed_before: event.occurred_at.minus_ms(600_000) };
        let env = Environment { rules, item, place, site, now };
        if close <= event.occurred_at {
            decide::on_timer(&env, KEY, state, close, sums, &mut alerts);
        }
        let applied = decide::apply(&env, KEY, state, event, sums, &mut alerts);
        ensure!(applied == decide::Applied::Ok, "{} was not taken: {applied:?}", event.event_id);
        black_box(alerts);
        Ok(())
    }
}

/// Rows of the reference WMS, its products and locations before them. Writing a row is counted in.
fn captured_rows(rounds: u64) -> Result<()> {
    let text = std::fs::read_to_string(captured::MAPPING)?;
    let mapping = Arc::new(Mapping::parse(&text, "mapping.yaml").map_err(|errors| anyhow!("{errors}"))?);
    let reader = Reader::new(&mapping);
    let mut translator = Translator::new(mapping.clone(), "wms", 0, Box::new(Reader::new(&mapping)));
    let (mut states, mut said, mut rng) = (StateTable::default(), Vec::new(), Rng::with_seed(1));
    let mut events = 0;
    for n in 0..=captured::PRODUCTS + captured::PLACES + rounds {
        let line = captured::row(n, &mut rng);
        let raw = RawRecord { key: Some(line.key.as_bytes()), value: Some(&line.text), headers: &[] };
        let Record::Change(change) = reader.read(&raw).map_err(|r| anyhow!("{}", r.message))? else { continue };
        let incoming = Incoming {
            partition: 0,
            offset: n as i64,
            timestamp_ms: START.millis(),
            key: raw.key,
            value: raw.value,
            headers: &[],
        };
        translator.apply(&incoming, &change, &mut states, &mut said).map_err(|r| anyhow!("{}", r.message))?;
        events += said.len() as u64;
        black_box(&said);
        said.clear();
    }
    ensure!(events > rounds / 2, "only {events} stock changes came of {rounds} rows");
    Ok(())
}
