//! Over the counter, and on order: promised, shipped whole or in parts, cancelled, brought back.

use anyhow::Result;
use postgres::Row;

use super::{Work, stage};

/// Whole units, up to what lies there.
fn some(work: &mut Work<'_, '_>, of: f64) -> f64 {
    (1 + work.dice.roll((of as i64).clamp(1, 5))) as f64
}

pub(super) fn sell_over_the_counter(work: &mut Work<'_, '_>) -> Result<u64> {
    let lines = 1 + work.dice.roll(3);
    let reference = format!("POS-{}", work.document);
    let mut rows = 0;
    for shelf in stage::shelves(work.tx, work.dice, lines)? {
        // Some things are sold by weight.
        let quantity = some(work, shelf.on_hand) - 0.125 * work.dice.roll(2) as f64;
        rows += stage::post(work.tx, &shelf, "POS", -quantity, &reference)?;
    }
    Ok(rows)
}

/// Order, lines and what is promised for them.
pub(super) fn take_order(work: &mut Work<'_, '_>) -> Result<u64> {
    let (number, lines) = (format!("SO-{}", work.document), 1 + work.dice.roll(3));
    let customer = format!("C-{}", work.dice.roll(50));
    let insert = "INSERT INTO sales_orders (number, customer) VALUES ($1, $2) RETURNING id";
    let order: i64 = work.tx.query_one(insert, &[&number, &customer])?.get(0);
    let mut rows = 1;
    for (shelf, line_no) in stage::shelves(work.tx, work.dice, lines)?.into_iter().zip(1_i32..) {
        let quantity = some(work, shelf.on_hand);
        let line =
            "INSERT INTO sales_order_lines (order_id, line_no, product_id, quantity) VALUES ($1, $2, $3, $4::float8)";
        rows += work.tx.execute(line, &[&order, &line_no, &shelf.product, &quantity])?;
        let promise =
            "INSERT INTO reservations (order_id, product_id, location_id, quantity) VALUES ($1, $2, $3, $4::float8)";
        rows += work.tx.execute(promise, &[&order, &shelf.product, &shelf.location, &quantity])?;
    }
    Ok(rows)
}

/// One reservation that still holds something, ours until the transaction ends.
fn reservation(work: &mut Work<'_, '_>) -> Result<Option<Row>> {
    let skip = work.dice.roll(20);
    let query =
        "SELECT r.id, r.order_id, r.product_id, r.location_id, r.open_quantity::float8, o.number, r.fulfilled::float8
                 FROM reservations r JOIN sales_orders o ON o.id = r.order_id
                 WHERE r.status = 'ACTIVE' ORDER BY r.id OFFSET $1 LIMIT 1 FOR UPDATE OF r";
    Ok(work.tx.query_opt(query, &[&skip])?)
}

/// All of it or, one time in three, a part.
pub(super) fn ship(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = reservation(work)? else { return take_order(work) };
    let (id, order): (i64, i64) = (row.get(0), row.get(1));
    let (product, location, open, number): (i64, i32, f64, String) = (row.get(2), row.get(3), row.get(4), row.get(5));
    let part = open > 1.0 && work.dice.roll(3) == 0;
    let quantity = if part { (open / 2.0).floor() } else { open };
    let mut rows = stage::post(work.tx, &super::Shelf { product, location, on_hand: 0.0 }, "SALE", -quantity, &number)?;
    let status = if part { "ACTIVE" } else { "FULFILLED" };
    let update = "UPDATE reservations SET fulfilled = fulfilled + $2::float8, status = $3 WHERE id = $1";
    rows += work.tx.execute(update, &[&id, &quantity, &status])?;
    let shipped = "UPDATE sales_orders SET status = 'SHIPPED' WHERE id = $1 AND status = 'OPEN' AND NOT EXISTS
                   (SELECT 1 FROM reservations WHERE order_id = $1 AND status = 'ACTIVE')";
    Ok(rows + work.tx.execute(shipped, &[&order])?)
}

/// The customer does not want it any more, or not what is left of it.
pub(super) fn cancel_order(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = reservation(work)? else { return Ok(0) };
    let order: i64 = row.get(1);
    let release = "UPDATE reservations SET status = 'CANCELLED' WHERE order_id = $1 AND status = 'ACTIVE'";
    let cancel = "UPDATE sales_orders SET status = 'CANCELLED' WHERE id = $1";
    Ok(work.tx.execute(release, &[&order])? + work.tx.execute(cancel, &[&order])?)
}

/// Some applications delete what others cancel.
pub(super) fn drop_reservation(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = reservation(work)? else { return Ok(0) };
    let id: i64 = row.get(0);
    Ok(work.tx.execute("DELETE FROM reservations WHERE id = $1", &[&id])?)
}

/// One more, or one less, but never less than has gone out.
pub(super) fn change_reservation(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = reservation(work)? else { return Ok(0) };
    let (id, open): (i64, f64) = (row.get(0), row.get(4));
    let by = if open > 1.0 && work.dice.roll(2) == 0 { -1.0 } else { 1.0 };
    Ok(work.tx.execute("UPDATE reservations SET quantity = quantity + $2::float8 WHERE id = $1", &[&id, &by])?)
}

/// One of the newest sales of a kind: product, location, quantity sold, reference.
fn sale(work: &mut Work<'_, '_>) -> Result<Option<(super::Shelf, f64, String)>> {
    let skip = work.dice.roll(30);
    let query = "SELECT product_id, location_id, -quantity::float8, reference FROM stock_ledger
                 WHERE movement_type IN ('SALE', 'POS') ORDER BY id DESC OFFSET $1 LIMIT 1";
    let found = work.tx.query_opt(query, &[&skip])?;
    Ok(found
        .map(|row| (super::Shelf { product: row.get(0), location: row.get(1), on_hand: 0.0 }, row.get(2), row.get(3))))
}

/// Rung up by mistake: the goods never left.
pub(super) fn void_sale(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some((shelf, quantity, reference)) = sale(work)? else { return Ok(0) };
    stage::post(work.tx, &shelf, "VOID", quantity, &reference)
}

pub(super) fn take_back(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some((shelf, _, reference)) = sale(work)? else { return Ok(0) };
    stage::post(work.tx, &shelf, "RETURN", 1.0, &reference)
}
