//! The warehouse itself: transfers, stocktakes, losses, and the list of what is sold.

use anyhow::Result;

use super::{Shelf, Work, stage};

pub(super) fn transfer(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(from) = stage::shelves(work.tx, work.dice, 1)?.pop() else { return Ok(0) };
    let places = "SELECT id FROM locations WHERE id <> $1 ORDER BY id OFFSET $2 LIMIT 1";
    let skip = work.dice.roll(2);
    let to: i32 = work.tx.query_one(places, &[&from.location, &skip])?.get(0);
    let quantity = (1 + work.dice.roll((from.on_hand as i64).min(10))) as f64;
    let reference = format!("T-{}", work.document);
    let ledger =
        "INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference, counter_location_id)
                  VALUES ($1, $2, 'XFER_OUT', -$4::float8, $5, $3), ($1, $3, 'XFER_IN', $4::float8, $5, $2)";
    Ok(work.tx.execute(ledger, &[&from.product, &from.location, &to, &quantity, &reference])?)
}

/// A few shelves of one place are counted, the differences posted.
pub(super) fn count(work: &mut Work<'_, '_>) -> Result<u64> {
    let most = 1 + work.dice.roll(4);
    let shelves = stage::shelves(work.tx, work.dice, most)?;
    let Some(Shelf { location, .. }) = shelves.first().copied() else { return Ok(0) };
    let number = format!("CNT-{}", work.document);
    let insert = "INSERT INTO counts (number, location_id) VALUES ($1, $2) RETURNING id";
    let count: i64 = work.tx.query_one(insert, &[&number, &location])?.get(0);
    let mut rows = 1;
    for shelf in shelves.into_iter().filter(|shelf| shelf.location == location) {
        let difference = (work.dice.roll(5) - 2) as f64;
        let line =
            "INSERT INTO count_lines (count_id, product_id, book, counted) VALUES ($1, $2, $3::float8, $4::float8)";
        rows += work.tx.execute(line, &[&count, &shelf.product, &shelf.on_hand, &(shelf.on_hand + difference)])?;
        if difference != 0.0 {
            rows += stage::post(work.tx, &shelf, "COUNT", difference, &number)?;
        }
    }
    Ok(rows)
}

pub(super) fn scrap(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(shelf) = stage::shelves(work.tx, work.dice, 1)?.pop() else { return Ok(0) };
    let quantity = 0.5 * (1 + work.dice.roll(3)) as f64;
    stage::post(work.tx, &shelf, "SCRAP", -quantity, &format!("X-{}", work.document))
}

pub(super) fn adjust(work: &mut Work<'_, '_>) -> Result<u64> {
    let Some(shelf) = stage::shelves(work.tx, work.dice, 1)?.pop() else { return Ok(0) };
    let quantity = if work.dice.roll(2) == 0 { -0.25 } else { 2.0 };
    stage::post(work.tx, &shelf, "ADJUST", quantity, &format!("A-{}", work.document))
}

/// One statement, as many rows as there are balances.
pub(super) fn correct_everything(work: &mut Work<'_, '_>) -> Result<u64> {
    let ledger = "INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reason)
                  SELECT product_id, location_id, 'ADJUST', 1, 'yearly correction' FROM stock_balances, generate_series(1, 3)
                  ORDER BY product_id, location_id";
    Ok(work.tx.execute(ledger, &[])?)
}

/// A new product and its first stock, of which a part is sold in the same transaction.
pub(super) fn list_product(work: &mut Work<'_, '_>) -> Result<u64> {
    let product = create(work)?;
    let shelf = Shelf { product, location: 1, on_hand: 0.0 };
    let reference = format!("A-{}", work.document);
    let rows = stage::post(work.tx, &shelf, "ADJUST", 30.0, &reference)?;
    Ok(1 + rows + stage::post(work.tx, &shelf, "POS", -2.0, &format!("POS-{}", work.document))?)
}

fn create(work: &mut Work<'_, '_>) -> Result<i64> {
    let insert = "INSERT INTO products (sku, name, category_id, supplier_id, price, lead_time_days)
                  VALUES ($1, 'new this season', $2, 1, 9.99, 3) RETURNING id";
    let (sku, category) = (format!("NEW-{}", work.document), 1 + work.dice.roll(3) as i32);
    Ok(work.tx.query_one(insert, &[&sku, &category])?.get(0))
}

/// Changes one product.
fn set(work: &mut Work<'_, '_>, what: &str) -> Result<u64> {
    let total: i64 = work.tx.query_one("SELECT count(*) FROM products", &[])?.get(0);
    let skip = work.dice.roll(total);
    let update =
        format!("UPDATE products SET {what} WHERE id = (SELECT id FROM products ORDER BY id OFFSET $1 LIMIT 1)");
    Ok(work.tx.execute(&update, &[&skip])?)
}

pub(super) fn change_product(work: &mut Work<'_, '_>) -> Result<u64> {
    set(work, "price = price + 0.10, category_id = 1 + category_id % 3")
}

/// So long that the database stores it elsewhere, and does not send it again with other changes.
pub(super) fn describe_product(work: &mut Work<'_, '_>) -> Result<u64> {
    set(work, "description = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 300))")
}

pub(super) fn list_and_drop_product(work: &mut Work<'_, '_>) -> Result<u64> {
    let product = create(work)?;
    Ok(1 + work.tx.execute("DELETE FROM products WHERE id = $1", &[&product])?)
}

/// Changes the primary key of a product; whatever names it follows.
pub(super) fn renumber_product(work: &mut Work<'_, '_>) -> Result<u64> {
    set(work, "id = id + 1000000")
}
