//! Purchase orders: drafted, placed, changed, received in parts and lots, cancelled.

use anyhow::Result;
use postgres::Row;

use super::{Work, stage};

pub(super) fn order(work: &mut Work<'_, '_>) -> Result<u64> {
    write(work, "OPEN")
}

pub(super) fn draft(work: &mut Work<'_, '_>) -> Result<u64> {
    write(work, "DRAFT")
}

fn write(work: &mut Work<'_, '_>, status: &str) -> Result<u64> {
    let (number, days) = (format!("PO-{}", work.document), work.dice.roll(20) as f64);
    let insert = "INSERT INTO purchase_orders (number, supplier_id, location_id, expected_at)
                  SELECT $1, 1 + ($2::float8)::integer % 3, id, now() + $2::float8 * interval '1 day' FROM locations
                  ORDER BY id OFFSET $3 LIMIT 1 RETURNING id";
    let place = work.dice.roll(3);
    let order: i64 = work.tx.query_one(insert, &[&number, &days, &place])?.get(0);
    let mut rows = 1;
    let mut products: Vec<i64> = Vec::new();
    let lines = 1 + work.dice.roll(4);
    for shelf in stage::shelves(work.tx, work.dice, lines)? {
        if products.contains(&shelf.product) {
            continue;
        }
        products.push(shelf.product);
        let (line_no, quantity) = (products.len() as i32, (6 * (1 + work.dice.roll(8))) as f64);
        let line = "INSERT INTO purchase_order_lines (order_id, line_no, product_id, quantity, status)
                    VALUES ($1, $2, $3, $4::float8, $5)";
        rows += work.tx.execute(line, &[&order, &line_no, &shelf.product, &quantity, &status])?;
    }
    Ok(rows)
}

/// A line in one of these states, ours until the transaction ends: order, line, product, location,
/// open, received, number of the order.
fn line(work: &mut Work<'_, '_>, condition: &str) -> Result<Option<Row>> {
    let skip = work.dice.roll(12);
    let query = format!(
        "SELECT i.order_id, i.line_no, i.product_id, o.location_id, i.open_quantity::float8, i.received::float8, o.number
         FROM purchase_order_lines i JOIN purchase_orders o ON o.id = i.order_id
         WHERE {condition} ORDER BY i.order_id, i.line_no OFFSET $1 LIMIT 1 FOR UPDATE OF i"
    );
    Ok(work.tx.query_opt(&query, &[&skip])?)
}

/// Changes one line.
fn set(work: &mut Work<'_, '_>, row: &Row, what: &str) -> Result<u64> {
    let (order, line_no): (i64, i32) = (row.get(0), row.get(1));
    let update = format!("UPDATE purchase_order_lines SET {what} WHERE order_id = $1 AND line_no = $2");
    Ok(work.tx.execute(&update, &[&order, &line_no])?)
}

pub(super) fn place_draft(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status = 'DRAFT'")? else { return Ok(0) };
    set(work, &row, "status = 'OPEN'")
}

/// A part, all of it, or more; every second time as a lot.
pub(super) fn receive(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status = 'OPEN' AND i.open_quantity > 0")? else { return order(work) };
    let (order, line_no, product, location): (i64, i32, i64, i32) = (row.get(0), row.get(1), row.get(2), row.get(3));
    let (open, number): (f64, String) = (row.get(4), row.get(6));
    let quantity = match work.dice.roll(4) {
        0 if open > 1.0 => (open / 2.0).floor(),
        1 => open + 1.0,
        _ => open,
    };
    let mut lot: Option<i64> = None;
    let mut rows = 0;
    if work.dice.roll(2) == 0 {
        let (name, days) = (format!("L-{}", work.document), work.dice.roll(90) as i32);
        let insert = "INSERT INTO lots (product_id, number, expires_on) VALUES ($1, $2, current_date + $3::integer) RETURNING id";
        lot = Some(work.tx.query_one(insert, &[&product, &name, &days])?.get(0));
        rows += 1;
    }
    let receipt = "INSERT INTO receipts (order_id, line_no, quantity, lot_id) VALUES ($1, $2, $3::float8, $4)";
    rows += work.tx.execute(receipt, &[&order, &line_no, &quantity, &lot])?;
    let ledger = "INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference, lot_id)
                  VALUES ($1, $2, 'RECEIPT', $3::float8, $4, $5)";
    rows += work.tx.execute(ledger, &[&product, &location, &quantity, &number, &lot])?;
    let update = "UPDATE purchase_order_lines SET received = received + $3::float8,
                  status = CASE WHEN $3::float8 >= open_quantity THEN 'CLOSED' ELSE status END
                  WHERE order_id = $1 AND line_no = $2";
    Ok(rows + work.tx.execute(update, &[&order, &line_no, &quantity])?)
}

/// More, or less, but never less than has come.
pub(super) fn change_line(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status IN ('DRAFT', 'OPEN') AND i.open_quantity > 3")? else { return Ok(0) };
    let by = if work.dice.roll(2) == 0 { "quantity = quantity - 3" } else { "quantity = quantity + 6" };
    set(work, &row, by)
}

/// What has not come will not come.
pub(super) fn cancel_rest(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status = 'OPEN' AND i.open_quantity > 0")? else { return Ok(0) };
    set(work, &row, "cancelled = cancelled + open_quantity, status = 'CLOSED'")
}

pub(super) fn cancel_line(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status = 'OPEN' AND i.received = 0")? else { return Ok(0) };
    set(work, &row, "status = 'CANCELLED'")
}

pub(super) fn delete_line(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.status IN ('DRAFT', 'OPEN') AND i.received = 0")? else { return Ok(0) };
    let (order, line_no): (i64, i32) = (row.get(0), row.get(1));
    let delete = "DELETE FROM purchase_order_lines WHERE order_id = $1 AND line_no = $2";
    Ok(work.tx.execute(delete, &[&order, &line_no])?)
}

/// Changes the primary key of a line, and of its receipts.
pub(super) fn renumber_line(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(row) = line(work, "i.line_no < 1000")? else { return Ok(0) };
    set(work, &row, "line_no = line_no + 1000")
}
