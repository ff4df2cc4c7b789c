//! Values in every form connectors give them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn column(value: Value<'static>, kind: impl Into<Option<Kind>>) -> Column<'static> {
    Column { name: "c".into(), value, kind: kind.into() }
}

fn number(digits: &'static str) -> Column<'static> {
    column(Value::Number(digits.into()), None)
}

fn words(text: &'static str) -> Column<'static> {
    column(Value::Text(text.into()), None)
}

fn berlin() -> Reading {
    Reading { zone: Zone::named("Europe/Berlin").unwrap(), ..Reading::default() }
}

fn exact(column: &Column<'_>) -> Result<Option<String>, DecodeError> {
    quantity(column, &Reading::default()).map(|read| read.map(|quantity| quantity.to_string()))
}

fn shown(column: &Column<'_>, reading: &Reading) -> String {
    match instant(column, reading) {
        Ok(Some(at)) => at.exact(),
        Ok(None) => "none".to_owned(),
        Err(error) => format!("{}: {}", error.class, error.message),
    }
}

#[test]
fn decimals_of_all_modes_are_one_number() {
    let scaled = Value::ScaledDecimal { scale: 1, unscaled: "GQ==".into() };
    for column in [
        words("2.5"),
        words(" 2.500 "),
        number("2.5"),
        number("25e-1"),
        column(Value::Text("CcQ=".into()), Kind::Decimal { scale: 3 }),
        column(Value::Number("2.500".into()), Kind::Decimal { scale: 3 }),
        column(scaled.clone(), None),
        column(scaled, Kind::Plain),
        column(Value::Number("2.5".into()), Kind::Float),
    ] {
        assert_eq!(exact(&column), Ok(Some("2.5".to_owned())), "{column:?}");
        assert_eq!(money(&column, &Reading::default()), Ok(Some(Money::from_micros(2_500_000))));
    }
    let given = Reading { scale: Some(3), ..Reading::default() };
    assert_eq!(quantity(&words("CcQ="), &given), Ok(Some(Quantity::from_thousandths(2500))));
    assert_eq!(quantity(&words("9jw="), &given), Ok(Some(Quantity::from_thousandths(-2500))), "two's complement");
    assert_eq!(exact(&column(Value::Bool(true), None)), Ok(Some("1".to_owned())));
    for nothing in [column(Value::Null, None), words(""), words("  ")] {
        assert_eq!(exact(&nothing), Ok(None));
    }
}

#[test]
fn only_binary_numbers_are_rounded_unasked() {
    let noise = "0.30000000000000004";
    let float = column(Value::Number(noise.into()), Kind::Float);
    assert_eq!(exact(&float), Ok(Some("0.3".to_owned())));
    let error = exact(&number(noise)).unwrap_err();
    assert_eq!(error.class, DecodeError::INVALID_QUANTITY);
    assert_eq!(error.message, "`c` is \"0.30000000000000004\": more than 3 decimals; `round: true` rounds it");
    let rounding = Reading { round: true, ..Reading::default() };
    assert_eq!(quantity(&number("-2.0005"), &rounding), Ok(Some(Quantity::from_thousandths(-2001))), "away from zero");
    assert_eq!(integer(&number("2.4"), &rounding), Ok(Some(2)));
    assert_eq!(integer(&number("2.5"), &Reading::default()).unwrap_err().class, DecodeError::INVALID_NUMBER);
}

#[test]
fn what_is_no_number_is_refused_with_the_way_out() {
    let error = exact(&words("CcQ=")).unwrap_err();
    assert_eq!(error.class, DecodeError::INVALID_NUMBER);
    assert!(error.message.contains("`c` is \"CcQ=\"") && error.message.contains("`scale`"), "{}", error.message);
    let bytes = column(Value::Text("2.5".into()), Kind::Decimal { scale: 2 });
    assert!(exact(&bytes).unwrap_err().message.contains("base64"));
    let error = exact(&number("1e30")).unwrap_err();
    assert_eq!(error.class, DecodeError::INVALID_QUANTITY);
    for column in [column(Value::Json("[1]".into()), None), words("NaN"), words("1,5"), number("1e400")] {
        assert!(exact(&column).is_err(), "{column:?}");
    }
    let error = exact(&column(Value::Unavailable, None)).unwrap_err();
    assert_eq!(error.class, DecodeError::MISSING_FIELD);
    assert!(error.message.contains("REPLICA IDENTITY FULL"));
}

#[test]
fn numbers_are_wall_time_of_the_zone() {
    let (ms, us, ns) = ("1764137640123", "1764137640123456", "1764137640123456789");
    for (column, utc) in [
        (column(Value::Number(ms.into()), Kind::LocalMillis), "2025-11-26T06:14:00.123Z"),
        (column(Value::Number(us.into()), Kind::LocalMicros), "2025-11-26T06:14:00.123Z"),
        (column(Value::Number(ns.into()), Kind::LocalNanos), "2025-11-26T06:14:00.123Z"),
        (number(ms), "2025-11-26T06:14:00.123Z"),
        (number(us), "2025-11-26T06:14:00.123Z"),
        (number(ns), "2025-11-26T06:14:00.123Z"),
        (words(ms), "2025-11-26T06:14:00.123Z"),
        (number("1764137640"), "2025-11-26T06:14:00Z"),
        (number("20418"), "2025-11-26T00:00:00Z"),
        (column(Value::Number("20418".into()), Kind::Days), "2025-11-26T00:00:00Z"),
    ] {
        assert_eq!(shown(&column, &Reading::default()), utc, "{column:?}");
        let local = Timestamp::parse(utc).unwrap().minus_ms(3_600_000).exact();
        assert_eq!(shown(&column, &berlin()), local, "{column:?}");
        assert_eq!(day(&column, &berlin()), Ok(Some(Day(20418))), "the day it shows, in every zone");
    }
}

#[test]
fn texts_are_wall_time_only_without_an_offset() {
    for (column, expected) in [
        (words("2026-11-22T05:54:00Z"), "2026-11-22T05:54:00Z"),
        (words("2026-11-22T05:54:00.25+08:00"), "2026-11-21T21:54:00.25Z"),
        (words("2026-11-22 05:54:00+00"), "2026-11-22T05:54:00Z"),
        (words("2026-11-22 05:54:00"), "2026-11-22T04:54:00Z"),
        (words("2026-11-22T05:54:00.123456"), "2026-11-22T04:54:00.123Z"),
        (words("2026-11-22"), "2026-11-21T23:00:00Z"),
        (column(Value::Text("2026-11-22T05:54:00Z".into()), Kind::Zoned), "2026-11-22T05:54:00Z"),
        // The connector writes a zoneless column as if it were in UTC.
        (column(Value::Text("2026-11-22T05:54:00Z".into()), Kind::IsoLocal), "2026-11-22T04:54:00Z"),
        (column(Value::Text("2026-11-22Z".into()), Kind::IsoLocal), "2026-11-21T23:00:00Z"),
    ] {
        assert_eq!(shown(&column, &berlin()), expected, "{column:?}");
    }
    assert_eq!(day(&words("2026-11-21T23:30:00Z"), &berlin()), Ok(Day::parse("2026-11-22").ok()));
    assert_eq!(day(&words("2026-11-22T23:30:00"), &berlin()), Ok(Day::parse("2026-11-22").ok()));
}

#[test]
fn zero_dates_are_no_dates() {
    for column in [
        column(Value::Null, Kind::Days),
        words(""),
        words("0000-00-00"),
        words("0000-00-00 00:00:00"),
        words("0000-00-00T00:00:00Z"),
        words("1970-01-01T00:00:00Z"),
        words("1970-01-01 00:00:00"),
        column(Value::Number("0".into()), Kind::Days),
        column(Value::Number("0".into()), Kind::LocalMicros),
        number("0"),
    ] {
        assert_eq!(shown(&column, &berlin()), "none", "{column:?}");
        assert_eq!(day(&column, &berlin()), Ok(None));
    }
}

#[test]
fn a_number_that_may_be_two_times_is_refused() {
    for digits in ["1", "-5", "10956", "47482", "946598400", "5000000000", "9223372036854775807"] {
        let message = shown(&number(digits), &Reading::default());
        assert!(message.starts_with("invalid_time") && message.contains("`time: days`"), "{message}");
    }
    let millis = Reading { time: TimeUnit::Millis, ..Reading::default() };
    assert_eq!(shown(&number("86400000"), &millis), "1970-01-02T00:00:00Z");
    let plain = column(Value::Number("86400000".into()), Kind::Plain);
    assert_eq!(shown(&plain, &millis), "1970-01-02T00:00:00Z");
    let kinded = column(Value::Number("20418".into()), Kind::Days);
    assert_eq!(shown(&kinded, &millis), "2025-11-26T00:00:00Z", "the schema knows better");
    let iso = Reading { time: TimeUnit::Iso, ..Reading::default() };
    assert!(shown(&number("20418"), &iso).contains("expected a text with a time"));
}

#[test]
fn what_is_no_time_is_refused() {
    for (column, class) in [
        (words("soon"), DecodeError::INVALID_TIME),
        (words("2026-13-01"), DecodeError::INVALID_TIME),
        (words("2026-02-30 10:00:00"), DecodeError::INVALID_TIME),
        (column(Value::Number("99999999999".into()), Kind::Days), DecodeError::INVALID_TIME),
        (column(Value::Number("3000000".into()), Kind::Days), DecodeError::INVALID_TIME),
        (column(Value::Number("9223372036854775807".into()), Kind::LocalMillis), DecodeError::INVALID_TIME),
        (column(Value::Number("1.5".into()), Kind::LocalMillis), DecodeError::MALFORMED),
        (column(Value::Bool(true), None), DecodeError::MALFORMED),
        (column(Value::Json("{}".into()), None), DecodeError::MALFORMED),
        (column(Value::Unavailable, None), DecodeError::MISSING_FIELD),
    ] {
        for error in [instant(&column, &berlin()).unwrap_err(), day(&column, &berlin()).unwrap_err()] {
            assert_eq!(error.class, class, "{error:?}");
            assert!(error.message.contains("`c`"));
        }
    }
}

#[test]
fn texts_are_what_stands_there() {
    let read = |column: Column<'static>| text(&column, &Reading::default()).unwrap().map(Cow::into_owned);
    assert_eq!(read(words(" A-1 ")), Some(" A-1 ".to_owned()));
    assert_eq!(read(words("")), Some(String::new()));
    assert_eq!(read(number("007")), Some("007".to_owned()));
    assert_eq!(read(column(Value::Bool(false), None)), Some("false".to_owned()));
    assert_eq!(read(column(Value::Text("BNI=".into()), Kind::Decimal { scale: 2 })), Some("12.34".to_owned()));
    assert_eq!(
        read(column(Value::ScaledDecimal { scale: 2, unscaled: "BNI=".into() }, None)),
        Some("12.34".to_owned())
    );
    assert_eq!(read(column(Value::Null, None)), None);
}

#[test]
fn booleans_of_every_database() {
    let read = |column: Column<'static>| boolean(&column, &Reading::default());
    for yes in [column(Value::Bool(true), None), number("1"), words("T"), words("yes"), words(" TRUE ")] {
        assert_eq!(read(yes), Ok(Some(true)));
    }
    for no in [column(Value::Bool(false), None), number("0"), words("N"), words("off")] {
        assert_eq!(read(no), Ok(Some(false)));
    }
    assert_eq!(read(words("")), Ok(None));
    assert_eq!(read(number("2")).unwrap_err().class, DecodeError::MALFORMED);
}

proptest! {
    #[test]
    fn decimals_survive_their_bytes(thousandths in -Quantity::LIMIT.thousandths()..=Quantity::LIMIT.thousandths()) {
        let written = STANDARD.encode(i128::from(thousandths).to_be_bytes());
        let short = STANDARD.encode(thousandths.to_be_bytes());
        for text in [written, short] {
            let column = Column { name: "c".into(), value: Value::Text(text.into()), kind: Some(Kind::Decimal { scale: 3 }) };
            prop_assert_eq!(quantity(&column, &Reading::default()), Ok(Some(Quantity::from_thousandths(thousandths))));
        }
    }

    #[test]
    fn wall_times_survive_every_unit(millis in 946_684_800_000_i64..4_102_444_800_000) {
        let at = Timestamp::from_millis(millis);
        for digits in [millis, millis * 1000 + 999, millis * 1_000_000 + 999_999] {
            let column = Column { name: "c".into(), value: Value::Number(digits.to_string().into()), kind: None };
            prop_assert_eq!(instant(&column, &Reading::default()), Ok(Some(at)));
        }
    }
}
