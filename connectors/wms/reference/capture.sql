-- What change capture needs of the database, once. A superuser runs it; wal_level must be `logical`.

-- Who reads: may replicate, may read, and may write its heartbeat. Choose a password of your own.
CREATE ROLE debezium WITH LOGIN REPLICATION PASSWORD 'debezium';
GRANT USAGE ON SCHEMA public TO debezium;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO debezium;
GRANT INSERT, UPDATE ON cdc_heartbeat TO debezium;

-- What is read: the tables of mapping.yaml and the heartbeat.
CREATE PUBLICATION quartermaster FOR TABLE
    categories, suppliers, products, locations, lots, stock_balances, stock_ledger,
    purchase_orders, purchase_order_lines, sales_orders, reservations, counts, count_lines, cdc_heartbeat;

-- Rows of these are deleted, and mapping.yaml wants to know what they were. Without this, the rest of
-- a deleted row comes as made-up values: 0 for a number, the default for a text that has one.
ALTER TABLE purchase_order_lines REPLICA IDENTITY FULL;
ALTER TABLE reservations REPLICA IDENTITY FULL;
