//! The `webhook` channel: an HTTP POST, signed as Standard Webhooks has it.
//!
//! Headers `webhook-id` (the attempt's id, the same on every try: receivers deduplicate by it),
//! `webhook-timestamp` (seconds, of this try) and `webhook-signature`; the body is
//! `{"type":…,"timestamp":…,"data":<the alert>}`, the same bytes on every try. Redirects are not
//! followed, answers are read up to a few KiB, and the address is never logged: it may hold a token.

mod answer;
mod sign;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use schemas::Alert;
use schemas::notification::{DeliveryError, SendOutcome, Verdict};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::registry::{self, ChannelType, Settings};
use super::secret::{self, Secrets};
use super::{Channel, ChannelError, Outgoing, Sending};
use answer::Answer;
use sign::SigningKey;

pub const TYPE: ChannelType = ChannelType {
    name: "webhook",
    summary: "An HTTP POST of the alert as JSON, signed as Standard Webhooks has it",
    build,
    example: "[[notify.channels]]\nname = \"ops\"\ntype = \"webhook\"\nurl = \"https://ops.example.com/alerts\"\n\
              secret_files = [\"/run/secrets/quartermaster/channels/ops.secret\"]\n",
};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 4096;
const MAX_TIMEOUT_MS: u64 = 120_000;

/// What a webhook is configured with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSettings {
    /// Where to post to.
    url: Option<String>,
    /// A file that holds the address, where it holds a token.
    url_file: Option<PathBuf>,
    /// Files with `whsec_` secrets; every secret signs, so that two are valid while they are exchanged.
    #[serde(default)]
    secret_files: Vec<PathBuf>,
    /// A variable with secrets, separated by spaces.
    secret_env: Option<String>,
    #[serde(default = "connect_timeout_ms")]
    connect_timeout_ms: u64,
    /// For all of a try, the answer included.
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    /// Allows plain HTTP to other machines.
    #[serde(default)]
    allow_insecure: bool,
}

fn connect_timeout_ms() -> u64 {
    5_000
}

fn timeout_ms() -> u64 {
    15_000
}

struct Webhook {
    client: Client,
    url: Url,
    secrets: Secrets<SigningKey>,
    timeout_ms: u64,
}

fn build(settings: &Settings) -> Result<Arc<dyn Channel>, ChannelError> {
    let settings: WebhookSettings = registry::read(settings)?;
    let url = address(&settings)?;
    for (name, ms) in [("timeout_ms", settings.timeout_ms), ("connect_timeout_ms", settings.connect_timeout_ms)] {
        if !(1..=MAX_TIMEOUT_MS).contains(&ms) {
            return Err(ChannelError(format!("`{name}` is {ms}; it must be from 1 to {MAX_TIMEOUT_MS}")));
        }
    }
    let client = client(&settings, &url)?;
    let secrets = secrets(settings.secret_files, settings.secret_env.as_deref())?;
    Ok(Arc::new(Webhook { client, url, secrets, timeout_ms: settings.timeout_ms }))
}

fn client(settings: &WebhookSettings, url: &Url) -> Result<Client, ChannelError> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_millis(settings.connect_timeout_ms))
        .timeout(Duration::from_millis(settings.timeout_ms))
        .user_agent(concat!("quartermaster/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| ChannelError(format!("no HTTP client: {error}")))
}

/// The address, over TLS unless that would make no difference or was asked for.
fn address(settings: &WebhookSettings) -> Result<Url, ChannelError> {
    let text = match (&settings.url, &settings.url_file) {
        (Some(url), None) => url.clone(),
        (None, Some(file)) => secret::read(file)?.trim().to_owned(),
        _ => return Err(ChannelError("give either `url` or `url_file`".to_owned())),
    };
    let url = Url::parse(&text).map_err(|error| ChannelError(format!("the address is no URL: {error}")))?;
    let plain_is_fine = settings.allow_insecure || is_loopback(&url);
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_is_fine => Ok(url),
        "http" => Err(ChannelError(format!(
            "plain HTTP to {} shows every alert to the network; use https, or set allow_insecure = true",
            url.host_str().unwrap_or_default()
        ))),
        scheme => Err(ChannelError(format!("the address begins with {scheme}:; use https"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn secrets(files: Vec<PathBuf>, variable: Option<&str>) -> Result<Secrets<SigningKey>, ChannelError> {
    let mut texts = Vec::new();
    if let Some(name) = variable {
        let text = std::env::var(name).map_err(|_| ChannelError(format!("the variable {name} is not set")))?;
        texts.push((name, text));
    }
    if files.is_empty() && texts.is_empty() {
        let message = "no secret: name a file in `secret_files`, or a variable in `secret_env`";
        return Err(ChannelError(message.to_owned()));
    }
    Secrets::load(files, &texts, SigningKey::parse)
}

impl Channel for Webhook {
    fn kind(&self) -> &'static str {
        TYPE.name
    }

    /// By `webhook-id`.
    fn idempotent(&self) -> bool {
        true
    }

    fn fingerprint(&self) -> String {
        STANDARD.encode(Sha256::digest(self.url.as_str()))
    }

    fn timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> Sending<'a> {
        Box::pin(self.post(outgoing))
    }
}

impl Webhook {
    async fn post(&self, outgoing: &Outgoing) -> SendOutcome {
        let order = &outgoing.notification;
        let body = body(&order.alert);
        let id = order.attempt_id.to_string();
        let timestamp = outgoing.sent_at.millis().div_euclid(1000);
        let Some(headers) = headers(&id, timestamp, &sign::signatures(&self.secrets.current(), &id, timestamp, &body))
        else {
            let message = "a header cannot be written".to_owned();
            return SendOutcome::failed(Verdict::Refused, DeliveryError::Internal, message);
        };
        match self.client.post(self.url.clone()).headers(headers).body(body).send().await {
            Ok(response) => read(response, outgoing).await,
            Err(error) => answer::failure(&error.without_url()),
        }
    }
}

fn headers(id: &str, timestamp: i64, signature: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ID, HeaderValue::from_str(id).ok()?);
    headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
    headers.insert(SIGNATURE, HeaderValue::from_str(signature).ok()?);
    Some(headers)
}

/// Reads what an answer means. Its status alone decides: a body that breaks off changes nothing.
async fn read(mut response: Response, outgoing: &Outgoing) -> SendOutcome {
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER_BYTES - body.len())]),
            Ok(None) | Err(_) => break,
        }
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    answer::outcome(&Answer { status: response.status().as_u16(), retry_after, body: &body }, outgoing.sent_at)
}

/// The payload. Its type is that of the alert's CloudEvents header.
fn body(alert: &Alert) -> Vec<u8> {
    let (kind, state) = (alert.kind.name(), alert.state.name());
    let mut body =
        format!(r#"{{"type":"quartermaster.alert.{kind}.{state}","timestamp":"{}","data":"#, alert.occurred_at)
            .into_bytes();
    schemas::canonical::write_alert(alert, &mut body);
    body.truncate(body.trim_ascii_end().len());
    body.push(b'}');
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &serde_json::Value) -> String {
        let settings = settings.as_object().cloned().unwrap_or_default();
        build(&settings).err().map_or_else(|| panic!("{settings:?} was accepted"), |error| error.0)
    }

    #[test]
    fn wrong_settings_are_refused_with_what_to_do() {
        let secret = serde_json::json!(["/nowhere/secret"]);
        for (settings, says) in [
            (serde_json::json!({"secret_files": secret}), "`url` or `url_file`"),
            (serde_json::json!({"url": "https://a.example", "url_file": "/x", "secret_files": secret}), "either"),
            (serde_json::json!({"url": "ops", "secret_files": secret}), "no URL"),
            (serde_json::json!({"url": "ftp://a.example", "secret_files": secret}), "use https"),
            (serde_json::json!({"url": "http://a.example/t0ken", "secret_files": secret}), "allow_insecure"),
            (serde_json::json!({"url": "https://a.example"}), "`secret_files`"),
            (serde_json::json!({"url": "https://a.example", "secret_files": secret}), "cannot read /nowhere/secret"),
            (serde_json::json!({"url": "https://a.example", "secret_env": "QM_NOT_THERE"}), "QM_NOT_THERE is not set"),
            (serde_json::json!({"url": "https://a.example", "timeout_ms": 0, "secret_files": secret}), "from 1 to"),
        ] {
            let message = refused(&settings);
            assert!(message.contains(says) && !message.contains("t0ken"), "{settings}: {message}");
        }
        for url in ["http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:9/x"] {
            assert!(refused(&serde_json::json!({"url": url})).contains("`secret_files`"), "{url}");
        }
    }
}
