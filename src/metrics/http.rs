//! Requests to the admin port.

use std::time::Duration;

use prometheus::{HistogramVec, Result};

use super::Families;
use super::families::FAST;

#[derive(Clone)]
pub struct HttpMetrics {
    requests: HistogramVec,
}

impl HttpMetrics {
    pub(super) fn new(families: &Families) -> Result<Self> {
        let requests = families.histograms(
            "http_request_duration_seconds",
            &["route", "method", "code"],
            &FAST,
            "Requests, by route template; `other` is what nobody serves.",
        )?;
        Ok(Self { requests })
    }

    /// `route`: a template, or `other`.
    pub fn answered(&self, route: &str, method: &str, code: u16, took: Duration) {
        // Methods are anybody's words.
        let method = if matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE") { method } else { "other" };
        self.requests.with_label_values(&[route, method, &code.to_string()]).observe(took.as_secs_f64());
    }
}
