//! A point of a sweep as one JSON line. It must never hold a figure that is none: NaN and infinity are errors.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

#[derive(Debug)]
enum Value {
    Whole(u64),
    Figure(f64, usize),
    Text(String),
}

#[derive(Debug)]
pub(super) struct Line {
    sweep: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    pub(super) fn of(sweep: &'static str) -> Self {
        Self { sweep, fields: Vec::new() }
    }

    pub(super) fn sweep(&self) -> &'static str {
        self.sweep
    }

    pub(super) fn whole(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.fields.push((name, Value::Whole(value)));
        self
    }

    pub(super) fn figure(&mut self, name: &'static str, value: f64, decimals: usize) -> &mut Self {
        self.fields.push((name, Value::Figure(value, decimals)));
        self
    }

    pub(super) fn text_of(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.fields.push((name, Value::Text(value.to_owned())));
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<f64> {
        let (_, value) = self.fields.iter().find(|(field, _)| *field == name)?;
        match value {
            Value::Whole(value) => Some(*value as f64),
            Value::Figure(value, _) => Some(*value),
            Value::Text(_) => None,
        }
    }

    /// As JSON.
    pub(super) fn text(&self) -> Result<String> {
        let mut text = format!("{{\"sweep\":\"{}\"", self.sweep);
        for (name, value) in &self.fields {
            // Writing to a String cannot fail.
            let _ = match value {
                Value::Whole(value) => write!(text, ",\"{name}\":{value}"),
                Value::Figure(value, decimals) => {
                    ensure!(value.is_finite(), "{}: {name} is {value}, which is no figure", self.sweep);
                    write!(text, ",\"{name}\":{value:.decimals$}")
                }
                Value::Text(value) => write!(text, ",\"{name}\":\"{}\"", plain(value)),
            };
        }
        Ok(text + "}")
    }
}

/// Without what JSON would have to escape.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_one_json_line() {
        let mut line = Line::of("positions");
        line.whole("positions", 10).figure("events_per_s", 2.5, 1).text_of("machine", "a \"b\"");
        let text = r#"{"sweep":"positions","positions":10,"events_per_s":2.5,"machine":"a b"}"#;
        assert_eq!(line.text().unwrap(), text);
        assert_eq!((line.get("positions"), line.get("absent")), (Some(10.0), None));
    }

    #[test]
    fn what_is_no_figure_is_an_error() {
        let mut line = Line::of("positions");
        assert!(line.figure("events_per_s", f64::NAN, 0).text().is_err());
        assert!(Line::of("positions").figure("events_per_s", 1.0 / 0.0, 0).text().is_err());
    }
}
