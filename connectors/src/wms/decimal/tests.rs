//! Exactness, and what does not fit.

use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

#[test]
fn numbers_are_read_exactly() {
    for (text, expected) in [
        ("0", "0"),
        ("-0.000", "0"),
        ("2.500", "2.5"),
        ("-0.125", "-0.125"),
        ("1e3", "1000"),
        ("1.5E-7", "0.00000015"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0e999999", "0"),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    ] {
        assert_eq!(decimal(text).to_string(), expected, "{text}");
    }
    for text in ["", "-", ".", "e3", "1e", "1.2.3", "+1", "NaN", "1,5", " 1", "--1", "1e1.5", "一"] {
        assert_eq!(Decimal::parse(text), Err(DecimalError::Syntax), "{text}");
    }
    for text in ["1e39", "1e-39", "1e999999999999", "1000000000000000000000000000000000000000"] {
        assert_eq!(Decimal::parse(text), Err(DecimalError::TooLong), "{text}");
    }
}

#[test]
fn bytes_are_a_big_endian_twos_complement() {
    for (text, scale, expected) in [
        ("BNI=", 2, "12.34"),
        ("+y4=", 2, "-12.34"),
        ("AA==", 5, "0"),
        ("/w==", 0, "-1"),
        ("AQ==", -3, "1000"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAATS", 2, "12.34"),
        ("///////////////////////////7Lg==", 2, "-12.34"),
    ] {
        assert_eq!(Decimal::from_base64(text, scale).map(|value| value.to_string()), Ok(expected.to_owned()), "{text}");
    }
    for text in ["", "====", "BNI", "B N I=", "12.5"] {
        assert_eq!(Decimal::from_base64(text, 0), Err(DecimalError::Syntax), "{text}");
    }
    for (text, scale) in
        [("f////////////////////////w==", 0), ("AQ==", 39), ("AQ==", i32::MIN), ("gAAAAAAAAAAAAAAAAAAAAA==", 0)]
    {
        assert_eq!(Decimal::from_base64(text, scale), Err(DecimalError::TooLong), "{text}");
    }
    assert_eq!(Decimal::from_base64(&"AAAA".repeat(40), 0), Err(DecimalError::TooLong));
}

#[test]
fn halves_are_rounded_away_from_zero() {
    for (text, places, expected) in [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("2.4999", 0, "2"),
        ("0.0005", 3, "0.001"),
        ("1.25", 4, "1.25"),
        ("9.99", 1, "10"),
    ] {
        assert_eq!(decimal(text).rounded(places).to_string(), expected, "{text}");
    }
}

#[test]
fn what_does_not_fit_its_field_is_refused() {
    assert_eq!(decimal("0.0001").quantity(false), Err(DecimalError::TooPrecise(3)));
    assert_eq!(decimal("0.0001").quantity(true), Ok(Quantity::ZERO));
    assert_eq!(decimal("1e13").quantity(true), Err(DecimalError::TooLarge(1_000_000_000_000)));
    assert_eq!(decimal("1e38").money(true), Err(DecimalError::TooLarge(1_000_000_000_000)));
    assert_eq!(decimal("1e12").quantity(false), Ok(Quantity::LIMIT));
    assert_eq!(decimal("9223372036854775808").integer(false), Err(DecimalError::TooLarge(i64::MAX)));
    assert_eq!(decimal("1e38").times(decimal("1e38")), Err(DecimalError::TooLong));
    assert_eq!(decimal("1e-20").times(decimal("1e-20")), Err(DecimalError::TooLong));
    assert_eq!(decimal("99999999999999999999999999999999999999").plus(decimal("0.1")), Err(DecimalError::TooLong));
}

proptest! {
    #[test]
    fn arithmetic_is_that_of_whole_numbers(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000, p in 0_u32..9, q in 0_u32..9) {
        let (x, y) = (decimal(&format!("{a}e-{p}")), decimal(&format!("{b}e-{q}")));
        let (wide_a, wide_b) = (i128::from(a) * 10_i128.pow(9 - p), i128::from(b) * 10_i128.pow(9 - q));
        prop_assert_eq!(x.plus(y), Decimal::parse(&format!("{}e-9", wide_a + wide_b)));
        prop_assert_eq!(x.minus(y), Decimal::parse(&format!("{}e-9", wide_a - wide_b)));
        prop_assert_eq!(x.times(y), Decimal::parse(&format!("{}e-{}", i128::from(a) * i128::from(b), p + q)));
        prop_assert_eq!(x.cmp(&y), wide_a.cmp(&wide_b));
        prop_assert_eq!(decimal(&x.to_string()), x);
        prop_assert_eq!(x.abs().is_negative(), false);
        prop_assert_eq!(x.negated().plus(x), Ok(Decimal::ZERO));
    }

    #[test]
    fn far_apart_numbers_are_ordered(a in -9_i64..10, b in -9_i64..10, p in 0_i32..76, q in 0_i32..76) {
        let (x, y) = (decimal(&format!("{a}e{}", p - 38)), decimal(&format!("{b}e{}", q - 38)));
        let (fx, fy) = (a as f64 * 10_f64.powi(p - 38), b as f64 * 10_f64.powi(q - 38));
        if (fx - fy).abs() > fx.abs().max(fy.abs()) * 1e-9 {
            prop_assert_eq!(x.cmp(&y), fx.partial_cmp(&fy).unwrap());
        }
    }

    #[test]
    fn quantities_are_read_as_the_records_of_the_product_are(text in "-?[0-9]{0,20}\\.?[0-9]{0,6}(e-?[0-9]{1,2})?") {
        match (Decimal::parse(&text).and_then(|value| value.quantity(false)), Quantity::parse(&text)) {
            (Err(DecimalError::TooLong), Err(_)) => {}
            (ours, theirs) => prop_assert_eq!(ours, theirs),
        }
    }

    #[test]
    fn no_text_panics(text in "[-+0-9.eE]{0,60}", other in ".{0,20}", scale: i32) {
        for text in [&text, &other] {
            for value in [Decimal::parse(text), Decimal::from_base64(text, scale)].into_iter().flatten() {
                let _ = (value.quantity(true), value.money(true), value.integer(true), value.times(value), value.to_string());
            }
        }
    }
}
