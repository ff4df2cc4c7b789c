//! People at work in the WMS: seeded, one transaction after the other, each as an application would
//! write it. Two of them may work at once.
//!
//! Every figure a mapping must understand changes here, in the ways businesses change it. What must
//! never happen here: a balance that does not follow the ledger, or a row written past the rules of
//! connectors/wms/reference/README.md.

mod buying;
mod keeping;
mod selling;
mod stage;

use anyhow::{Context, Result};
use postgres::error::SqlState;
use postgres::{Client, Transaction};

use crate::Database;

/// What has been done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub transactions: u64,
    pub rolled_back: u64,
    /// Rows that statements of committed transactions wrote; triggers and cascades write more.
    pub rows: u64,
}

impl std::ops::AddAssign for Done {
    fn add_assign(&mut self, other: Self) {
        self.transactions += other.transactions;
        self.rolled_back += other.rolled_back;
        self.rows += other.rows;
    }
}

/// A generator good enough to scatter a business (Knuth, MMIX).
#[derive(Clone, Copy, Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % sides.max(1)
    }
}

/// A place where something lies.
#[derive(Clone, Copy, Debug)]
struct Shelf {
    product: i64,
    location: i32,
    on_hand: f64,
}

/// Who works, under a name of their own: documents carry it.
pub struct Business {
    name: String,
    client: Client,
    /// For transactions that are open at the same time.
    second: Client,
    dice: Dice,
    serial: u64,
    done: Done,
}

/// One step of work: writes, and says how many rows.
type Step = fn(&mut Work<'_, '_>) -> Result<u64>;

/// What a step has at hand.
struct Work<'a, 't> {
    tx: &'a mut Transaction<'t>,
    dice: &'a mut Dice,
    /// Unique among everybody.
    document: String,
}

/// How often what is done, of the sum.
const DAY: [(i64, Step); 26] = [
    (26, selling::sell_over_the_counter),
    (16, selling::take_order),
    (14, selling::ship),
    (4, selling::cancel_order),
    (2, selling::drop_reservation),
    (3, selling::change_reservation),
    (3, selling::void_sale),
    (3, selling::take_back),
    (6, buying::order),
    (2, buying::draft),
    (3, buying::place_draft),
    (8, buying::receive),
    (2, buying::change_line),
    (2, buying::cancel_rest),
    (1, buying::cancel_line),
    (1, buying::delete_line),
    (2, buying::renumber_line),
    (5, keeping::transfer),
    (3, keeping::count),
    (2, keeping::scrap),
    (2, keeping::adjust),
    (2, keeping::list_product),
    (2, keeping::change_product),
    (1, keeping::describe_product),
    (1, keeping::list_and_drop_product),
    (1, keeping::renumber_product),
];

impl Business {
    /// `name` and `seed` make what is done: the same on the same database.
    pub fn open(database: &Database, name: &str, seed: u64) -> Result<Self> {
        let (mut client, mut second) = (database.connect()?, database.connect()?);
        for client in [&mut client, &mut second] {
            client.batch_execute("SET lock_timeout = '20s'").context("PostgreSQL")?;
        }
        Ok(Self { name: name.to_owned(), client, second, dice: Dice(seed), serial: 0, done: Done::default() })
    }

    pub fn done(&self) -> Done {
        self.done
    }

    /// So many steps of ordinary work, among them now and then what is less ordinary: transactions
    /// that are rolled back, or open at the same time.
    pub fn work(&mut self, steps: usize) -> Result<()> {
        let sum = DAY.iter().map(|(weight, _)| weight).sum();
        for _ in 0..steps {
            match self.dice.roll(40) {
                0 => self.change_mind()?,
                1 => self.work_at_the_same_time()?,
                _ => {
                    let mut left = self.dice.roll(sum);
                    let chosen = DAY.iter().find(|(weight, _)| {
                        left -= weight;
                        left < 0
                    });
                    self.step(chosen.unwrap_or(&DAY[0]).1)?;
                }
            }
        }
        Ok(())
    }

    /// Fills an empty database: categories, suppliers, locations, products and their first stock.
    pub fn set_up(&mut self, products: i64) -> Result<()> {
        let rows = stage::set_up(&mut self.client, products)?;
        self.done.transactions += 1;
        self.done.rows += rows;
        Ok(())
    }

    /// One INSERT of many rows: a correction of every balance.
    pub fn correct_everything(&mut self) -> Result<()> {
        self.step(keeping::correct_everything)
    }

    /// A sale of one SKU, in a transaction of its own; returns when it is committed.
    pub fn sell(&mut self, sku: &str, location: &str, quantity: f64) -> Result<()> {
        self.serial += 1;
        let reference = format!("POS-{}-{}", self.name, self.serial);
        let statement = "INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference)
             SELECT p.id, l.id, 'POS', -$3::float8, $4 FROM products p, locations l WHERE p.sku = $1 AND l.code = $2";
        self.done.rows += self.client.execute(statement, &[&sku, &location, &quantity, &reference])?;
        self.done.transactions += 1;
        Ok(())
    }

    /// Runs a step in a transaction, again when others were in the way.
    fn step(&mut self, step: Step) -> Result<()> {
        self.serial += 1;
        let document = format!("{}-{}", self.name, self.serial);
        for _ in 0..10 {
            let mut tx = self.client.transaction()?;
            let mut work = Work { tx: &mut tx, dice: &mut self.dice, document: document.clone() };
            match step(&mut work) {
                Ok(rows) => {
                    tx.commit()?;
                    self.done.transactions += 1;
                    self.done.rows += rows;
                    return Ok(());
                }
                Err(e) if in_the_way(&e) => tx.rollback()?,
                Err(e) => return Err(e.context(format!("in document {document}"))),
            }
        }
        anyhow::bail!("document {document}: others are always in the way")
    }

    /// Work that never happened: the database forgets it, and so must everybody else.
    fn change_mind(&mut self) -> Result<()> {
        self.serial += 1;
        let mut tx = self.client.transaction()?;
        let mut work = Work { tx: &mut tx, dice: &mut self.dice, document: format!("{}-{}", self.name, self.serial) };
        match selling::sell_over_the_counter(&mut work).and_then(|_| selling::take_order(&mut work)) {
            Ok(_) => tx.rollback()?,
            Err(e) if in_the_way(&e) => tx.rollback()?,
            Err(e) => return Err(e),
        }
        self.done.rolled_back += 1;
        Ok(())
    }

    /// Two transactions whose rows alternate in the log of the database; the second one to begin
    /// commits first, and a part of the other is taken back.
    fn work_at_the_same_time(&mut self) -> Result<()> {
        self.serial += 1;
        let documents = [0, 1].map(|i| format!("{}-{}-{i}", self.name, self.serial));
        let shelves = stage::shelves(&mut self.client, &mut self.dice, 4)?;
        let [one, two, three, four] = shelves[..] else { return Ok(()) };
        let worked = (|| {
            let mut first = self.client.transaction()?;
            let mut second = self.second.transaction()?;
            stage::post(&mut first, &one, "POS", -1.0, &documents[0])?;
            stage::post(&mut second, &two, "POS", -1.0, &documents[1])?;
            let mut part = first.savepoint("part")?;
            stage::post(&mut part, &three, "ADJUST", 50.0, &documents[0])?;
            part.rollback()?;
            stage::post(&mut first, &three, "POS", -2.0, &documents[0])?;
            stage::post(&mut second, &four, "RETURN", 1.0, &documents[1])?;
            second.commit()?;
            stage::post(&mut first, &one, "RETURN", 1.0, &documents[0])?;
            first.commit()?;
            anyhow::Ok(())
        })();
        match worked {
            Ok(()) => {
                self.done.transactions += 2;
                self.done.rows += 5;
                Ok(())
            }
            Err(e) if in_the_way(&e) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// Two who wait for each other, one who waits too long, a product that was renumbered meanwhile.
fn in_the_way(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<postgres::Error>().and_then(postgres::Error::code);
    [SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE, SqlState::FOREIGN_KEY_VIOLATION]
        .iter()
        .any(|known| code == Some(known))
}
