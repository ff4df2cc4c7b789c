//! One record carried out: its rules, what is remembered of its row, and who has waited for that.

use std::collections::BTreeSet;
use std::sync::Arc;

use processor::operator::{Incoming, Outcome, Rejection};
use processor::table::StateTable;
use schemas::{CatalogChange, Quantity, Timestamp};

use super::emit::Origin;
use super::image::{Cell, Image};
use super::memory::Memory;
use super::parked::{Awaited, Parked, ParkedRecord};
use super::parking::{MOST_BYTES, Seq};
use super::row_view::{Place, Row, Stop};
use super::state::{WmsRow, image_key};
use super::subject::Subject;
use super::{TABLE_TRUNCATED, Translated, Translator, UNRESOLVED_LOOKUP, position_of, time_of};
use crate::wms::mapping::{Mapping, On, Table};
use crate::wms::row::{Change, Operation, Record, Renamed};

/// What became of one record.
struct Done {
    /// Why its rules did not come to an end.
    result: Result<Outcome, Stop>,
    /// The image that is new.
    remembered: Option<String>,
}

impl Done {
    const fn at_once(result: Result<Outcome, Stop>) -> Self {
        Self { result, remembered: None }
    }
}

impl Translator {
    /// Carries a record out, or lets it wait.
    pub(super) fn take(
        &mut self,
        raw: &Incoming<'_>,
        change: &Change<'_>,
        ix: usize,
        states: &mut StateTable<WmsRow>,
        out: &mut Vec<Translated>,
    ) -> Result<Outcome, Rejection> {
        let mapping = Arc::clone(&self.mapping);
        let (table, now) = (&mapping.tables[ix], time_of(raw, change));
        match (change.operation, &change.renamed) {
            (Operation::Truncate, _) if table.has_images => return Err(truncated(table)),
            // The row goes on under another key: its create says so.
            (Operation::Truncate, _) | (Operation::Delete, Some(Renamed::To(_))) => return Ok(Outcome::Filtered),
            _ => {}
        }
        let subject = Subject::of(table, change)?;
        if table.looks_up && !self.parking.is_empty() {
            let rows = subject.rows(table);
            if rows.iter().any(|row| self.parking.holds_row(row)) {
                return self.park(raw, now, None, rows, states);
            }
        }
        let done = self.carry_out(raw, change, ix, &subject, states, out);
        if let Some(image) = done.remembered {
            self.settle(self.parking.waiting_for(&image).collect(), states, out);
        }
        match done.result {
            Ok(outcome) => Ok(outcome),
            Err(Stop::Reject(rejection)) => Err(rejection),
            Err(Stop::Wait(awaited)) => self.park(raw, now, Some(awaited), subject.rows(table), states),
        }
    }

    fn park(
        &mut self,
        raw: &Incoming<'_>,
        since: Timestamp,
        awaits: Option<Awaited>,
        rows: Vec<String>,
        states: &mut StateTable<WmsRow>,
    ) -> Result<Outcome, Rejection> {
        let record = ParkedRecord::of(raw);
        let (most, bytes) = (self.mapping.park.most, self.parking.bytes() + record.bytes());
        let parked = Parked { since, awaits, rows, record };
        if self.parking.len() >= most || bytes > MOST_BYTES {
            let why = format!("{} records wait already (`park: most` is {most})", self.parking.len());
            return Err(unresolved(&parked, &why));
        }
        self.parking.park(parked, states);
        Ok(Outcome::Ok)
    }

    /// Goes on with records that wait, first come first.
    fn settle(&mut self, mut ready: BTreeSet<Seq>, states: &mut StateTable<WmsRow>, out: &mut Vec<Translated>) {
        while let Some(seq) = ready.pop_first() {
            // Behind an earlier record of its row it goes on once that has.
            if !self.parking.get(seq, states).is_some_and(|parked| self.parking.is_first(seq, parked)) {
                continue;
            }
            let Some(parked) = self.parking.take(seq, states) else { continue };
            let done = self.resume(&parked, states, out);
            if let Some(image) = &done.remembered {
                ready.extend(self.parking.waiting_for(image));
            }
            match done.result {
                Err(Stop::Wait(awaited)) => {
                    self.parking.park(Parked { awaits: Some(awaited), ..parked }, states);
                    continue;
                }
                Err(Stop::Reject(rejection)) => {
                    out.push(Translated::DeadLetter { record: parked.record, rejection });
                }
                Ok(_) => {}
            }
            ready.extend(self.parking.next_of(&parked.rows));
        }
    }

    fn resume(&mut self, parked: &Parked, states: &mut StateTable<WmsRow>, out: &mut Vec<Translated>) -> Done {
        let mapping = Arc::clone(&self.mapping);
        let change = match self.reread.reread(&parked.record.raw()) {
            Ok(Record::Change(change)) => change,
            Ok(_) => return Done::at_once(Ok(Outcome::Filtered)),
            Err(rejection) => return Done::at_once(Err(Stop::Reject(rejection))),
        };
        let Some(ix) = mapping.table_ix(&change.table) else { return Done::at_once(Ok(Outcome::Filtered)) };
        match Subject::of(&mapping.tables[ix], &change) {
            Ok(subject) => self.carry_out(&parked.record.incoming(), &change, ix, &subject, states, out),
            Err(rejection) => Done::at_once(Err(Stop::Reject(rejection))),
        }
    }

    pub(super) fn give_up(&mut self, now: Timestamp, states: &mut StateTable<WmsRow>, out: &mut Vec<Translated>) {
        let before = now.minus_ms(self.mapping.park.for_ms);
        while let Some(seq) = self.parking.overdue(before) {
            let Some(parked) = self.parking.take(seq, states) else { return };
            let why = format!("it has waited {} s by the source's clock", self.mapping.park.for_ms / 1000);
            let rejection = unresolved(&parked, &why);
            let next = self.parking.next_of(&parked.rows).collect();
            out.push(Translated::DeadLetter { record: parked.record, rejection });
            self.settle(next, states, out);
        }
    }

    /// Runs the rules and remembers the row. Where a rule cannot be carried out nothing of the record is
    /// put out; a row that is rejected is remembered for lookups all the same, with its figures as they were.
    fn carry_out(
        &mut self,
        raw: &Incoming<'_>,
        change: &Change<'_>,
        ix: usize,
        subject: &Subject,
        states: &mut StateTable<WmsRow>,
        out: &mut Vec<Translated>,
    ) -> Done {
        let mapping = Arc::clone(&self.mapping);
        let table = &mapping.tables[ix];
        let position = position_of(raw, change);
        let offset = subject.key.is_empty().then(|| format!("@{}", raw.offset));
        let origin = Origin {
            source: &self.source,
            partition: self.source_partition,
            position: &position,
            time: time_of(raw, change),
            key: offset.as_deref().unwrap_or(&subject.key),
        };
        let start = out.len();
        let work = Work::new(&mapping, table, change, subject, &self.hints[ix], states);
        let done = work.run(&origin, out);
        let failed = done.is_err();
        let image = match &done {
            Ok(figures) => work.image(Some(figures)),
            Err(Stop::Reject(_)) => work.image(None),
            Err(Stop::Wait(_)) => None,
        };
        let deleted = work.operation == Operation::Delete && !failed;
        if failed {
            out.truncate(start);
        }
        let remembered = self.keep(table, subject, image, deleted, states);
        Done { result: done.map(|_| Outcome::Ok), remembered }
    }

    fn keep(
        &mut self,
        table: &Table,
        subject: &Subject,
        image: Option<Image>,
        deleted: bool,
        states: &mut StateTable<WmsRow>,
    ) -> Option<String> {
        if deleted && table.has_images {
            self.memory.forget(table, &subject.key, states);
        }
        let image = image?;
        if let Some(old) = &subject.old_key {
            self.memory.forget(table, old, states);
        }
        let key = image_key(&table.name, &subject.key);
        Memory::remember(&key, image, states);
        Some(key)
    }
}

/// One change of one row, ready to be looked at from all sides.
struct Work<'v> {
    row: Row<'v>,
    operation: Operation,
    /// The row as it was remembered, where it was.
    known: Option<&'v Image>,
    key: &'v str,
}

impl<'v> Work<'v> {
    fn new(
        mapping: &'v Mapping,
        table: &'v Table,
        change: &'v Change<'v>,
        subject: &'v Subject,
        hints: &'v [std::cell::Cell<usize>],
        states: &'v StateTable<WmsRow>,
    ) -> Self {
        let key = subject.old_key.as_deref().unwrap_or(&subject.key);
        let known = if table.has_images { Memory::image(table, key, states) } else { None };
        let operation = match (change.operation, &change.renamed) {
            (Operation::Create, Some(Renamed::From(_))) => Operation::Update,
            (operation, _) => operation,
        };
        let before = change.before.as_ref();
        let place = match (operation, &change.after) {
            (Operation::Delete, _) | (_, None) => Place::Deleted { image: known, before, key: &change.key },
            (_, Some(after)) => Place::After { after, hints, image: known },
        };
        Self { row: Row { mapping, table, place, states }, operation, known, key }
    }

    /// Puts out what the rules give, and says what the row's figures are now.
    fn run(&self, origin: &Origin<'_>, out: &mut Vec<Translated>) -> Result<Vec<Quantity>, Stop> {
        let figures = self.figures()?;
        self.items(out)?;
        self.places(out)?;
        let on = On::of(self.operation);
        for (ix, rule) in self.row.table.events.iter().enumerate() {
            if !rule.on.has(on) {
                continue;
            }
            let mut moved = None;
            if let Some(difference) = &rule.difference {
                moved = self.moved(difference.figure, figures[difference.figure], difference.rising);
                if moved.is_none() {
                    continue;
                }
            }
            out.extend(self.row.event(rule, ix, moved, origin)?.map(Translated::Event));
        }
        Ok(figures)
    }

    /// The row's figures; of a deleted row they are 0.
    fn figures(&self) -> Result<Vec<Quantity>, Stop> {
        if self.operation == Operation::Delete {
            return Ok(vec![Quantity::ZERO; self.row.table.figures.len()]);
        }
        self.row.table.figures.iter().map(|figure| self.row.figure(figure)).collect()
    }

    /// How far a figure rose, or fell; `None` where it did not.
    fn moved(&self, figure: usize, now: Quantity, rising: bool) -> Option<Quantity> {
        let before = match self.known {
            // A figure that is new in the mapping has not moved.
            Some(image) => image.figure(self.row.table.figures[figure].tag)?,
            None => Quantity::ZERO,
        };
        let moved = if rising { now - before } else { before - now };
        moved.is_positive().then_some(moved)
    }

    fn items(&self, out: &mut Vec<Translated>) -> Result<(), Stop> {
        let Some(rule) = &self.row.table.catalog else { return Ok(()) };
        let sku = self.row.item_sku(rule)?;
        let tombstone = |sku: String| Translated::Item(CatalogChange { sku, item: None });
        if self.operation == Operation::Delete {
            out.extend(sku.map(tombstone));
            return Ok(());
        }
        let was = self.as_known().and_then(|row| row.item_sku(rule).ok().flatten());
        out.extend(was.filter(|was| Some(was) != sku.as_ref()).map(tombstone));
        if let Some(sku) = sku {
            let item = self.row.item(rule, &sku)?;
            out.push(Translated::Item(CatalogChange { sku, item: Some(item) }));
        }
        Ok(())
    }

    fn places(&self, out: &mut Vec<Translated>) -> Result<(), Stop> {
        let Some(rule) = &self.row.table.location else { return Ok(()) };
        let code = self.row.place_code(rule)?;
        let gone = |location: String| Translated::Place { location, description: None };
        if self.operation == Operation::Delete {
            out.extend(code.map(gone));
            return Ok(());
        }
        let was = self.as_known().and_then(|row| row.place_code(rule).ok().flatten());
        out.extend(was.filter(|was| Some(was) != code.as_ref()).map(gone));
        if let Some(location) = code {
            let description = Some(self.row.place(rule, &location)?);
            out.push(Translated::Place { location, description });
        }
        Ok(())
    }

    /// The row as it was.
    fn as_known(&self) -> Option<Row<'v>> {
        self.known.map(|image| self.row.at(self.row.table, Place::Image { image, key: self.key }))
    }

    /// What is to be remembered of the row; `None`: nothing. Without figures the known ones stay.
    fn image(&self, figures: Option<&[Quantity]>) -> Option<Image> {
        let table = self.row.table;
        if !table.has_images || self.operation == Operation::Delete {
            return None;
        }
        let cell = |ix: &usize| {
            let tag = table.columns[*ix].tag;
            self.row.column(*ix, true, |column| Ok(column.map(|column| Cell::of(tag, column)))).ok().flatten()
        };
        let cells = table.remembered.iter().filter_map(cell).collect();
        Some(match (figures, self.known) {
            (Some(figures), _) => {
                let tagged = table.figures.iter().zip(figures).map(|(figure, value)| (figure.tag, *value));
                Image::new(cells, tagged.collect())
            }
            (None, Some(known)) => known.with_cells(cells),
            (None, None) => Image::new(cells, table.figures.iter().map(|f| (f.tag, Quantity::ZERO)).collect()),
        })
    }
}

#[cold]
fn truncated(table: &Table) -> Rejection {
    let message = format!(
        "table {} was truncated, and its rows are remembered one by one; delete them instead, or reset the state of this \
         input and take a new snapshot",
        table.name
    );
    Rejection::new(TABLE_TRUNCATED, message)
}

/// Why a record that waits is given up.
#[cold]
fn unresolved(parked: &Parked, why: &str) -> Rejection {
    let of = parked.rows.first().map_or_else(String::new, |row| format!("row {row}: "));
    let what = match &parked.awaits {
        None => "it waits behind an earlier change of its row".to_owned(),
        Some(Awaited { table, key, column: None }) => format!(
            "it looks up row {key} of table {table}, which has not come; let the connector capture {table} and read it \
             once (an incremental snapshot), then replay this record"
        ),
        Some(Awaited { table, key, column: Some(column) }) => format!(
            "it looks up `{column}` of row {key} of table {table}, which was not remembered when that row came; read \
             {table} again (an incremental snapshot), then replay this record"
        ),
    };
    Rejection::new(UNRESOLVED_LOOKUP, format!("{of}{what}; {why}"))
}
