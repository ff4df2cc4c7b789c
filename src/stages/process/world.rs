//! What every key of a partition shares: rules in force, places, the level of the site.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use processor::operator::{BroadcastRecord, Rejection};
use rules::place::Place;
use rules::ruleset::{self, RuleBook, RuleDocument};
use rules::site::SiteLevel;
use schemas::stream::RuleDocumentRecord;
use schemas::{Location, Timestamp, topics};

/// The surroundings of a partition's keys.
pub(super) struct World {
    /// By document id: the version that took effect last.
    documents: BTreeMap<String, RuleDocument>,
    book: RuleBook,
    places: HashMap<String, Arc<Place>>,
    pub(super) site: SiteLevel,
}

impl Default for World {
    fn default() -> Self {
        Self { documents: BTreeMap::new(), book: RuleBook::empty(), places: HashMap::new(), site: SiteLevel::default() }
    }
}

/// What a broadcast record has changed.
pub(super) enum Change {
    Nothing,
    Rules,
    Place(String),
}

/// When a broadcast record takes effect. A document that cannot be read is refused here.
pub(super) fn effective_at(record: &BroadcastRecord) -> Result<Option<Timestamp>, Rejection> {
    match (record.topic.as_str(), &record.value) {
        (topics::RULES, Some(value)) => {
            let document = rule_document(value)?;
            parse(&document)?;
            Ok((document.effective_at > Timestamp::EARLIEST).then_some(document.effective_at))
        }
        (topics::LOCATIONS, Some(value)) => {
            let location = decode_location(value)?;
            Place::from_location(&location).map_err(|reason| Rejection::new("invalid_location", reason))?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

impl World {
    pub(super) fn rules(&self) -> &RuleBook {
        &self.book
    }

    /// The place of that name; one nobody described is a store in UTC.
    pub(super) fn place(&mut self, location: &str) -> Arc<Place> {
        if let Some(place) = self.places.get(location) {
            return place.clone();
        }
        let place = Arc::new(Place::unknown(location));
        self.places.insert(location.to_owned(), place.clone());
        place
    }

    /// Takes a broadcast record into force. Records were checked by [`effective_at`] before.
    pub(super) fn take(&mut self, record: &BroadcastRecord) -> Change {
        let taken = match record.topic.as_str() {
            topics::RULES => self.take_rules(record),
            topics::LOCATIONS => self.take_location(record),
            _ => Ok(Change::Nothing),
        };
        taken.unwrap_or_else(|rejection| {
            tracing::error!(topic = %record.topic, offset = record.offset, reason = %rejection.message, "broadcast record ignored");
            Change::Nothing
        })
    }

    fn take_rules(&mut self, record: &BroadcastRecord) -> Result<Change, Rejection> {
        if let Some(value) = &record.value {
            let document = parse(&rule_document(value)?)?;
            self.documents.insert(document.id.clone(), document);
        } else {
            let key = String::from_utf8_lossy(&record.key);
            let (id, version) = key.rsplit_once('@').unwrap_or((&key, ""));
            if self.documents.get(id).is_none_or(|d| d.version.to_string() != version) {
                return Ok(Change::Nothing);
            }
            self.documents.remove(id);
        }
        let documents: Vec<RuleDocument> = self.documents.values().cloned().collect();
        self.book = RuleBook::from_documents(&documents);
        Ok(Change::Rules)
    }

    fn take_location(&mut self, record: &BroadcastRecord) -> Result<Change, Rejection> {
        let place = match &record.value {
            Some(value) => Place::from_location(&decode_location(value)?)
                .map_err(|reason| Rejection::new("invalid_location", reason))?,
            None => Place::unknown(&String::from_utf8_lossy(&record.key)),
        };
        let location = place.location.clone();
        self.places.insert(location.clone(), Arc::new(place));
        Ok(Change::Place(location))
    }
}

fn rule_document(value: &[u8]) -> Result<RuleDocumentRecord, Rejection> {
    schemas::avro::decode_rule_document(value).map_err(|e| Rejection::new(e.class, e.message))
}

fn decode_location(value: &[u8]) -> Result<Location, Rejection> {
    schemas::avro::decode_location(value).map_err(|e| Rejection::new(e.class, e.message))
}

fn parse(record: &RuleDocumentRecord) -> Result<RuleDocument, Rejection> {
    let name = format!("{}@{}", record.id, record.version);
    let mut document = ruleset::parse(&name, &record.body).map_err(|errors| {
        let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Rejection::new("invalid_rules", reasons.join("; "))
    })?;
    // Which of two documents took effect later decides between rules of one kind: the record knows.
    if record.effective_at > Timestamp::EARLIEST {
        document.effective_at = Some(record.effective_at);
    }
    Ok(document)
}
