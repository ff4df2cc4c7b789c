//! `Place`: what decisions need to know of a location.

use schemas::{Location, Zone};

/// A location as the decision core sees it. Its local days come from `zone`.
#[derive(Clone, Debug)]
pub struct Place {
    pub location: String,
    pub name: Option<String>,
    pub name_zh: Option<String>,
    pub region: Option<String>,
    pub kind: Option<String>,
    /// A warehouse's outbound transfers are its dependent demand.
    pub warehouse: bool,
    pub zone: Zone,
}

impl Place {
    /// A location nobody described: a store whose day is the UTC day.
    #[must_use]
    pub fn unknown(location: &str) -> Self {
        Self {
            location: location.to_owned(),
            name: None,
            name_zh: None,
            region: None,
            kind: None,
            warehouse: false,
            zone: Zone::UTC,
        }
    }

    /// Fails with a sentence for the operator when the time zone's name is unknown.
    pub fn from_location(location: &Location) -> Result<Self, String> {
        let zone = match location.time_zone.as_deref() {
            None => Zone::UTC,
            Some(name) => Zone::named(name).ok_or_else(|| {
                format!(
                    "location {}: unknown time zone \"{name}\"; use an IANA name such as \"Europe/London\"",
                    location.location
                )
            })?,
        };
        Ok(Self {
            location: location.location.clone(),
            name: location.name.clone(),
            name_zh: location.name_zh.clone(),
            region: location.region.clone(),
            warehouse: location.kind.as_deref() == Some("warehouse"),
            kind: location.kind.clone(),
            zone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_zone_name_is_refused_with_the_location() {
        let location =
            Location { location: "STORE-7".into(), time_zone: Some("Mars/Olympus".into()), ..Location::default() };
        let reason = Place::from_location(&location).unwrap_err();
        assert!(reason.contains("STORE-7") && reason.contains("Mars/Olympus"), "{reason}");
    }

    #[test]
    fn only_the_kind_warehouse_is_a_warehouse() {
        let of = |kind: &str| Location { location: "X".into(), kind: Some(kind.into()), ..Location::default() };
        assert!(Place::from_location(&of("warehouse")).unwrap().warehouse);
        assert!(!Place::from_location(&of("store")).unwrap().warehouse);
        assert!(!Place::unknown("X").warehouse);
    }
}
