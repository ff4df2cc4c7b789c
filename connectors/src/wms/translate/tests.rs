mod bench;
mod durable;
mod keys;
mod language;
mod parking;
mod properties;
mod reference;
mod wire;
